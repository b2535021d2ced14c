"""What a browser would see of a page's links, and no more; in linear time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.page import Element, elements_of


def hrefs(page: str) -> list[str]:
    return [element.attributes.get("href", "") for element in elements_of(page.encode())]


@pytest.mark.parametrize(
    "written",
    [
        '<a rel="me" href="x?a=1&amp;b=2">',
        "<A REL=me HREF=x?a=1&amp;b=2>",
        "<a\nrel = me\n href = 'x?a=1&amp;b=2' >",
        '<a class="b"rel="me"href="x?a=1&b=2"/>',
        '<a rel=me href="x?a=1&amp;b=2" href="other" disabled>',
        '<a rel=me href="x?a=1&amp;b=2"">',
    ],
)
def test_a_link_is_read_in_every_way_it_may_be_written(written: str) -> None:
    (element,) = elements_of(written.encode())
    assert (element.name, element.attributes["href"], set(element.rels)) == ("a", "x?a=1&b=2", {"me"})


@pytest.mark.parametrize(
    "hiding",
    [
        "<!-- {} -->",
        "<!-- {}",
        "<script>{}</script>",
        "<style>{}</style>",
        "<template>{}</template>",
        "<textarea>{}</textarea>",
        "<title>{}</title>",
        "<noscript>{}</noscript>",
        "<xmp>{}</xmp>",
        "<plaintext>{}",
        "<div title='{}'>",
        '<div title="<b>\' {}">',
        "</div title='{}'>",
    ],
)
def test_a_link_that_a_browser_would_not_see_is_not_seen(hiding: str) -> None:
    assert hrefs(hiding.format("<a rel=me href=x>")) == []


@pytest.mark.parametrize(
    "before",
    ["<!-- x -->", "<!-->", "<!--->", "<!-- x --!>", "<!doctype html>", "<?x?>", "</>", "< ", "<script></script>"],
)
def test_what_ends_hides_nothing_after_it(before: str) -> None:
    assert hrefs(f"{before}<a href=x>") == ["x"]


def test_a_page_in_utf_16_is_read() -> None:
    assert [e.attributes for e in elements_of("<link rel=me href=x>".encode("utf-16"))] == [{"rel": "me", "href": "x"}]


@given(st.text(alphabet="<>/!-='\" aASCRIPTscript\x00\n", max_size=300))
def test_no_page_makes_reading_raise(page: str) -> None:
    assert all(isinstance(element, Element) for element in elements_of(page.encode()))


@pytest.mark.parametrize(
    "piece", ["<a ", "<!--", "</", '<a a="', "<script>", '<a "', "<a =", '<a x="<a ', "<!", "<x y='"]
)
def test_a_hostile_page_is_read_in_time(piece: str) -> None:
    # A reader that goes back takes minutes for these; the test has no clock, its run would have no end.
    list(elements_of((piece * (300_000 // len(piece))).encode()))
