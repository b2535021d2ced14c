"""Old feeds, networks without titles, and pages that are their own feed."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from intents.feed import Feed, read_feed
from intents.feed_formats import understand
from intents.stated import demands_in
from vrm.kernel.errors import NotAFeed

FEEDS = Path(__file__).parent / "feeds"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
URL = "https://blog.example/feed"


def read(name: str) -> Feed:
    kind = "text/html; charset=utf-8" if name.endswith(".html") else "text/xml"
    return understand((FEEDS / name).read_bytes(), content_type=kind, url=URL, fetched_at=NOW)


def page(body: str) -> Feed:
    return understand(body.encode(), content_type="text/html", url=URL, fetched_at=NOW)


def demand(inside: str) -> str:
    return f'<html><script type="application/ld+json">{inside}</script></html>'


@pytest.mark.parametrize(
    ("name", "title", "text", "tags", "language"),
    [
        ("rss090.rdf", "WTB: lawn mower, Derby", "", (), None),
        ("rss091.rss", "Suche einen gebrauchten Rasenmäher in Bremen", "Höchstens 150 Euro.", (), "de"),
        ("rss092.rss", "", "I'm looking for a used bicycle in York, £150 at most.", ("intent",), None),
        (
            "rss10.rdf",
            "Je cherche un piano d'occasion à Lyon",
            "Droit, 1500 euros maximum.\n\nMerci !",
            ("musique", "intent"),
            "fr",
        ),
        ("bluesky.rss", "", "Looking for a used cello in Bristol, under £1,500. Any ideas? #wanttobuy", (), None),
        ("hfeed.html", "", "I'm looking for a used tandem near Cambridge, £600 max.", ("wanttobuy", "cycling"), "en"),
    ],
)
def test_each_is_read_as_it_is_written(
    name: str, title: str, text: str, tags: tuple[str, ...], language: str | None
) -> None:
    first = read(name).entries[0]
    assert (first.title, first.text.replace("\xa0", " "), first.tags, first.language) == (title, text, tags, language)


def test_an_item_of_rss_1_was_published_when_dublin_core_says() -> None:
    assert read("rss10.rdf").entries[0].published_at == datetime(2026, 11, 20, 17, 30, tzinfo=UTC)


def test_a_post_on_bluesky_has_its_at_address_for_a_name() -> None:
    feed = read("bluesky.rss")
    assert feed.entries[0].key == "at://did:plc:abcdefghijklmnopqrstuvwx/app.bsky.feed.post/3lbabcdefgh2k"
    assert feed.entries[0].published_at == datetime(2026, 11, 20, 18, 5, tzinfo=UTC)
    assert "vrm-2345678bcdfg" in feed.about


def test_a_page_is_its_own_home_and_strangers_comments_are_no_posts_of_it() -> None:
    feed = read("hfeed.html")
    assert (feed.title, feed.url, feed.hub) == ("Mo's notes", URL, "https://switchboard.example/")
    assert [entry.title for entry in feed.entries] == ["", "Rain again"]
    assert not any("pony" in entry.text for entry in feed.entries)


def test_a_listing_says_which_side_it_is_on() -> None:
    grinder, machine = read("hlisting.html").entries
    assert grinder.stated is not None
    assert grinder.stated.action == "offer"
    assert machine.stated is not None
    assert (machine.stated.action, machine.stated.budget, machine.stated.place) == ("want", "up to £900", "Leeds")


def test_a_demand_on_a_page_is_a_post_of_it() -> None:
    (entry,) = read("demand.html").entries
    said = entry.stated
    assert said is not None
    assert (entry.title, entry.text, entry.url) == ("Toyota Yaris", "Five doors, small & reliable.", f"{URL}#yaris")
    assert (said.thing, said.place, said.budget) == ("Car, Toyota Yaris", "Leeds, UK", "up to 12000 GBP")
    assert (said.condition, said.quantity) == ("used", 1)
    assert (said.needed_by, said.ends_on) == (date(2027, 6, 1), date(2027, 1, 31))


def test_what_is_stated_survives_the_way_from_the_child() -> None:
    body = (FEEDS / "demand.html").read_bytes()
    assert read_feed(body, content_type="text/html", url=URL, fetched_at=NOW) == read("demand.html")


def test_a_demand_within_a_post_belongs_to_that_post() -> None:
    (entry,) = read("demand.atom").entries
    assert (entry.title, entry.text) == ("The roof, part four", "It leaks.")
    assert entry.stated is not None
    assert entry.stated.name == "Roofer for a leaking roof"


@pytest.mark.parametrize(
    "inside",
    [
        '{"@type": "Offer", "name": "A car"}',
        '{"@type": "Demand"',
        '{"@type": ["Thing", {"@type": 17}], "Demand": "Demand"}',
        "[" * 100_000 + '"Demand"',
        '"Demand"',
        "NaN, Demand",
    ],
)
def test_a_script_without_a_demand_makes_no_post(inside: str) -> None:
    assert list(demands_in(demand(inside))) == []
    with pytest.raises(NotAFeed, match="web page"):
        page(demand(inside))


def test_what_a_demand_says_is_plain_and_bounded() -> None:
    hostile = (
        '{"@type": "Demand", "name": "<b onclick=x>Car</b>\u202e", "url": "javascript:alert(1)", '
        '"description": "&lt;script&gt;alert(1)&lt;/script&gt;", "areaServed": {"address": [17, null]}, '
        '"price": 1e999, "priceCurrency": "<svg>", "eligibleQuantity": -5, "validThrough": "9999-99-99", '
        '"itemOffered": [[[]]], "category": {"name": ["x"]}}'
    )
    (entry,) = page(demand(hostile)).entries
    assert entry.stated is not None
    assert (entry.title, entry.url, entry.stated.budget, entry.stated.quantity) == ("Car", URL, "", None)
    assert "<" not in entry.text


def test_two_demands_on_one_page_are_two_posts() -> None:
    both = '[{"@type": "Demand", "name": "A lathe"}, {"@type": "Demand", "name": "A kiln"}]'
    assert {entry.title for entry in page(demand(both)).entries} == {"A lathe", "A kiln"}


def test_a_page_without_marked_posts_is_no_feed() -> None:
    with pytest.raises(NotAFeed, match="web page"):
        page("<!doctype html><html><body><p>h-entry: we write of it</p></body></html>")
