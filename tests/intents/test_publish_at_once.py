"""Two hands on one want at the same instant: nothing is lost, and where one must win, one does."""

from datetime import datetime, timedelta

import pytest
from opening import opened, want
from rooms import publish_want
from sqlalchemy import func, select
from together import at_once, meeting

from intents import publish
from intents.draft import Condition
from intents.models import Change, Intent
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import LimitReached, WrongState

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def test_of_two_edits_at_once_both_are_kept_as_revisions_and_the_last_one_holds(
    store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        code = opened(session, ana, now).code
    met = meeting(store)

    def edit(title: str) -> bool:
        with store.write() as session:
            intent = publish.by_code(session, code)
            met()
            return publish.amend(session, intent, want(session, title=title), now)

    assert at_once(lambda: edit("One"), lambda: edit("Two")) == [True, True]
    with store.read() as session:
        intent = publish.by_code(session, code)
        titles = [revision.content["title"] for revision in intent.revisions]
        assert sorted(titles[1:]) == ["One", "Two"]
        assert (intent.title, intent.revision) == (titles[-1], 3)


def test_an_edit_while_the_router_works_is_routed_again(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        code = opened(session, ana, now).code
    met = meeting(store)

    def edit() -> None:
        with store.write() as session:
            intent = publish.by_code(session, code)
            met()
            publish.amend(session, intent, want(session, condition=Condition.NEW), now)
            seen.append("edit")

    def route() -> None:
        with store.write() as session:
            met()
            intent = session.scalars(select(Intent).where(Intent.code == code).with_for_update()).one()
            intent.routed_at = now
            session.flush()
            seen.append("route")

    seen: list[str] = []
    assert at_once(edit, route) == [None, None]
    with store.read() as session:
        routed_at = publish.by_code(session, code).routed_at
        assert (routed_at is None) is (seen == ["route", "edit"])


def test_pressing_publish_twice_at_once_opens_it_once(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        code = publish.draft(session, session.merge(ana, load=False), want(session), now).code
    met = meeting(store)

    def press() -> None:
        with store.write() as session:
            intent = publish.by_code(session, code)
            met()
            publish.publish(session, intent, now)

    assert at_once(press, press) == [None, None]
    with store.read() as session:
        assert [each.change for each in publish.by_code(session, code).revisions] == [Change.OPENED]


def test_the_twentieth_and_the_twenty_first_at_once_are_twenty(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        for _ in range(publish.PER_DAY - 1):
            opened(session, ana, now)
        account = session.merge(ana, load=False)
        codes = [publish.draft(session, account, want(session), now).code for _ in range(2)]
    met = meeting(store)

    def press(code: str) -> None:
        with store.write() as session:
            intent = publish.by_code(session, code)
            met()
            publish.publish(session, intent, now)

    ends = at_once(*(lambda code=code: press(code) for code in codes))
    assert sum(isinstance(end, LimitReached) for end in ends) == 1
    with store.read() as session:
        assert session.scalar(select(func.count()).where(Intent.opened_at.is_not(None))) == publish.PER_DAY


@pytest.mark.parametrize("other", ["withdraw", "fulfil", "remove"])
def test_of_two_who_close_it_at_once_one_wins(store: Store, ana: Account, now: datetime, other: str) -> None:
    with store.write() as session:
        code = publish_want(session, ana, now).code
    met = meeting(store)

    def close(verb: str) -> str:
        with store.write() as session:
            intent = publish.by_code(session, code)
            met()
            getattr(publish, verb)(session, intent, now)
            return verb

    ends = at_once(lambda: close("withdraw"), lambda: close(other))
    assert sum(isinstance(end, WrongState) for end in ends) == 1
    (winner,) = [end for end in ends if isinstance(end, str)]
    with store.read() as session:
        intent = publish.by_code(session, code)
        assert intent.outcome == {"withdraw": "withdrawn", "fulfil": "fulfilled", "remove": "removed"}[winner]
        assert intent.revision == 2
