"""Subscriptions from a table, on the page: looked at, taken once, mended where it was refused."""

from collections.abc import Callable
from io import BytesIO

from sqlalchemy import func, select
from visiting import Visitor
from world import World

from vendors.models import Subscription
from vrm.kernel.accounts import Audit
from vrm.kernel.db import Store

TABLE = "category,region,name\nBicycles,York,Bikes\nBicycles,Springfield,\n"


def count(store: Store) -> int:
    with store.read() as session:
        return session.scalar(select(func.count()).select_from(Subscription)) or 0


def test_a_table_is_looked_at_taken_and_mended(visitor: Callable[[], Visitor], world: World, store: Store) -> None:
    ben, before = visitor().sign_in(world.ben), count(store)
    page = f"/vendor/{world.vendor.slug}/subscriptions/import"
    assert "Choose a file, or paste its rows" in ben.refused(page, 422, do="look")
    assert "no column called colour" in ben.refused(page, 422, do="look", table="category,region,colour\n")
    looked = ben.send(page, do="look", file=(BytesIO(TABLE.encode()), "t.csv"))
    assert looked.status_code == 200
    for words in ("What the rows would do", "Row 3", "Springfield", "Bikes", "Download the refused rows"):
        assert words in looked.text
    assert count(store) == before
    taken = ben.send(page, do="take", table=TABLE)
    assert "What was not taken" in taken.text
    assert count(store) == before + 1
    refused = ben.send(page, do="refused", table=TABLE)
    assert refused.mimetype == "text/csv"
    assert refused.text.startswith("\ufeffrow,problem,category")
    assert "\n3," in refused.text
    ben.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de"
    german = ben.send(page, do="refused", table=TABLE)
    assert "bitte wählen Sie" in german.text
    assert german.text.splitlines()[0] == refused.text.splitlines()[0], "The columns are read again."
    looked = ben.send(page, do="look", table="category,region,radius_km\nFahrräder,Springfield,\nFahrräder,Köln,30\n")
    for words in (
        "„Springfield“ kann „Nordamerika › Vereinigte Staaten › ",
        "“ oder „Nordamerika › ",
        "30 km um Europa › Deutschland › ",
    ):
        assert words in looked.text
    assert "United States" not in looked.text
    del ben.client.environ_base["HTTP_ACCEPT_LANGUAGE"]
    mended = refused.text.replace("Springfield,", "Leeds,", 2)
    ben.press(page, do="take", table=mended.replace("Bicycles,Springfield", "Bicycles,Leeds"))
    ben.press(page, do="take", table="category,region,name\nBicycles,York,Bikes\nBicycles,Leeds,\n")
    assert count(store) == before + 2
    with store.read() as session:
        rows = session.scalars(select(Audit).where(Audit.action == "subscriptions.imported")).all()
    assert [row.facts["made"] for row in rows] == [1, 1, 0]
    assert ben.client.get(f"{page}/example.csv").text.startswith("\ufeffcategory,region")


def test_any_bytes_are_answered_with_a_sentence(visitor: Callable[[], Visitor], world: World) -> None:
    ben = visitor().sign_in(world.ben)
    page = f"/vendor/{world.vendor.slug}/subscriptions/import"
    for content in (b"\x00\x01\x02", b"\xff\xfe,\xd8", b'category,region\n"', b"category,region\nx\x00y,z\n\xf6,\n"):
        answer = ben.send(page, do="take", file=(BytesIO(content), "t.csv"))
        assert answer.status_code in {200, 422}, (content, answer.status_code)
