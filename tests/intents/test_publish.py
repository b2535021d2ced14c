"""The one door for wants: what it takes in and keeps, and what an edit makes of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from opening import opened, want
from sqlalchemy import select
from sqlalchemy.orm import Session

from intents import publish
from intents.draft import Budget, Condition, IntentDraft, Near, Visibility
from intents.models import Change, Intent, Origin, Revision
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput, NotAllowed, NotFound

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def changes(session: Session, intent: Intent) -> list[Change]:
    return list(
        session.scalars(select(Revision.change).where(Revision.intent_id == intent.id).order_by(Revision.number))
    )


# --- What is taken in -----------------------------------------------------------------------------


def test_a_draft_keeps_all_that_was_said_and_nobody_hears_of_it(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        said = want(
            session,
            body="Five doors.\n\nAny colour 🚗",
            budget=Budget(500_000, 1_200_000, "GBP"),
            condition=Condition.USED,
            quantity=2,
            needed_by=date(2027, 6, 30),
            expires_at=now + 60 * DAY,
            visibility=Visibility.UNLISTED,
            language="en-GB",
            terms="No calls after eight.",
        )
        intent = publish.draft(session, session.merge(ana, load=False), said, now, origin=Origin.API)
    with store.read() as session:
        kept = publish.by_code(session, intent.code)
        assert publish.draft_of(kept) == said
        assert (kept.state, kept.origin, kept.revision, kept.account_id) == ("draft", Origin.API, 0, ana.id)
        assert (kept.opened_at, kept.routed_at, kept.closed_at) == (None, None, None)


def test_a_draft_may_lack_nearly_everything_and_publishing_says_what(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        intent = publish.draft(session, session.merge(ana, load=False), IntentDraft(title="x"), now)
        with pytest.raises(BadInput) as refused:
            publish.publish(session, intent, now)
        assert set(refused.value.problems) == {"category", "region"}
        assert intent.state == "draft"


def test_publishing_opens_it_for_the_router_for_thirty_days(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        intent = opened(session, ana, now)
    with store.read() as session:
        kept = publish.by_code(session, intent.code)
        assert (kept.state, kept.opened_at, kept.routed_at) == ("open", now, None)
        assert (kept.expires_at, kept.revision) == (now + 30 * DAY, 1)
        (revision,) = kept.revisions
        assert (revision.change, revision.made_at, revision.announced_at) == (Change.OPENED, now, now)
        assert revision.content["title"] == "Toyota Yaris"


def test_a_draft_whose_end_came_before_it_was_published_gets_a_new_one(
    store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        draft = want(session, expires_at=now + DAY)
        intent = publish.draft(session, session.merge(ana, load=False), draft, now)
        publish.publish(session, intent, now + 2 * DAY)
        assert intent.expires_at == now + 32 * DAY


def test_a_draft_that_was_needed_by_a_day_that_is_over_is_not_published(
    store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        draft = want(session, needed_by=(now + DAY).date())
        intent = publish.draft(session, session.merge(ana, load=False), draft, now)
        with pytest.raises(BadInput, match="22 November 2026 is over; please choose a day to come"):
            publish.publish(session, intent, now + 3 * DAY)
        assert intent.state == "draft"


def test_publishing_twice_opens_it_once(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        intent = opened(session, ana, now)
        publish.publish(session, intent, now + DAY)
        assert (intent.opened_at, changes(session, intent)) == (now, [Change.OPENED])


def test_who_has_not_proven_their_mailbox_keeps_the_draft_and_is_told_where_the_link_is(
    store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        account = session.merge(ana, load=False)
        account.verified_at = None
        intent = publish.draft(session, account, want(session), now)
        with pytest.raises(NotAllowed, match="confirm your mail address first; the link is in the mail"):
            publish.publish(session, intent, now)
        assert intent.state == "draft"


def test_an_intent_has_a_code_that_is_not_its_row(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        intent = opened(session, ana, now)
        assert publish.by_code(session, intent.code) is intent
        for code in (
            str(intent.id),
            "",
            "nothing",
            "\x00",
            "\ud800",
            "x" * 10_000,
            intent.code.upper(),
            f" {intent.code}",
        ):
            with pytest.raises(NotFound, match="There is no such want"):
                publish.by_code(session, code)


# --- Amending -------------------------------------------------------------------------------------


def routed(session: Session, intent: Intent, now: datetime) -> None:
    intent.routed_at = now
    session.flush()


def other_places(session: Session) -> dict[str, int]:
    trees = taxonomy.trees(session)
    category, region = trees.categories.by_slug("plumber"), trees.regions.by_slug("fr")
    return {
        "category_id": category.id if category else trees.categories.root.id,
        "region_id": region.id if region else trees.regions.root.id,
    }


ROUTING: dict[str, Callable[[Session], dict[str, Any]]] = {
    "category": lambda session: {"category_id": other_places(session)["category_id"]},
    "region": lambda session: {"region_id": other_places(session)["region_id"]},
    "lower end": lambda session: {"budget": Budget(2, 1_000, "GBP")},
    "upper end": lambda session: {"budget": Budget(1, 2_000, "GBP")},
    "currency": lambda session: {"budget": Budget(1, 1_000, "EUR")},
    "no budget": lambda session: {"budget": None},
    "condition": lambda session: {"condition": Condition.NEW},
    "near": lambda session: {"near": Near(30)},
    "title": lambda session: {"title": "Toyota Yaris, red"},
    "body": lambda session: {"body": "Or blue."},
    "quantity": lambda session: {"quantity": 3},
    "needed_by": lambda session: {"needed_by": date(2027, 1, 1)},
    "language": lambda session: {"language": "en"},
}
WORDING: dict[str, dict[str, Any]] = {
    "expires_at": {"expires_at": datetime(2027, 1, 1, tzinfo=UTC)},
    "visibility": {"visibility": Visibility.UNLISTED},
    "terms": {"terms": "Be kind."},
}


@pytest.mark.parametrize("what", [*ROUTING, *WORDING])
def test_an_edit_makes_a_revision_and_is_routed_again_exactly_when_it_changes_who_hears_of_it(
    store: Store, ana: Account, now: datetime, what: str
) -> None:
    with store.write() as session:
        intent = opened(session, ana, now, budget=Budget(1, 1_000, "GBP"))
        routed(session, intent, now)
        change = ROUTING[what](session) if what in ROUTING else WORDING[what]
        assert publish.amend(session, intent, replace(publish.draft_of(intent), **change), now + SECOND)
        assert (intent.routed_at is None) is (what in ROUTING)
        assert changes(session, intent) == [Change.OPENED, Change.AMENDED]
        last = session.get_one(Revision, (intent.id, 2))
        assert (last.made_at, last.announced_at, intent.revision) == (now + SECOND, None, 2)
        assert last.content != session.get_one(Revision, (intent.id, 1)).content


def test_an_edit_that_changes_nothing_is_none(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        intent = opened(session, ana, now)
        routed(session, intent, now)
        same = replace(publish.draft_of(intent), title="  Toyota   Yaris ", expires_at=None)
        assert not publish.amend(session, intent, same, now + DAY)
        assert (intent.routed_at, intent.revision) == (now, 1)


def test_an_edit_of_a_draft_makes_no_revision(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        intent = publish.draft(session, session.merge(ana, load=False), want(session), now)
        assert publish.amend(session, intent, IntentDraft(title="Something"), now)
        assert (intent.title, intent.category_id, intent.revision) == ("Something", None, 0)


def test_an_open_want_keeps_its_category_and_region(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        intent = opened(session, ana, now)
        with pytest.raises(BadInput) as refused:
            publish.amend(session, intent, IntentDraft(title="Something"), now)
        assert set(refused.value.problems) == {"category", "region"}
        assert (intent.title, intent.revision) == ("Toyota Yaris", 1)


def test_a_bad_edit_changes_nothing(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        intent = opened(session, ana, now)
        with pytest.raises(BadInput):
            publish.amend(session, intent, want(session, title="New", quantity=0), now)
        assert (intent.title, intent.quantity, intent.revision) == ("Toyota Yaris", 1, 1)


def test_a_revision_keeps_what_the_intent_said_then(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        intent = opened(session, ana, now, needed_by=date(2027, 6, 30))
        publish.amend(session, intent, want(session, title="Toyota Aygo"), now)
    with store.read() as session:
        first, second = publish.by_code(session, intent.code).revisions
        assert (first.content["title"], first.content["needed_by"]) == ("Toyota Yaris", "2027-06-30")
        assert (second.content["title"], second.content["needed_by"]) == ("Toyota Aygo", None)
