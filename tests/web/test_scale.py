"""Pages ask the store as often for many leads as for few."""

import html
import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from rooms import publish_want, route_all, start_vendor
from sqlalchemy import event
from visiting import Clock, Visitor

from intents.models import Intent
from vendors import leads, offers
from vendors.models import Kind, Via
from vendors.respond import Answer, respond
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store


def questions(store: Store, ask: Callable[[], object]) -> int:
    """How many statements the store was sent meanwhile."""
    sent: list[str] = []

    def keep(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        sent.append(sql)

    event.listen(store.engine, "before_cursor_execute", keep)
    ask()
    event.remove(store.engine, "before_cursor_execute", keep)
    return len(sent)


def answered(store: Store, ana: Account, seller: Account, now: datetime, count: int) -> str:
    """A want to which `count` vendors have made an offer: its code."""
    with store.write() as session:
        for number in range(count):
            start_vendor(session, seller, now, name=f"Shop {number:03}", wish=("cars-trucks-vans", "gb"))
        intent = publish_want(session, ana, now)
        route_all(session, now)
        for lead in leads.of_intent(session, intent):
            respond(session, lead, Answer(kind=Kind.OFFER, body="Yes."), now, via=Via.PAGE)
        return intent.code


def test_a_board_with_many_answers_asks_no_more_than_one_with_few(
    visitor: Callable[[], Visitor],
    store: Store,
    ana: Account,
    ben: Account,
    carol: Account,
    clock: Clock,
    now: datetime,
) -> None:
    clock.moment = now + timedelta(minutes=1)
    page = visitor().sign_in(ana)
    few = answered(store, ana, ben, now, 2)
    page.get(f"/me/intents/{few}")  # Fills caches.
    for_few = questions(store, lambda: page.get(f"/me/intents/{few}"))
    many = answered(store, ana, carol, now, 18)
    assert questions(store, lambda: page.get(f"/me/intents/{many}")) == for_few


def test_a_board_shows_some_offers_at_a_time_and_says_how_many_there_are(
    visitor: Callable[[], Visitor],
    store: Store,
    ana: Account,
    ben: Account,
    clock: Clock,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(offers, "PAGE", 5)
    clock.moment = now + timedelta(minutes=1)
    page = visitor().sign_in(ana)
    code = answered(store, ana, ben, now, offers.PAGE + 3)
    first = page.get(f"/me/intents/{code}?sort=newest")
    assert f"{offers.PAGE + 3} offers, side by side" in first
    assert offers_in(first) == offers.PAGE
    assert "Back to the first offers" not in first
    more = re.search(r'href="([^"]+offers_after=[^"]+)"', first)
    assert more is not None
    rest = page.get(html.unescape(more[1]))
    assert offers_in(rest) == 3
    assert "Back to the first offers" in rest
    assert ">More offers<" not in rest


def offers_in(page: str) -> int:
    """How many offers stand side by side on this page."""
    table = page.partition('<table class="table offers">')[2].partition("</table>")[0]
    return table.partition("<tbody>")[2].count("<tr")


def test_an_inbox_with_many_leads_asks_no_more_than_one_with_few(
    visitor: Callable[[], Visitor], store: Store, ana: Account, ben: Account, clock: Clock, now: datetime
) -> None:
    clock.moment = now + timedelta(minutes=1)
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=("anything", "world"))
        publish_want(session, ana, now)
        route_all(session, now)
    page = visitor().sign_in(ben)
    page.get(f"/vendor/{vendor.slug}")
    for_one = questions(store, lambda: page.get(f"/vendor/{vendor.slug}"))
    with store.write() as session:
        for number in range(15):
            publish_want(session, ana, now, title=f"Want {number}")
        route_all(session, now)
    assert questions(store, lambda: page.get(f"/vendor/{vendor.slug}")) == for_one


def test_a_want_as_json_leaves_sqlalchemy_out_and_says_at_once_what_changed(
    app: Flask, store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        intent = publish_want(session, ana, now, title="A red kite")
    client, path = app.test_client(), f"/intents/{intent.code}.json"
    assert client.get(path).get_json()["name"] == "A red kite"
    assert questions(store, lambda: client.get(path)) == 0  # The driver is asked itself, see vrm/kernel/prepared.py.
    with store.write() as session:
        session.get_one(Intent, intent.id).title = "A blue kite"
    assert client.get(path).get_json()["name"] == "A blue kite"
