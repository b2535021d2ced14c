"""Two hands on one lead at the same instant: one first answer, no word to a want that is being closed."""

from datetime import datetime, timedelta

from selling import open_lead
from sqlalchemy import func, select
from together import at_once, meeting

from intents import publish
from intents.models import Intent
from vendors import respond
from vendors.models import Block, DeclineReason, Kind, Lead, Response, SeenBy, Vendor, Via
from vendors.respond import Answer
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import LimitReached, WrongState

SECOND = timedelta(seconds=1)
DECLINE = Answer(kind=Kind.DECLINE, decline_reason=DeclineReason.STOCK)


def a_lead(store: Store, ana: Account, ben: Account, now: datetime) -> tuple[int, int]:
    with store.write() as session:
        lead = open_lead(session, ana, ben, now)
        return lead.intent_id, lead.vendor_id


def test_of_two_answers_at_once_the_first_is_the_first_and_both_are_kept(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    key = a_lead(store, ana, ben, now)
    met = meeting(store)
    order: list[datetime] = []

    def press(body: str, at: datetime) -> None:
        with store.write() as session:
            lead = session.get_one(Lead, key)
            met()
            said = respond.respond(session, lead, Answer(kind=Kind.QUESTION, body=body), at, via=Via.LINK)
            order.append(said.at)

    assert at_once(lambda: press("One?", now + SECOND), lambda: press("Two?", now + 2 * SECOND)) == [None, None]
    with store.read() as session:
        assert session.get_one(Lead, key).responded_at == order[0]
        assert session.scalar(select(func.count()).select_from(Response)) == 2


def test_the_same_button_pressed_twice_at_once_is_one_response(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    key = a_lead(store, ana, ben, now)
    met = meeting(store)

    def press() -> int:
        with store.write() as session:
            lead = session.get_one(Lead, key)
            met()
            return respond.respond(session, lead, DECLINE, now, via=Via.LINK).id

    one, two = at_once(press, press)
    assert one == two


def test_of_a_sixth_and_a_seventh_word_at_once_one_is_too_many(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    key = a_lead(store, ana, ben, now)
    with store.write() as session:
        for number in range(respond.PER_MINUTE - 1):
            respond.say(session, session.get_one(Lead, key), f"{number}", now)
    met = meeting(store)

    def press(body: str) -> None:
        with store.write() as session:
            lead = session.get_one(Lead, key)
            met()
            respond.say(session, lead, body, now)

    ends = at_once(lambda: press("sixth"), lambda: press("seventh"))
    assert sum(isinstance(end, LimitReached) for end in ends) == 1


def test_an_answer_while_the_want_is_withdrawn_comes_before_it_or_is_refused(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    key = a_lead(store, ana, ben, now)
    met = meeting(store)
    order: list[str] = []

    def press() -> None:
        with store.write() as session:
            lead = session.get_one(Lead, key)
            assert lead.intent.title  # Loaded, as by a page that is shown before its button is pressed.
            met()
            respond.respond(session, lead, DECLINE, now, via=Via.LINK)
            order.append("answered")

    def withdraw() -> None:
        with store.write() as session:
            intent = session.get_one(Intent, key[0])
            met()
            publish.withdraw(session, intent, now)
            order.append("withdrawn")

    answered, withdrawn = at_once(press, withdraw)
    assert withdrawn is None
    assert (answered is None) is (order == ["answered", "withdrawn"])
    assert answered is None or isinstance(answered, WrongState)


def test_of_two_looks_at_once_the_first_is_the_proof(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    key = a_lead(store, ana, ben, now)
    met = meeting(store)
    order: list[datetime] = []

    def look(at: datetime) -> None:
        with store.write() as session:
            lead = session.get_one(Lead, key)
            met()
            respond.see(session, lead, at, by=SeenBy.PAGE)
            if lead.seen_at == at:
                order.append(at)

    assert at_once(lambda: look(now + SECOND), lambda: look(now + 2 * SECOND)) == [None, None]
    with store.read() as session:
        assert [session.get_one(Lead, key).seen_at] == order


def test_blocking_twice_at_once_blocks_once(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    key = a_lead(store, ana, ben, now)
    met = meeting(store)

    def press() -> None:
        with store.write() as session:
            vendor = session.get_one(Vendor, key[1])
            met()
            respond.block(session, ana, vendor, now)

    assert at_once(press, press) == [None, None]
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(Block)) == 1
