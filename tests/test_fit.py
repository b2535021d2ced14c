"""Answers say how well a subscription fits; one press makes it fit better, and one takes it back."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from rooms import publish_want, route_all, start_vendor

from intents.draft import Budget
from vendors import respond, subscribe, tighten
from vendors.models import Actor, DeclineReason, Kind, Lead, Vendor, Via
from vendors.respond import Answer
from vrm import fit, route
from vrm.fit import What, judgement
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import WrongState
from vrm.research.precision import precision

OFFER = Answer(kind=Kind.OFFER, body="Come and see it.")
MINUTE = timedelta(minutes=1)


def no(reason: DeclineReason) -> Answer:
    return Answer(kind=Kind.DECLINE, decline_reason=reason)


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ([], None),
        ([(Kind.OFFER, None)], True),
        ([(Kind.QUESTION, None), (Kind.DECLINE, DeclineReason.BUDGET)], True),
        ([(Kind.DECLINE, DeclineReason.REGION), (Kind.OFFER, None)], True),
        ([(Kind.DECLINE, DeclineReason.STOCK)], True),
        ([(Kind.DECLINE, DeclineReason.OTHER)], None),
        ([(Kind.DECLINE, DeclineReason.REGION)], DeclineReason.REGION),
        ([(Kind.DECLINE, DeclineReason.REGION), (Kind.DECLINE, DeclineReason.SPAM)], DeclineReason.SPAM),
    ],
)
def test_what_answers_say_of_a_want(
    answers: Sequence[tuple[Kind, DeclineReason | None]], verdict: DeclineReason | bool | None
) -> None:
    assert judgement(answers) == verdict


def history(
    store: Store, ana: Account, ben: Account, now: datetime, wants: Sequence[tuple[str, int, Answer | None]]
) -> int:
    """A vendor that listens to vehicles in the United Kingdom, and its answers to wants at (region, budget); its id."""
    with store.write() as session:
        vendor_id = start_vendor(session, ben, now, wish=("vehicles", "gb")).id
        for region, pounds, answer in wants:
            budget = Budget(None, pounds * 100, "GBP") if pounds else None
            intent = publish_want(session, ana, now, region=region, budget=budget)
            route.route(session, intent, now)
            if answer is not None:
                lead = session.get_one(Lead, (intent.id, vendor_id))
                respond.respond(session, lead, answer, now + MINUTE, via=Via.PAGE)
        return vendor_id


def test_many_not_our_area_propose_the_place_where_it_accepted_and_one_press_takes_it_back(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    elsewhere = ("gb", 0, no(DeclineReason.REGION))
    wants = [("gb-lds", 0, OFFER), ("gb-lds", 0, no(DeclineReason.STOCK)), *[elsewhere] * 3, ("gb-lds", 0, None)]
    vendor_id = history(store, ana, ben, now, wants)
    with store.write() as session:
        vendor = session.get_one(Vendor, vendor_id)
        [subscription] = subscribe.subscriptions_of(session, vendor)
        standing = fit.standings(session, vendor, [subscription])[subscription.id]
        assert (standing.fit.fits, standing.fit.misfits) == (2, {DeclineReason.REGION: 3})
        [proposal] = standing.proposals
        trees = taxonomy.trees(session)
        assert (proposal.what, proposal.value(trees)) == (What.REGION, "gb-lds")
        assert (proposal.spares, proposal.of) == (3, 3)
        tighten.tighten(session, subscription, proposal.order, now + MINUTE)
        assert trees.regions.node(subscription.region_id).slug == "gb-lds"
        # What was cured counts no longer.
        again = fit.standings(session, vendor, [subscription])[subscription.id]
        assert (again.fit.fits, again.fit.judged, list(again.proposals)) == (2, 2, [])
        tighten.undo(session, subscription, now + 2 * MINUTE)
        assert trees.regions.node(subscription.region_id).slug == "gb"
        with pytest.raises(WrongState):
            tighten.undo(session, subscription, now + 2 * MINUTE)


def test_budgets_that_are_too_low_propose_a_floor_that_loses_nothing(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    low = [("gb-lds", pounds, no(DeclineReason.BUDGET)) for pounds in (800, 1_200, 9_000)]
    vendor_id = history(store, ana, ben, now, [*low, ("gb-lds", 5_000, OFFER), ("gb-lds", 0, OFFER)])
    with store.write() as session:
        vendor = session.get_one(Vendor, vendor_id)
        [subscription] = subscribe.subscriptions_of(session, vendor)
        [proposal] = fit.standings(session, vendor, [subscription])[subscription.id].proposals
        assert (proposal.what, proposal.value(taxonomy.trees(session))) == (What.BUDGET, "5000.00 GBP")
        assert (proposal.spares, proposal.of) == (2, 3)
        tighten.tighten(session, subscription, proposal.order, now)
        # A change by hand since then is not overwritten.
        subscription.min_budget = 7
        assert tighten.last(session, subscription) is None


def test_two_declines_are_no_reason_to_propose_anything(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    wants = [("gb-lds", 0, OFFER), *[("gb", 0, no(DeclineReason.REGION))] * 2]
    vendor_id = history(store, ana, ben, now, wants)
    with store.read() as session:
        vendor = session.get_one(Vendor, vendor_id)
        [standing] = fit.standings(session, vendor, subscribe.subscriptions_of(session, vendor)).values()
        assert (standing.fit.judged, list(standing.proposals)) == (3, [])


def test_the_precision_of_the_broker_counts_each_judged_lead_once(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    wants = [
        ("gb-lds", 0, OFFER),
        ("gb", 0, no(DeclineReason.REGION)),
        ("gb", 0, no(DeclineReason.SPAM)),
        ("gb", 0, no(DeclineReason.OTHER)),
        ("gb", 0, None),
    ]
    vendor_id = history(store, ana, ben, now, wants)
    with store.write() as session:
        late = publish_want(session, ana, now)
        route_all(session, now)
        lead = session.get_one(Lead, (late.id, vendor_id))
        respond.respond(session, lead, no(DeclineReason.BUDGET), now, via=Via.PAGE)
        respond.respond(session, lead, OFFER, now + MINUTE, via=Via.PAGE)
        by_machine = publish_want(session, ana, now)
        route_all(session, now)
        lead = session.get_one(Lead, (by_machine.id, vendor_id))
        respond.respond(session, lead, no(DeclineReason.BUDGET), now, via=Via.API, actor=Actor.AUTO)
        found = precision(session)
    assert (found.fits, found.judged) == (2, 4)
    assert {reason: count for reason, count in found.misfits.items() if count} == {
        DeclineReason.REGION: 1,
        DeclineReason.SPAM: 1,
    }
    assert found.as_json()["estimate"] == 0.5


def test_no_answer_is_no_judgement(store: Store) -> None:
    with store.read() as session:
        found = precision(session)
    assert (found.judged, found.share, found.as_json()["estimate"]) == (0, None, None)
