"""The life of a want: every state seen from every verb, and the limits on publishing."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from opening import opened, want
from sqlalchemy import select
from sqlalchemy.orm import Session

from intents import publish
from intents.models import Change, Intent, Outcome, Revision
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import LimitReached, WrongState

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
OUTCOMES = {
    Outcome.WITHDRAWN: publish.withdraw,
    Outcome.FULFILLED: publish.fulfil,
    Outcome.REMOVED: publish.remove,
    Outcome.EXPIRED: lambda session, intent, now: publish.expire(session, now + 400 * DAY),
}


def changes(session: Session, intent: Intent) -> list[Change]:
    return list(
        session.scalars(select(Revision.change).where(Revision.intent_id == intent.id).order_by(Revision.number))
    )


def routed(session: Session, intent: Intent, now: datetime) -> None:
    intent.routed_at = now
    session.flush()


# --- States ---------------------------------------------------------------------------------------

Verb = Callable[[Session, Intent, datetime], object]
VERBS: dict[str, Verb] = {
    "publish": publish.publish,
    "amend": lambda session, intent, now: publish.amend(session, intent, want(session, title="Changed"), now),
    "pause": publish.pause,
    "resume": publish.resume,
    "withdraw": publish.withdraw,
    "fulfil": publish.fulfil,
    "remove": publish.remove,
    "expire": lambda session, intent, now: publish.expire(session, now + 400 * DAY),
}
CLOSED = {
    "publish": WrongState, "amend": WrongState, "pause": WrongState, "resume": WrongState,
    "withdraw": WrongState, "fulfil": WrongState, "remove": WrongState, "expire": "closed",
}  # fmt: skip
EXPECTED: dict[str, dict[str, object]] = {
    "draft": {
        "publish": "open", "amend": "draft", "pause": WrongState, "resume": WrongState,
        "withdraw": "closed", "fulfil": WrongState, "remove": "closed", "expire": "draft",
    },
    "open": {
        "publish": "open", "amend": "open", "pause": "paused", "resume": "open",
        "withdraw": "closed", "fulfil": "closed", "remove": "closed", "expire": "closed",
    },
    "paused": {
        "publish": "paused", "amend": "paused", "pause": "paused", "resume": "open",
        "withdraw": "closed", "fulfil": "closed", "remove": "closed", "expire": "closed",
    },
} | {outcome.value: CLOSED for outcome in Outcome}  # fmt: skip


def brought_to(session: Session, state: str, account: Account, now: datetime) -> Intent:
    intent = publish.draft(session, session.merge(account, load=False), want(session), now)
    if state != "draft":
        publish.publish(session, intent, now)
    if state == "paused":
        publish.pause(session, intent, now)
    if state in set(Outcome):
        OUTCOMES[Outcome(state)](session, intent, now)
        assert (intent.state, intent.outcome) == ("closed", state)
    return intent


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", EXPECTED)
def test_every_verb_in_every_state_leads_on_or_is_refused_and_then_changes_nothing(
    store: Store, ana: Account, now: datetime, state: str, verb: str
) -> None:
    expected = EXPECTED[state][verb]
    with store.write() as session:
        intent = brought_to(session, state, ana, now)
        before = (intent.outcome, intent.closed_at, intent.revision, intent.title)
        if expected is WrongState:
            with pytest.raises(WrongState, match=r"publish (it first|a new one instead)"):
                VERBS[verb](session, intent, now + SECOND)
            assert (intent.outcome, intent.closed_at, intent.revision, intent.title) == before
        else:
            VERBS[verb](session, intent, now + SECOND)
            assert intent.state == expected
    with store.read() as session:
        kept = publish.by_code(session, intent.code)
        assert (kept.closed_at is None) is (kept.outcome is None)
        assert kept.revision == len(kept.revisions)


def test_pausing_stops_the_router_and_resuming_lets_it_catch_up(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        intent = opened(session, ana, now)
        routed(session, intent, now)
        publish.pause(session, intent, now + SECOND)
        publish.pause(session, intent, now + 2 * SECOND)
        assert (intent.paused_at, intent.routed_at) == (now + SECOND, now)
        publish.resume(session, intent, now + 3 * SECOND)
        publish.resume(session, intent, now + 4 * SECOND)
        assert (intent.paused_at, intent.routed_at) == (None, None)
        assert changes(session, intent) == [Change.OPENED, Change.PAUSED, Change.RESUMED]


def test_closing_an_open_want_is_word_for_those_who_were_told_and_of_a_draft_nobody_was(
    store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        never, once = brought_to(session, "draft", ana, now), brought_to(session, "open", ana, now)
        publish.withdraw(session, never, now)
        publish.withdraw(session, once, now)
        assert changes(session, never) == []
        assert changes(session, once) == [Change.OPENED, Change.CLOSED]
        assert session.get_one(Revision, (once.id, 2)).announced_at is None


def test_fulfilled_says_by_whom_when_the_customer_does(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        intent = opened(session, ana, now)
        publish.fulfil(session, intent, now, vendor_id=7)
    with store.read() as session:
        kept = publish.by_code(session, intent.code)
        assert (kept.outcome, kept.fulfilled_by, kept.closed_at) == (Outcome.FULFILLED, 7, now)


def test_a_want_that_was_closed_meanwhile_is_not_fulfilled_by_anybody(
    store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        intent = opened(session, ana, now)
        publish.withdraw(session, intent, now)
        with pytest.raises(WrongState):
            publish.fulfil(session, intent, now, vendor_id=7)
        assert intent.fulfilled_by is None


def test_only_what_is_past_its_end_expires_paused_or_not(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        soon = opened(session, ana, now, expires_at=now + DAY)
        paused = opened(session, ana, now, expires_at=now + DAY)
        later = opened(session, ana, now, expires_at=now + DAY + SECOND)
        draft = publish.draft(session, soon.account, want(session, expires_at=now + DAY), now)
        publish.pause(session, paused, now)
        assert publish.expire(session, now + DAY - SECOND) == 0
        assert publish.expire(session, now + DAY) == 2
        assert publish.expire(session, now + DAY) == 0
        assert [each.state for each in (soon, paused, later, draft)] == ["closed", "closed", "open", "draft"]
        assert {soon.outcome, paused.outcome} == {Outcome.EXPIRED}


# --- Limits ---------------------------------------------------------------------------------------


def test_twenty_wants_in_a_day_are_the_most_and_the_refusal_says_when_it_ends(
    store: Store, ana: Account, carol: Account, now: datetime
) -> None:
    with store.write() as session:
        for number in range(publish.PER_DAY):
            opened(session, ana, now + number * timedelta(minutes=1))
        last = publish.draft(session, session.merge(ana, load=False), want(session), now)
        with pytest.raises(LimitReached, match=r"20 wants in 24 hours.*possible at 12:00 UTC") as refused:
            publish.publish(session, last, now + timedelta(hours=23))
        assert refused.value.retry_after_s == 3_600
        assert last.state == "draft"
        opened(session, carol, now)
        with pytest.raises(LimitReached):
            publish.publish(session, last, now + DAY - SECOND)
        publish.publish(session, last, now + DAY)
        assert last.state == "open"


def test_withdrawing_a_want_does_not_make_room_for_another(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        for _ in range(publish.PER_DAY):
            publish.withdraw(session, opened(session, ana, now), now)
        with pytest.raises(LimitReached):
            opened(session, ana, now)


def test_drafts_are_not_limited(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        account = session.merge(ana, load=False)
        for _ in range(publish.PER_DAY + 1):
            publish.draft(session, account, want(session), now)
