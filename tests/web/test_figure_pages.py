"""Figures and snapshots on pages and in the API: they say the same as the terminal and the files, to the last digit."""

import csv
import json
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from click.testing import CliRunner
from flask import Flask
from rooms import person, publish_want, start_vendor
from sqlalchemy import update
from visiting import Clock, Visitor
from world import World

from notifiers import office
from notifiers.timing import Office
from vendors import respond
from vendors.models import Kind, Lead, Via
from vrm import route
from vrm.cli import main
from vrm.kernel import accounts
from vrm.kernel.db import Store
from vrm.research import charts, snapshots
from vrm.research.hours import CLOCKS, from_csv
from vrm.research.hours import Clock as HoursClock
from vrm.research.metrics import measure
from vrm.research.snapshots import HOURS, Shelf, Snapshot
from vrm.research.table import MISSING, read_csv
from vrm.web.api.responsiveness import FigureName
from vrm.web.figures import shelf

DAY = timedelta(days=1)


@pytest.fixture
def busy(store: Store, now: datetime) -> datetime:
    """45 leads of 5 shops over 9 wants in two countries, answered after growing waits; the moment 40 days later."""
    ana = person(store, "ana@wants.example")
    with store.write() as session:
        for number in range(5):
            ben = accounts.ensure(session, f"ben@shop{number}.example", now)
            vendor = start_vendor(session, ben, now, name=f"Shop {number}", wish=("anything", "world"))
            office.set_office(session, vendor, Office("UTC", (((9 * 60, 17 * 60),),) * 5 + ((), ())), now)
        for number in range(9):
            at = now + number * timedelta(hours=7)
            region = "gb-lds" if number % 3 else "fr"
            intent = publish_want(session, ana, at, category="cars-trucks-vans", region=region)
            route.route(session, intent, at)
            moved = {"undelivered": None, "notified_at": at, "delivered_at": at + timedelta(seconds=3)}
            session.execute(update(Lead).where(Lead.intent_id == intent.id).values(moved))
            for place, lead in enumerate(
                session.query(Lead).where(Lead.intent_id == intent.id).order_by(Lead.vendor_id)
            ):
                if (number + place) % 3:
                    answer = respond.Answer(kind=[Kind.OFFER, Kind.QUESTION][place % 2], body="Yes.")
                    after = timedelta(seconds=3 + 97 * (number + 1) * (place + 1) ** 3)
                    respond.respond(session, lead, answer, at + after, via=Via.LINK)
    return now + 40 * DAY


@pytest.fixture
def made(app: Flask, store: Store, busy: datetime, clock: Clock) -> Iterator[Snapshot]:
    clock.moment = busy
    with app.app_context(), store.read() as session:
        yield snapshots.make(session, busy, shelf(), "http://localhost")


def token(store: Store, now: datetime) -> dict[str, str]:
    with store.write() as session:
        reader = accounts.ensure(session, "rita@example.org", now)
        return {"Authorization": f"Bearer {accounts.make_token(session, reader, now, name='r').secret}"}


def test_page_api_terminal_and_files_agree_to_the_last_digit(
    app: Flask, store: Store, store_url: str, made: Snapshot, clock: Clock
) -> None:
    client = app.test_client()
    asked = f"/api/v1/responsiveness?snapshot={made.id}&by=region"
    by_api = client.get(asked, headers=token(store, clock())).get_json()
    environment = {**os.environ, "VRM_DATABASE_URL": store_url, "VRM_SECRET_KEY": "s" * 40}
    words = ["measure", "--snapshot", str(made.folder), "--json"]
    by_terminal = json.loads(CliRunner(env=environment).invoke(main, words).stdout)
    grouped = json.loads(CliRunner(env=environment).invoke(main, [*words, "--by", "region"]).stdout)
    from_table = json.loads(json.dumps(measure(read_csv(made.folder / "leads.csv")).as_json()))
    in_set = json.loads((made.folder / "tables/measures.json").read_text())
    assert by_api["measures"] == by_terminal["groups"][0] == from_table["groups"][0] == in_set["all"]["groups"][0]
    assert by_api["groups"] == grouped["groups"] == in_set["by_region"]["groups"]
    assert by_api["logrank"] == grouped["logrank"]
    page = client.get(f"/responsiveness/figures/curve.csv?snapshot={made.id}").text.splitlines()
    points = [dict(zip(page[0].split(","), map(float, line.split(",")), strict=True)) for line in page[1:]]
    assert points == by_api["measures"]["curve"]


