"""Wants of new accounts: the same again is noticed, many alike are held, too many are held; old accounts go free."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rooms import publish_want
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intents import holds, likeness, publish, vetting
from intents.draft import IntentDraft
from intents.holds import HeldBy, HoldWord
from intents.models import Intent
from intents.vetting import LOOKALIKES, NEW_FOR, NEW_PER_DAY, Print
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput, WrongState

SAID = "Cheap watches, gold and silver, write to me now for the best price in town"


def _draft(session: Session, email: str, now: datetime, title: str = SAID, **about: datetime) -> Intent:
    """A draft of a new account, or of one with these moments."""
    account = session.scalar(select(Account).where(Account.email == email))
    if account is None:
        account = Account(email=email, verified_at=now, **{"created_at": now, **about})
        session.add(account)
        session.flush()
    trees = taxonomy.trees(session)
    category = trees.categories.resolve("bicycles", field="category").id
    region = trees.regions.resolve("gb-lds", field="region").id
    return publish.draft(session, account, IntentDraft(title=title, category_id=category, region_id=region), now)


def test_the_same_text_of_several_new_accounts_is_held(store: Store, now: datetime) -> None:
    with store.write() as session:
        for number in range(LOOKALIKES):
            assert vetting.submit(session, _draft(session, f"a{number}@example.org", now), now) is None
        again = _draft(session, "a0@example.org", now, SAID.upper() + "!!")
        assert vetting.submit(session, again, now) is None, "Only other accounts count: here one fewer."
        other = _draft(session, "other@example.org", now, "A tandem for two, with lights and a basket")
        assert vetting.submit(session, other, now) is None
        grown = _draft(session, "old@example.org", now, created_at=now - NEW_FOR)
        vouched = _draft(session, "vouched@example.org", now, trusted_at=now)
        assert [vetting.submit(session, one, now) for one in (grown, vouched)] == [None, None]
        late = _draft(session, "late@example.org", now, SAID.replace("gold and silver", "gold, silver") + ".")
        held = vetting.submit(session, late, now)
        assert held is not None
        assert (held.held_by, held.to_tell) == (HeldBy.LOOKALIKES, HoldWord.HELD)
        assert (late.opened_at, late.held_at) == (None, now)
        with pytest.raises(WrongState, match="being looked at"):
            publish.publish(session, late, now)
        after = now + NEW_FOR + timedelta(hours=1)
        week_later = _draft(session, "week@example.org", after)
        assert vetting.submit(session, week_later, after) is None, "Prints are forgotten after a week."
        assert session.scalar(select(func.count(Print.band))) == 8
        holds.release(session, late, now)
        assert (late.opened_at, late.held_at, held.to_tell) == (now, None, HoldWord.RELEASED)


def test_more_in_a_day_than_a_new_account_may_is_held_and_says_from_when_it_may_more(
    store: Store, now: datetime
) -> None:
    with store.write() as session:
        for number in range(NEW_PER_DAY):
            title = f"{number} {'abcdefghijkl'[number] * 30} of quite another kind"
            assert vetting.submit(session, _draft(session, "busy@example.org", now, title), now) is None
        held = vetting.submit(session, _draft(session, "busy@example.org", now, "One more thing, a lamp"), now)
        assert held is not None
        assert held.held_by is HeldBy.NEW_ACCOUNT
        assert "10 wants in 24 hours" in held.why
        assert "From 28 November 2026 on it is 20" in held.why
        tomorrow = now + timedelta(days=1)
        ladder = _draft(session, "busy@example.org", now, "A ladder, three metres")
        assert vetting.submit(session, ladder, tomorrow) is None
        bare = publish.draft(session, held.intent.account, IntentDraft(title="A thing"), tomorrow)
        with pytest.raises(BadInput, match="category"):
            vetting.submit(session, bare, tomorrow)
        assert bare.held_at is None


def test_the_same_want_again_is_found_among_ones_own_open_ones(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        first = publish_want(session, ana, now, title="Toyota Yaris, blue")
        again = publish.draft(session, first.account, publish.draft_of(first), now)
        assert vetting.same_again(session, again) is first
        other = publish_want(session, ana, now, title="A van for a week", body="It has to carry a piano.")
        assert vetting.same_again(session, other) is None
        publish.withdraw(session, first, now)
        assert vetting.same_again(session, again) is None


@pytest.mark.parametrize("paused", [False, True], ids=["open", "paused"])
def test_a_hold_stops_an_open_want_and_release_takes_it_up_as_it_was(
    store: Store, ana: Account, now: datetime, paused: bool
) -> None:
    with store.write() as session:
        want = publish_want(session, ana, now)
        if paused:
            publish.pause(session, want, now)
        with pytest.raises(BadInput, match="sentence"):
            holds.hold(session, want, now, by=HeldBy.OPERATOR, why=" ")
        held = holds.hold(session, want, now, by=HeldBy.OPERATOR, why="It names a neighbour.")
        assert want.paused_at is not None
        with pytest.raises(WrongState, match="held already"):
            holds.hold(session, want, now, by=HeldBy.OPERATOR, why="Twice.")
        with pytest.raises(WrongState, match="being looked at"):
            publish.resume(session, want, now)
        with pytest.raises(BadInput):
            holds.answer(session, want, " ", now)
        holds.answer(session, want, "He agreed.", now)
        with pytest.raises(WrongState):
            holds.answer(session, want, "Again.", now)
        assert holds.queue(session, 10) == [held]
        holds.release(session, want, now)
        assert (want.paused_at is not None, want.held_at, holds.queue(session, 10)) == (paused, None, [])
        holds.remove(session, want, now)
        assert want.state == "closed"
        with pytest.raises(WrongState):
            holds.release(session, want, now)


@given(st.text(max_size=60), st.text(max_size=60))
def test_likeness_is_one_for_the_same_and_between_nought_and_one(one: str, other: str) -> None:
    mine, theirs = likeness.shingles(one, ""), likeness.shingles(other, "")
    assert likeness.likeness(mine, mine) == 1
    assert 0 <= likeness.likeness(mine, theirs) == likeness.likeness(theirs, mine) <= 1
    assert likeness.bands(mine) == likeness.bands(likeness.shingles(f" {one}!", "?"))
    assert all(0 <= band < 2**63 for band in likeness.bands(mine))
