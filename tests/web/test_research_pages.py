"""Experiments in the open, the restricted tier behind an agreement and an approval, a vendor's right of reply."""

from collections.abc import Callable
from datetime import datetime, timedelta

from flask import Flask
from rooms import person, publish_want, start_vendor
from sqlalchemy import select, update
from visiting import Clock, Visitor

from vendors.models import Lead
from vrm import route
from vrm.kernel.accounts import Account, Audit
from vrm.kernel.db import Store
from vrm.readers import Access
from vrm.research import experiments, snapshots
from vrm.research.experiments import EXAMPLE
from vrm.web.figures import shelf


def twelve_leads(store: Store, ana: Account, ben: Account, now: datetime) -> str:
    """One shop with 12 delivered leads; its slug."""
    with store.write() as session:
        vendor = start_vendor(session, ben, now, name="Leeds Toyota", wish=("anything", "world"))
        for _ in range(12):
            route.route(session, publish_want(session, ana, now), now)
        session.execute(update(Lead).values(undelivered=None, notified_at=now, delivered_at=now))
        return vendor.slug


def test_a_plan_is_public_with_its_fingerprint(store: Store, visitor: Callable[[], Visitor], now: datetime) -> None:
    with store.write() as session:
        made = experiments.register(session, EXAMPLE, now)
        experiments.start(session, made, now + timedelta(hours=1))
        experiments.note_deviation(session, made, "We began an hour late.", now)
    assert EXAMPLE["title"].split(":")[0] in visitor().get("/research")
    page = visitor().get(f"/research/experiments/{made.code}")
    for words in (made.digest, "2026-11-21 12:00:00 UTC", "We began an hour late.", "wants in each arm"):
        assert words in page
    visitor().get("/research/experiments/nothing", 404)


def test_the_restricted_tier_needs_an_agreement_and_an_approval(
    app: Flask, store: Store, visitor: Callable[[], Visitor], now: datetime, ana: Account, ben: Account
) -> None:
    twelve_leads(store, ana, ben, now)
    with app.app_context(), store.read() as session:
        made = snapshots.make(session, now, shelf(), "http://localhost")
    path = f"/research/restricted/{made.id}"
    rita, olu = person(store, "rita@uni.example"), person(store, "olu@example.com", operator=True)
    reader, operator = visitor().sign_in(rita), visitor().sign_in(olu)
    assert visitor().client.get(path).status_code == 303
    reader.get(path, 404)
    typed = {"affiliation": "A university", "purpose": "short"}
    page = reader.refused("/research/access", 422, **typed)
    assert "in a sentence or two" in page
    assert "needs your agreement" in page
    assert "A university" in page
    typed |= {"purpose": "Whether answers come faster on Mondays.", "agrees": "on"}
    reader.press("/research/access", **typed)
    reader.refused("/research/access", 409, **typed)
    reader.get(path, 404)
    assert "rita@uni.example" in operator.get("/research/access")
    assert "olu@" not in reader.get("/research/access")
    with store.read() as session:
        number = session.scalars(select(Access.id)).one()
    reader.refused(f"/research/access/{number}/approve", 404)
    operator.press(f"/research/access/{number}/approve")
    answer = reader.client.get(path)
    assert "2026-11-21T12:00:00Z" in answer.text
    answer.close()
    with store.read() as session:
        actions = set(session.scalars(select(Audit.action)))
    assert {"research.asked", "research.approved", "research.restricted-read"} <= actions
    operator.press(f"/research/access/{number}/end")
    reader.get(path, 404)
    operator.refused("/research/access/999999/approve", 404)


def test_a_vendor_is_named_with_enough_leads_and_may_reply(
    store: Store,
    visitor: Callable[[], Visitor],
    clock: Clock,
    now: datetime,
    ana: Account,
    ben: Account,
    carol: Account,
) -> None:
    slug = twelve_leads(store, ana, ben, now)
    with store.write() as session:
        start_vendor(session, carol, now, name="Small Shop")
    clock.moment = now + timedelta(days=1)
    page = f"/research/vendors/{slug}"
    assert "Leeds Toyota" in visitor().get(page)
    visitor().get("/research/vendors/small-shop", 404)
    assert "Only you see this" in visitor().sign_in(carol).get("/research/vendors/small-shop")
    visitor().sign_in(carol).refused(page, 404, reply="Ours is better.")
    assert visitor().send(page, reply="x").status_code == 401
    visitor().sign_in(ben).press(page, reply="We were closed for a <week>.")
    assert "We were closed for a &lt;week&gt;." in visitor().get(page)
    assert "Leeds Toyota" in visitor().get("/responsiveness/figures/scores")