@pytest.mark.parametrize("clock_named", CLOCKS)
def test_every_figure_is_the_same_on_its_page_in_the_api_in_the_terminal_and_in_the_snapshot(
    app: Flask, store: Store, store_url: str, made: Snapshot, clock: Clock, clock_named: HoursClock
) -> None:
    client, headers = app.test_client(), token(store, clock())
    runner = CliRunner(env={**os.environ, "VRM_DATABASE_URL": store_url, "VRM_SECRET_KEY": "s" * 40})
    assert get_args(FigureName) == charts.NAMES
    for name in charts.NAMES:
        asked = f"snapshot={made.id}&clock={clock_named}"
        of_page = client.get(f"/responsiveness/figures/{name}.csv?{asked}").text
        by_api = client.get(f"/api/v1/responsiveness?{asked}&figure={name}", headers=headers).get_json()["figure"]
        words = ["measure", "--snapshot", str(made.folder), "--clock", clock_named, "--figure", name]
        by_terminal = json.loads(runner.invoke(main, [*words, "--json"]).stdout)
        assert by_api == by_terminal, name
        assert as_csv(by_api, of_page.splitlines()[0]) == of_page, name
        assert f"n = {by_api['n']:,}" in runner.invoke(main, words).stdout
        page = client.get(f"/responsiveness/figures/{name}?{asked}").text
        assert f"n = {by_api['n']}" in page
        assert "nan" not in of_page.lower().split(",")
        if clock_named == "calendar" or name != "week":  # Of the hours by both clocks there are tables.
            assert of_page == (made.folder / f"figures/{name}.csv").read_text(), name


def as_csv(figure: dict, header: str) -> str:  # type: ignore[type-arg]
    text = StringIO()
    rows = [["" if cell is None else cell for cell in row.values()] for row in figure["rows"]]
    csv.writer(text, lineterminator="\n").writerows([header.split(","), *rows])
    return text.getvalue()


@pytest.mark.parametrize("clock_named", CLOCKS)
def test_both_clocks_agree_on_the_page_in_the_api_in_the_terminal_and_in_the_files(
    app: Flask, store: Store, store_url: str, made: Snapshot, clock: Clock, clock_named: HoursClock
) -> None:
    client, asked = app.test_client(), f"snapshot={made.id}&clock={clock_named}"
    week = client.get(f"/api/v1/responsiveness?{asked}", headers=token(store, clock())).get_json()["week"]
    environment = {**os.environ, "VRM_DATABASE_URL": store_url, "VRM_SECRET_KEY": "s" * 40}
    words = ["measure", "--snapshot", str(made.folder), "--clock", clock_named, "--json"]
    by_terminal = json.loads(CliRunner(env=environment).invoke(main, words).stdout)
    assert week == by_terminal["week"]
    in_set = from_csv((made.folder / HOURS[clock_named]).read_text(), clock_named)
    assert week == {"clock": clock_named} | in_set.as_json()
    page = client.get(f"/responsiveness/figures/week.csv?{asked}").text
    assert page.splitlines()[-1].split(",")[2] == str(week["other_leads"])
    assert week["other_leads"] == 45
    assert 0 < week["other_answered"] < 45
    said = {"calendar": "watched for a day", "business": "watched for eight open hours"}[clock_named]
    assert said in client.get(f"/responsiveness?{asked}").text


def test_the_wait_in_open_hours_is_in_the_table_and_in_every_measure(made: Snapshot) -> None:
    table = made.table()
    waits = table.seconds["business_wait_s"]
    said = table.seconds["response_after_s"]
    assert ((waits == MISSING) == (said == MISSING)).all()
    assert (waits <= said).all()
    found = measure(table).groups[0].business_wait
    assert found is not None
    assert found.n == 30
    assert 0 <= found.median_of_responders_s < float(np.median(said[said != MISSING]))


