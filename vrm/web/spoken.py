"""What the rooms below say in English → the reader's language, where the catalogue has it; else as it was said.

Those rooms know no reader: their sentences are kept with a hold or an entry, printed by `vrm`, answered to programs.
`make texts` collects them where they are written, in the context “said”, with a blank for each thing that is filled in
(see vrm/translations/sentences.py); here the fillings are found again, and looked up in turn. What is no sentence, and
what is put together of parts, is marked here.
"""

import re

from babel.support import NullTranslations
from flask import Flask
from markupsafe import Markup

from notifiers.models import Attempt
from vrm.web.words import _, locale, texts

CONTEXT = "said"
_LONGEST = 600  # Letters: what is longer was not written by us.
_BLANK = re.compile(r"%\((\w+)\)s")
_QUOTED_BLANK = re.compile(r"“%\((\w+)\)s”")
_QUOTED = re.compile("“([^“”]*)”")
_JOINTS = re.compile("(?<=”)(, | or )(?=“)|( and )")  # Of a list; between quotes there may be anything.
_SENTENCES = re.compile(r"(?<=[.!?]) (?=[A-Z“0-9])")
_Pattern = tuple[str, str, re.Pattern[str]]  # Context, text with blanks, and what finds their fillings.


def say(sentence: str) -> str:
    """Marks what the catalogues hold."""
    return sentence


WORDS = (
    # Of ways to be told.
    say("E-mail"),
    say("Mail address"),
    say("Address"),
    say("Webhook address"),
    say("Bot token"),
    say("Chat"),
    say("Workflow address"),
    say("Application token"),
    say("User or group key"),
    say("Access token"),
    say("Topic"),
    say("Which wants"),
    # What fields are called.
    say("A name"),
    say("The label"),
    say("The list of blocked words"),
    say("The message"),
    say("The name"),
    say("The passkey's name"),
    say("The sentence"),
    say("The sentence to its owner"),
    say("The sentence to its people"),
    say("The sentence to the author"),
    say("The text"),
    say("The text of the terms"),
    say("The word"),
    say("The title"),
    say("The description"),
    say("The telephone number"),
    say("The token's name"),
    say("The website"),
    say("What you say"),
    say("Your answer"),
    say("Your word on your figures"),
    say("category"),
    say("region"),
    # Between two of them.
    say("and"),
    say("or"),
    # What is not known of a browser, or of a page.
    say("Another browser"),
    say("A browser"),
    say("There is no such page."),
    say("1 vendor was told."),
    say("1 vendor waits before you"),
    say("This want has no category or no region yet."),
)
_OF_PARTS = (
    say("%(label)s has %(many)s characters; please use at most %(most)s."),
    say("There is no such %(what)s; please choose one from the list."),
    say("No vendor listens to %(category)s yet. Your want stays open, and the first to come will hear."),
    say("1 vendor sells %(category)s, but none of them in %(region)s."),
    say("%(count)s vendors sell %(category)s, but none of them in %(region)s."),
    say("1 vendor sells %(category)s in parts of %(region)s only; choose one of its places to reach them."),
    say("%(count)s vendors sell %(category)s in parts of %(region)s only; choose one of its places to reach them."),
    say("%(count)s vendors were told."),
    say("%(count)s vendors wait before you"),
    say("%(km)s km around %(where)s"),
)


def install(app: Flask) -> None:
    """Give the templates the filters."""
    app.jinja_env.filters["spoken"] = spoken
    app.jinja_env.filters["browser"] = browser
    app.jinja_env.filters["answer"] = answer


def spoken(sentence: object) -> str:
    """The sentence, or the sentences, in the language of this page."""
    said = sentence if isinstance(sentence, Markup) else str(sentence)
    if not said or isinstance(said, Markup) or len(said) > _LONGEST or locale() == "en":
        return said
    parts = _SENTENCES.split(said)
    each = [_found(part) for part in parts]
    # Several sentences are heard one by one where each is known; otherwise they may be one text with blanks.
    if None in each and (whole := _found(said)) is not None:
        return whole
    return " ".join(heard or part for heard, part in zip(each, parts, strict=True))


def browser(label: str) -> str:
    """As `sessions.agent_label` calls it; browsers and systems have names that are the same everywhere."""
    of, on, system = label.partition(" on ")
    return _("%(browser)s on %(system)s", browser=spoken(of), system=system) if on else spoken(label)


def answer(attempt: Attempt) -> str:
    """What an attempt came to: in our words when the other side said nothing that counts, else in its own."""
    is_ours = attempt.status is None or 300 <= attempt.status < 400
    return spoken(attempt.said) if is_ours else attempt.said


def _found(said: str) -> str | None:
    if said in WORDS:
        return _(said)
    known = texts()
    whole: str = known.upgettext(CONTEXT, said)
    if whole != said:
        return whole
    for context, template, pattern in _patterns(known):
        filled = pattern.fullmatch(said)
        if filled:
            written = known.upgettext(context, template) if context else known.ugettext(template)
            quoted = _QUOTED_BLANK.findall(template)
            fillings = filled.groupdict().items()
            return str(written % {name: words if name in quoted else _filling(words) for name, words in fillings})
    return None


def _filling(words: str) -> str:
    """Words of somebody as they are, ours in the language of this page; several of ours may be strung together.

    What a sentence has between quotes is always somebody's, and does not come here.
    """
    parts = [part for part in _JOINTS.split(words) if part]
    heard = [_part(part) for part in parts]
    return "".join(filter(None, heard)) if None not in heard else spoken(words)


def _part(words: str) -> str | None:
    if words in (" or ", " and "):
        return f" {_(words.strip())} "
    quoted = _QUOTED.fullmatch(words)
    if quoted:
        return _("“%(name)s”", name=quoted[1])
    return words if words == ", " else _found(words)


_known: dict[str, list[_Pattern]] = {}


def _patterns(of: NullTranslations) -> list[_Pattern]:
    """Those of a language; first what has most letters that stand fixed."""
    if locale() not in _known:
        mark = f"{CONTEXT}\x04"
        keys = [key for key in getattr(of, "_catalog", {}) if isinstance(key, str) and key.startswith(mark)]
        all_ = [("", text) for text in _OF_PARTS] + [(CONTEXT, key.removeprefix(mark)) for key in keys]
        all_ = [(context, text) for context, text in all_ if _BLANK.search(text)]
        all_.sort(key=lambda each: -len(_BLANK.sub("", each[1])))
        _known[locale()] = [(context, text, _finding(text)) for context, text in all_]
    return _known[locale()]


def _finding(text: str) -> re.Pattern[str]:
    parts = _BLANK.split(text)
    written = "".join(
        f"(?P<{part}>.*?)" if place % 2 else re.escape(part.replace("%%", "%")) for place, part in enumerate(parts)
    )
    return re.compile(written, re.DOTALL)
