"""Other people's hostile files go through reading and understanding: a feed, a reason, and never anything worse."""

import os
import resource
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from intents_trees import TREES

from intents.detect import detect
from intents.entries import digest
from intents.feed import Feed, FeedReader
from intents.lexicon import lexicon
from intents.parse import NotAWant, Reading, parse_entry
from intents.understand import understand
from vrm.kernel.errors import NotAFeed
from vrm.web.api.strict import NotJson, parse

CORPORA = os.environ.get("VRM_CORPORA")
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LONGEST_S, MOST_KB = 10, 512 * 1024

pytestmark = pytest.mark.skipif(CORPORA is None, reason="VRM_CORPORA does not name a folder of other people's files.")


def corpus(name: str) -> Path:
    return Path(str(CORPORA)) / name


def look(feed: Feed) -> None:
    """What reading a blog does with each entry, and what a page may then show."""
    for entry in feed.entries:
        digest(entry).encode()
        for insisted in (False, True):
            found = parse_entry(entry, Reading(TREES, NOW), insisted=insisted)
            shown = found.sentence if isinstance(found, NotAWant) else found.title + found.body
            shown.encode()
        detect(entry.text, title=entry.title, tags=entry.tags)
        assert entry.url.lower().startswith(("http://", "https://")) or not entry.url
        assert not any("<" in said and said.lower().find("<script") >= 0 for said in (entry.title, entry.text))


@pytest.mark.slow
def test_feeds_of_others_are_read_or_refused_with_a_reason_in_time_and_in_bounds() -> None:
    reader, slowest, read, refused = FeedReader(), 0.0, 0, 0
    files = sorted(path for path in (*corpus("feeds").rglob("*"), *corpus("json").rglob("*")) if path.is_file())
    assert len(files) > 1_000
    for path in files:
        begun = time.monotonic()
        for kind in ("application/xml", "text/html"):
            try:
                look(reader.read(path.read_bytes(), content_type=kind, url="https://a.example/feed", fetched_at=NOW))
                read += 1
            except NotAFeed as reason:
                refused += str(reason).endswith(".")
        slowest = max(slowest, time.monotonic() - begun)
    reader.close()
    assert slowest < 2 * LONGEST_S
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < MOST_KB
    assert read > 1_500
    assert refused > 100


@pytest.mark.slow
def test_naughty_strings_are_understood_or_not_and_nothing_else() -> None:
    strings = parse((corpus("strings") / "naughty.json").read_bytes())
    assert isinstance(strings, list)
    for text in map(str, strings):
        found = understand(text, trees=TREES, lexicon=lexicon(), now=NOW)
        assert all(text[span.start : span.end] == span.text for span in found.not_understood)
        detect(text)
        detect(text, title=text, tags=(text,))


def test_json_of_others_is_read_as_it_says_on_its_name() -> None:
    for path in sorted(corpus("json").glob("[yn]_*.json")):
        try:
            parse(path.read_bytes())
        except NotJson:
            continue
        assert not path.name.startswith("n_"), path.name