def test_the_live_page_and_api_and_terminal_agree(app: Flask, store: Store, busy: datetime, clock: Clock) -> None:
    clock.moment = busy
    client = app.test_client()
    by_api = client.get("/api/v1/responsiveness", headers=token(store, busy)).get_json()
    page = client.get("/responsiveness/figures/curve.csv").text.splitlines()
    assert len(page) - 1 == len(by_api["measures"]["curve"])
    assert page[-1].split(",")[1] == str(by_api["measures"]["curve"][-1]["answered"])
    assert by_api["n"] == 45
    for name in charts.NAMES:
        of_page = client.get(f"/responsiveness/figures/{name}.csv").text
        asked = f"/api/v1/responsiveness?figure={name}"
        figure = client.get(asked, headers=token(store, busy)).get_json()["figure"]
        assert as_csv(figure, of_page.splitlines()[0]) == of_page, name


def test_a_part_is_shown_and_a_part_that_is_too_small_is_not(
    app: Flask, store: Store, busy: datetime, clock: Clock
) -> None:
    clock.moment = busy
    nobody = Visitor(app)
    headers = token(store, busy)

    def ask(query: str) -> dict:  # type: ignore[type-arg]
        return nobody.client.get(f"/api/v1/responsiveness{query}", headers=headers).get_json()  # type: ignore[no-any-return]

    assert ask("?category=Cars,%20Trucks%20%26%20Vans&region=gb")["n"] == 30
    assert ask("?region=fr")["n"] == 15
    assert (ask("?region=de")["n"], ask("?region=de")["measures"]) == (None, None)
    assert ask("?since=2027-05-01")["n"] is None
    assert "Too few to say anything" in nobody.get("/responsiveness?region=de")
    nobody.get("/responsiveness/figures/curve?region=de", 404)
    assert "n = 30" in nobody.get("/responsiveness?region=United+Kingdom")
    groups = ask("?by=region")["groups"]
    assert sorted(group["n"] for group in groups) == [15, 30]


def test_what_cannot_be_understood_is_answered_with_a_sentence(app: Flask) -> None:
    visitor = Visitor(app)
    for query in (
        "category=xyzzy",
        "region=nowhere-at-all",
        "since=yesterday",
        "since=0001-01-01",
        "since=9999-99-99",
        "clock=sundial",
    ):
        assert "Something does not fit" in visitor.get(f"/responsiveness?{query}", 422)
    visitor.get("/responsiveness?snapshot=2001-01-01.1", 404)
    visitor.get("/responsiveness/figures/nothing", 404)
    visitor.get("/responsiveness/figures/curve.exe", 404)


def test_snapshots_are_listed_and_every_file_is_served(app: Flask, store: Store, made: Snapshot, clock: Clock) -> None:
    visitor = Visitor(app)
    assert made.id in visitor.get("/research")
    assert made.citation in visitor.get(f"/research/snapshots/{made.id}")
    listed = visitor.client.get("/api/v1/snapshots", headers=token(store, clock())).get_json()["items"]
    assert [each["id"] for each in listed] == [made.id]
    for file in listed[0]["files"]:
        answer = visitor.client.get(file["url"].removeprefix("http://localhost"))
        assert answer.status_code == 200
        assert len(answer.data) == file["bytes"]
        answer.close()
    for path in ("../../restricted/x.csv", "%2e%2e/ledgers", "nothing.csv", "..%2f..%2fvrm.db"):
        visitor.get(f"/research/snapshots/{made.id}/{path}", 404)
    visitor.get("/research/snapshots/2001-01-01.1", 404)
    assert Shelf(Path("/nowhere")).all() == []


def test_an_empty_broker_shows_what_will_be_there(visitor: Callable[[], Visitor]) -> None:
    assert "Nothing to count yet" in visitor().get("/responsiveness")
    assert "No snapshot has been published yet" in visitor().get("/research")


def test_a_world_of_few_leads_has_all_its_figures(visitor: Callable[[], Visitor], world: World) -> None:
    page = visitor().get("/responsiveness")
    assert "What a wait comes to" in page
    assert "nan" not in page.lower().replace("nano", "")
    for name in charts.NAMES:
        visitor().get(f"/responsiveness/figures/{name}")


def test_places_are_called_in_the_readers_language_and_files_keep_the_published_names(
    app: Flask, made: Snapshot
) -> None:
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de"
    for asked in ("", f"?snapshot={made.id}"):
        page = client.get(f"/responsiveness/figures/places{asked}").text
        assert page.count("Europa › Vereinigtes Königreich") >= 2, "In the table, and in the words of both drawings."
        assert "United Kingdom" not in page
        assert "Europe › United Kingdom" in client.get(f"/responsiveness/figures/places.csv{asked}").text
