"""Many subscriptions from a table: each row is made, changed, left or refused with a sentence, and never twice."""

from datetime import datetime

import pytest
from rooms import start_vendor
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from together import at_once

from vendors import importing, sheet, subscribe, team
from vendors.importing import COLUMNS, NEEDED, OF_ERRORS, Fate, Report
from vendors.models import SubscriptionWord, Vendor
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput
from vrm.kernel.money import Money

TABLE = """category,region,name,radius_km,required,excluded,words_in,min_budget,currency,condition
"Cars, Trucks & Vans",Leeds,Small cars,50,Yaris|Aygo,salvage,en,5000,GBP,used
Bicycles,Germany,,,,,,,,
blorgs,Springfield,,ten,,,,-4,GBP,mint
"""


def lines(table: str) -> list[sheet.Line]:
    return sheet.read(table.encode(), known=COLUMNS, needed=NEEDED, ignored=OF_ERRORS)


def run(session: Session, vendor: Vendor, table: str, now: datetime, *, keep: bool = True) -> Report:
    return importing.run(session, vendor, lines(table), now, keep=keep)


def fates(report: Report) -> list[str]:
    return [outcome.fate.value for outcome in report.outcomes]


def test_a_table_is_tried_taken_and_never_taken_twice(store: Store, ben: Account, now: datetime) -> None:
    with store.write() as session:
        vendor = start_vendor(session, ben, now)
        tried = run(session, vendor, TABLE, now, keep=False)
        assert subscribe.subscriptions_of(session, vendor) == []
        taken = run(session, vendor, TABLE, now)
        assert fates(tried) == fates(taken) == ["made", "made", "refused"]
        cars, bicycles = map(subscribe.order_of, subscribe.subscriptions_of(session, vendor))
        assert (cars.name, cars.required, cars.excluded) == ("Small cars", ("Yaris", "Aygo"), ("salvage",))
        assert (cars.min_budget, cars.reach and cars.reach.radius_km) == (Money(500_000, "GBP"), 50)
        assert bicycles.required == ()
        assert session.scalar(select(func.count()).select_from(SubscriptionWord)) == 3
        (refused,) = taken.refused
        assert refused.line.number == 4
        for words in ("no category called “blorgs”", "Springfield", "“ten”", "“-4”", "“mint”"):
            assert words in refused.sentence
        assert refused.candidates
        assert fates(run(session, vendor, TABLE, now)) == ["kept", "kept", "refused"]
        dearer = run(session, vendor, TABLE.replace(",5000,", ",7000,"), now)
        assert fates(dearer) == ["changed", "kept", "refused"]
        assert "changes: min_budget" in dearer.outcomes[0].sentence
        found = subscribe.subscriptions_of(session, vendor)
        assert len(found) == 2
        assert found[0].min_budget == 700_000


def test_the_same_table_twice_at_once_makes_nothing_twice(store: Store, ben: Account, now: datetime) -> None:
    with store.write() as session:
        slug = start_vendor(session, ben, now).slug

    def take() -> list[str]:
        with store.write() as session:
            return fates(run(session, team.by_slug(session, slug), TABLE, now))

    both = sorted(map(str, at_once(take, take)))
    assert both == ["['kept', 'kept', 'refused']", "['made', 'made', 'refused']"]


def test_what_was_refused_can_be_mended_and_sent_again(store: Store, ben: Account, now: datetime) -> None:
    with store.write() as session:
        vendor = start_vendor(session, ben, now)
        report = run(session, vendor, 'category,region,name\nblorgs,Leeds,"=1+1"\nBicycles,Leeds,B\n', now)
        table = importing.refused_rows(report.refused)
        assert "'=1+1" in table
        mended = run(session, vendor, table.replace("blorgs", "Bicycles"), now)
        assert fates(mended) == ["made"]
        assert [each.name for each in subscribe.subscriptions_of(session, vendor)] == ["B", "=1+1"]


def test_one_name_twice_is_refused_and_so_is_what_is_beyond_the_limit(
    store: Store, ben: Account, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribe, "AT_MOST", 2)
    with store.write() as session:
        vendor = start_vendor(session, ben, now)
        rows = ("Leeds;Bicycles;A", "York;Bicycles;A", "", "Paris;Bicycles;", "Paris;Bicycles;", "Lyon;Bicycles;")
        table = "region;category;name\n" + "\n".join(rows)
        report = run(session, vendor, table, now)
        assert fates(report) == ["made", "refused", "made", "kept", "refused"]
        assert [one.line.number for one in report.outcomes] == [2, 3, 5, 6, 7]
        assert "A row above" in report.outcomes[1].sentence
        assert "wider category" in report.outcomes[4].sentence


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "lacks a column called category"),
        (b"category\nBicycles\n", "lacks a column called region"),
        (b"category,region\n,\n", "no row below"),
        (b"category,region,colour\n", "no column called colour"),
        (b"category,region,Region\n", "Two columns"),
        ("category,region\nFahrräder,Köln\n".encode("utf-16"), "not UTF-8"),
        (b'category,region\n"' + b"x" * 200_000, "Row 2 cannot be read"),
    ],
    ids=["empty", "lacks", "rowless", "strange", "twice", "utf-16", "endless"],
)
def test_a_file_that_is_no_such_table_says_what_to_change(content: bytes, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        sheet.read(content, known=COLUMNS, needed=NEEDED)


def test_the_example_holds(store: Store, ben: Account, now: datetime) -> None:
    with store.write() as session:
        report = run(session, start_vendor(session, ben, now), importing.EXAMPLE, now, keep=False)
        assert report.counts[Fate.MADE] == 3, report.refused
