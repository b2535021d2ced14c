"""What a site or an author says about being read by machines → whether we may. Pure."""

import re
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

from intents.page import elements_of

AGENT = "vrm-intent-broker"

_NOBOT = re.compile(r"[#＃](?:nobots?|noindex|nosearch|noscrap\w*)\b", re.IGNORECASE)
_NO = frozenset({"noindex", "none"})
_MASTODON_POST = re.compile(r"(/@[\w.@-]{1,200})/\d{5,30}", re.ASCII)


def robots_allow(robots_txt: bytes, url: str) -> bool:
    """Whether a robots.txt (RFC 9309) lets us read an address of its host."""
    rules = RobotFileParser()
    rules.parse(robots_txt[:500_000].decode("utf-8", "replace").splitlines())
    return rules.can_fetch(AGENT, url)


def says_nobot(*texts: str) -> bool:
    """Whether an author asks machines to stay away, as people do on Mastodon."""
    return any(_NOBOT.search(text) for text in texts)


def forbids_index(page: bytes, robots_tag: str) -> bool:
    """Whether a page, or its X-Robots-Tag header, says noindex."""
    metas = [element.attributes for element in elements_of(page) if element.name == "meta"]
    written = [meta.get("content", "") for meta in metas if meta.get("name", "").lower() in {"robots", AGENT}]
    said = (robots_tag.rpartition(":")[2], *written)
    return any(_NO & {word.strip().lower() for word in text.split(",")} for text in said)


def profile_of(url: str) -> str:
    """The page of the author of a post on Mastodon, where #nobot stands; "" for any other post."""
    parts = urlsplit(url)
    found = _MASTODON_POST.fullmatch(parts.path)
    return f"{parts.scheme}://{parts.netloc}{found[1]}" if found else ""


def names_blocked(blocked: str, *texts: str) -> bool:
    """Whether one of the blocked words, one a line, stands in a text as a word of its own."""
    words = [re.escape(word.strip()) for word in blocked.splitlines() if word.strip()]
    if not words:
        return False
    found = re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.IGNORECASE)
    return any(found.search(text) for text in texts)
