"""A want is changed: who newly fits is told, who was told hears of the change, who fits no more is told that, too."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from rooms import add_mail_channel, publish_want, start_vendor
from sqlalchemy import func, select, update

from intents import publish
from intents.models import Intent
from notifiers.announce import announce
from notifiers.compose import compose
from notifiers.models import Attempt, Notification, Result, Topic, Verdict
from vendors import leads, subscribe
from vendors.models import Lead, Vendor, Withheld
from vrm import route, turns
from vrm.demo import works_in
from vrm.demo.town import Town
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SHOPS = {"Leeds": "gb-lds", "Paris": "fr", "Everywhere": "world"}


def step(store: Store, now: datetime) -> None:
    for verb in (route.route_owed, route.backfill_owed, route.catch_up_owed, turns.take_turns_owed, announce):
        with store.write() as session:
            verb(session, now)


def market(store: Store, owner: Account, now: datetime) -> None:
    with store.write() as session:
        for name, region in SHOPS.items():
            vendor = start_vendor(session, owner, now, name=name, wish=("cars-trucks-vans", region))
            add_mail_channel(session, vendor, now, f"{vendor.slug}@shop.example")


def send(store: Store, now: datetime) -> None:
    """As if everything that is owed went out and arrived."""
    with store.write() as session:
        for each in session.scalars(select(Notification).where(Notification.done_at.is_(None))):
            each.done_at, each.result, each.tries = now, Result.DELIVERED, 1
            session.add(
                Attempt(notification_id=each.id, started_at=now, took_ms=1, verdict=Verdict.DELIVERED, status=250)
            )
            told = update(Lead).where(Lead.intent_id == each.intent_id, Lead.vendor_id == each.vendor_id)
            session.execute(told.values(notified_at=now, delivered_at=now))


def move(store: Store, intent: Intent, region: str, now: datetime) -> None:
    with store.write() as session:
        loaded = session.get_one(Intent, intent.id)
        there = taxonomy.trees(session).regions.resolve(region, field="region").id
        publish.amend(session, loaded, replace(publish.draft_of(loaded), region_id=there), now)


def by_name(store: Store) -> dict[str, Lead]:
    with store.read() as session:
        return {lead.vendor.name: lead for lead in session.scalars(select(Lead))}


def owed(store: Store) -> list[tuple[str, Topic]]:
    with store.read() as session:
        rows = session.execute(
            select(Vendor.name, Notification.topic)
            .join(Vendor, Vendor.id == Notification.vendor_id)
            .where(Notification.done_at.is_(None))
        )
        return sorted((name, topic) for name, topic in rows)


def test_everybody_hears_what_concerns_them_and_once(
    store: Store, ana: Account, ben: Account, now: datetime, tmp_path: Path
) -> None:
    market(store, ben, now)
    with store.write() as session:
        intent = publish_want(session, ana, now)
    step(store, now)
    send(store, now)
    move(store, intent, "fr", now + HOUR)
    for again in range(1, 4):
        step(store, now + HOUR + again * MINUTE)
    assert owed(store) == [
        ("Everywhere", Topic.LEAD_UPDATED),
        ("Leeds", Topic.LEAD_UPDATED),
        ("Paris", Topic.LEAD_CREATED),
    ]
    found = by_name(store)
    assert {name for name, lead in found.items() if lead.unmatched_at is not None} == {"Leeds"}
    assert found["Leeds"].unmatched_at == now + HOUR + MINUTE
    town = Town()
    works = works_in(store, town, tmp_path)
    with store.read() as session:
        said = {
            notification.channel.vendor.name: compose(session, notification, works.post)
            for notification in session.scalars(select(Notification).where(Notification.done_at.is_(None)))
            if notification.channel is not None
        }
    works.reader.close()
    town.close()
    town.dying_hook.close()
    assert "no longer matches what you listen for" in said["Leeds"].plain
    assert said["Leeds"].data["matches"] is False
    assert "no longer matches" not in said["Everywhere"].plain
    # And back: Leeds fits again, Paris does not, and nobody gets a second first word.
    send(store, now + HOUR)
    move(store, intent, "gb-lds", now + 2 * HOUR)
    step(store, now + 2 * HOUR)
    assert {name for name, lead in by_name(store).items() if lead.unmatched_at is not None} == {"Paris"}
    assert owed(store) == [(name, Topic.LEAD_UPDATED) for name in ("Everywhere", "Leeds", "Paris")]


def test_who_was_not_told_yet_and_fits_no_more_is_not_told_until_it_fits_again(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    market(store, ben, now)
    with store.write() as session:
        intent = publish_want(session, ana, now)
    step(store, now)
    move(store, intent, "fr", now + HOUR)
    step(store, now + HOUR)
    assert by_name(store)["Leeds"].withheld is Withheld.CHANGED
    assert ("Leeds", Topic.LEAD_CREATED) not in owed(store)
    with store.read() as session:
        assert leads.told_count(session, intent) == 2
    move(store, intent, "gb-lds", now + 2 * HOUR)
    step(store, now + 2 * HOUR)
    found = by_name(store)
    assert (found["Leeds"].withheld, found["Leeds"].unmatched_at) == (None, None)
    assert owed(store).count(("Leeds", Topic.LEAD_CREATED)) == 1


def test_the_reasons_are_those_of_the_want_as_it_is_now(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        shop = start_vendor(session, ben, now, name="Chain", wish=("cars-trucks-vans", "gb-lds"))
        trees = taxonomy.trees(session)
        regions = {name: trees.regions.resolve(name, field="region").id for name in ("gb-lds", "fr")}
        mine = subscribe.subscriptions_of(session, shop)[0]
        subscribe.subscribe(session, shop, replace(subscribe.order_of(mine), region_id=regions["fr"]), now)
        intent = publish_want(session, ana, now)
    step(store, now)
    move(store, intent, "fr", now + HOUR)
    step(store, now + HOUR)
    lead = by_name(store)["Chain"]
    assert [reason[2] for reason in lead.reasons] == [regions["fr"]]
    assert lead.unmatched_at is None


def test_a_change_of_words_only_marks_nobody(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    market(store, ben, now)
    with store.write() as session:
        intent = publish_want(session, ana, now)
    step(store, now)
    send(store, now)
    with store.write() as session:
        loaded = session.get_one(Intent, intent.id)
        publish.amend(session, loaded, replace(publish.draft_of(loaded), title="Toyota Yaris, red"), now + HOUR)
    step(store, now + HOUR)
    assert all(lead.unmatched_at is None for lead in by_name(store).values())
    assert len(owed(store)) == 2


def test_who_waits_and_fits_no_more_leaves_the_line(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    market(store, ben, now)
    with store.write() as session:
        intent = publish_want(session, ana, now)
        publish.amend(session, intent, replace(publish.draft_of(intent), tell_at_most=1), now)
    step(store, now)
    send(store, now)
    assert by_name(store)["Everywhere"].withheld is Withheld.CAP
    move(store, intent, "fr", now + HOUR)
    step(store, now + HOUR + MINUTE)
    found = by_name(store)
    # Leeds was told and has no turn any more; the nearest of the others has it now.
    assert found["Leeds"].unmatched_at is not None
    assert (found["Paris"].withheld, found["Everywhere"].withheld) == (None, Withheld.CAP)
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(Notification)) == 3
