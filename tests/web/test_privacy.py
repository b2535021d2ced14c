"""What the page says is kept is what the store has: every table, and those about one person are among them."""

from collections.abc import Callable

from visiting import Visitor

from vrm.models import Base
from vrm.web.privacy import ABOUT_NOBODY, KEPT


def test_every_table_is_told_of_once() -> None:
    told = [name for kept in KEPT for name in kept.tables.split()] + ABOUT_NOBODY.split()
    assert sorted(told) == sorted(Base.metadata.tables)


def test_no_table_with_a_person_in_it_is_called_about_nobody() -> None:
    for name in ABOUT_NOBODY.split():
        columns = set(Base.metadata.tables[name].columns.keys())
        assert not columns & {"account_id", "vendor_id", "intent_id", "email"}, name


def test_the_page_tells_everybody(visitor: Callable[[], Visitor]) -> None:
    page = visitor().get("/privacy")
    assert "%(" not in page
    assert "730 days" in page  # As this operator set it, and so the next one.
    assert "Attempts for 90 days" in page
    assert "365 days. What is measured" in page
    for kept in KEPT:
        assert kept.tables.split()[0] in page
    assert "/me/data" in page
