"""My data is shown, taken along and erased: no table of the store, and no byte of its file, holds it afterwards."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

from flask import Flask
from sqlalchemy import func, select
from visiting import Visitor
from world import World

from intents.models import Intent, Outcome
from vendors.models import Lead, Membership, Role
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.models import Base

HERS = (
    "ana@example.org",
    "Castro",
    "496 0000",
    "small and reliable",
    "on Saturdays",
    "Does it have winter",
    "ana.example.org",
)


def found(store: Store, words: tuple[str, ...]) -> list[str]:
    """Where in the store one of these words stands: every column of every table is read."""
    places = []
    with store.read() as session:
        for table in Base.metadata.sorted_tables:
            if table.name not in ("categories", "regions"):
                for row in session.execute(select(table)):
                    said = repr(tuple(row))
                    places += [f"{table.name}: {word}" for word in words if word in said]
    return places


def test_everything_is_in_both_files_and_no_secret_is(visitor: Callable[[], Visitor], world: World) -> None:
    ana = visitor().sign_in(world.ana)
    page = ana.get("/me/data")
    assert "Take it along as JSON" in page
    assert "<span></span>" not in page  # Each table has a name.
    told = json.loads(ana.get("/me/data/everything.json"))
    assert told["account"][0]["email"] == "ana@example.org"
    assert {want["title"] for want in told["wants"]} >= {world.want.title, "A quiet dishwasher"}
    assert told["your_messages"][0]["body"] == "Does it have winter tyres?"
    written = json.dumps(told)
    for secret in ("argon2", "secret_hash", world.blog.proof_token):
        assert secret not in written
    packed = ana.client.get("/me/data/everything.zip").data
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert set(archive.namelist()) == {f"{name}.csv" for name in told}
        assert "Leeds" in archive.read("wants.csv").decode()
    bens = json.loads(visitor().sign_in(world.ben).get("/me/data/everything.json"))
    assert "ana@" not in json.dumps(bens)


def test_no_cell_of_any_table_is_a_formula(visitor: Callable[[], Visitor], world: World) -> None:
    """What a spreadsheet would take for one, typed wherever a table shows it, is readable behind its sign."""
    formulas = ("=HYPERLINK(A1)", "+1+1", "-2+3", "@SUM(A1)", "＝1+1", "＋1", "－1", "＠SUM(1)")
    ana, ben = visitor().sign_in(world.ana), visitor().sign_in(world.ben)
    talk = f"/me/intents/{world.want.code}/vendors/{world.vendor.slug}/say"
    for formula in formulas:
        ana.press("/want", title=formula, category="cars-trucks-vans", region="gb-lds", body=f"{formula}\nand more")
    for formula in formulas[:4]:  # A few a minute are taken.
        ana.press(talk, body=formula)
    ana.press("/me/account", name="=1+1", phone="+44 113 496 0000", zone="UTC", locale="")
    with zipfile.ZipFile(io.BytesIO(ana.client.get("/me/data/everything.zip").data)) as archive:
        tables = {name: archive.read(name).decode() for name in archive.namelist()}
    refused = ben.send(
        f"/vendor/{world.vendor.slug}/subscriptions/import",
        table="category,region,name\r\n" + "".join(f"{one},nowhere,{one}\r\n" for one in formulas),
        do="refused",
    )
    tables["refused"] = refused.text
    cells = [cell for text in tables.values() for row in csv.reader(io.StringIO(text)) for cell in row]
    begin = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
    assert [cell for cell in cells if cell.startswith(begin)] == []
    assert {f"'{formula}" for formula in formulas} <= set(cells)
    assert {"'=1+1", "'+44 113 496 0000"} <= set(cells)


def test_what_is_erased_is_nowhere_in_the_store_and_what_was_counted_stays(
    visitor: Callable[[], Visitor], app: Flask, world: World, store: Store, tmp_path: Path
) -> None:
    assert {place.partition(": ")[2] for place in found(store, HERS)} == set(HERS)
    ana = visitor().sign_in(world.ana)
    with store.read() as session:
        leads = session.scalar(select(func.count()).select_from(Lead))
    assert "so that this is no slip" in ana.refused("/me/data/erase", 422, email="ana@")
    assert ana.press("/me/data/erase", email="Ana@example.org ") == "/"
    assert found(store, HERS) == []
    if store.dialect == "sqlite":
        held = (tmp_path / "vrm.db").read_bytes() + (tmp_path / "vrm.db-wal").read_bytes()
        assert [word for word in HERS if word.encode() in held] == []
    assert not list((tmp_path / "outbox").glob("*.eml"))
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(Lead)) == leads
        want = session.get_one(Intent, world.want.id)
        assert (want.outcome, want.title, want.category_id) == (Outcome.WITHDRAWN, "(erased)", world.want.category_id)
        assert session.get_one(Account, world.ana.id).closed_at is not None
    assert "/sign-in" in ana.client.get("/me").location  # The session is over.
    assert "(erased)" in visitor().sign_in(world.ben).get(f"/vendor/{world.vendor.slug}")
    with store.write() as session:
        again = Account(email="ana@example.org", created_at=world.ana.created_at)  # The address is free again.
        session.add(again)


def test_nobody_leaves_others_without_an_owner(visitor: Callable[[], Visitor], world: World, store: Store) -> None:
    ben = visitor().sign_in(world.ben)
    assert "no other owner" in ben.get("/me/data")
    ben.refused("/me/data/erase", 409, email=world.ben.email)
    assert "only operator" in visitor().sign_in(world.olu).get("/me/data")
    with store.write() as session:
        session.get_one(Membership, (world.vendor.id, world.olu.id)).role = Role.OWNER
    ben.press("/me/data/erase", email=world.ben.email)
    carol = visitor().sign_in(world.carol)
    assert "Nobody else acts for Carol’s Cakes" in carol.get("/me/data")
    carol.press("/me/data/erase", email=world.carol.email)
    visitor().get("/vendors/carols-cakes", 404)
    assert found(store, ("Carol", "carol@", "ben@")) == []
