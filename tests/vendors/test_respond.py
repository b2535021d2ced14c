"""What vendor and customer say to each other: who may still say it, what counts as an answer, how much is enough."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from rooms import start_vendor
from selling import open_lead
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intents import publish
from intents.draft import Condition
from vendors import respond
from vendors.models import (
    Actor,
    Agreement,
    DeclineReason,
    Kind,
    Lead,
    Message,
    Response,
    SeenBy,
    Undelivered,
    Via,
    Withheld,
)
from vendors.respond import Answer
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput, LimitReached, NotFound, WrongState
from vrm.kernel.money import Money

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
OFFER = Answer(kind=Kind.OFFER, body="Yaris, 2022.", price=Money(1_150_000, "GBP"))
QUESTION = Answer(kind=Kind.QUESTION, body="Which colour?")
DECLINE = Answer(kind=Kind.DECLINE, decline_reason=DeclineReason.STOCK)
REPLY = Answer(kind=Kind.REPLY, body="Yes.")


def answer(session: Session, lead: Lead, said: Answer, now: datetime, **how: Any) -> Response:
    return respond.respond(session, lead, said, now, **({"via": Via.PAGE} | how))


def count(session: Session, model: type[Response] | type[Message]) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


# --- What counts as an answer ---------------------------------------------------------------------


@pytest.mark.parametrize("said", [OFFER, QUESTION, DECLINE, REPLY])
def test_any_word_of_a_human_is_an_answer_and_proof_of_reading_and_of_delivery(
    store: Store, ana: Account, ben: Account, now: datetime, said: Answer
) -> None:
    later = now + MINUTE
    with store.write() as session:
        lead = open_lead(session, ana, ben, now)
        lead.undelivered = Undelivered.BOUNCED
        response = answer(session, lead, said, later, account=ben)
        session.refresh(lead)
        assert (lead.responded_at, lead.seen_at, lead.delivered_at, lead.undelivered) == (later, later, later, None)
        assert (response.kind, response.account_id, response.told_at) == (said.kind, ben.id, None)


@pytest.mark.parametrize("actor", [Actor.AUTO, Actor.UNKNOWN])
def test_an_answering_machine_is_kept_but_is_no_answer(
    store: Store, ana: Account, ben: Account, now: datetime, actor: Actor
) -> None:
    with store.write() as session:
        lead = open_lead(session, ana, ben, now)
        answer(session, lead, REPLY, now, actor=actor)
        assert (lead.responded_at, lead.seen_at, lead.delivered_at) == (None, None, None)
        by_hand = answer(session, lead, REPLY, now + SECOND)
        assert (by_hand.actor, lead.responded_at) == (Actor.HUMAN, now + SECOND)


def test_the_first_answer_is_the_moment_that_counts_and_later_ones_leave_it(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        lead = open_lead(session, ana, ben, now)
        lead.delivered_at = now
        answer(session, lead, QUESTION, now + MINUTE)
        answer(session, lead, OFFER, now + 2 * MINUTE)
        assert (lead.delivered_at, lead.seen_at, lead.responded_at) == (now, now + MINUTE, now + MINUTE)


@pytest.mark.parametrize(("via", "by"), [(Via.PAGE, SeenBy.POST), (Via.LINK, SeenBy.POST), (Via.API, SeenBy.API)])
def test_the_way_of_an_answer_is_the_proof_of_reading(
    store: Store, ana: Account, ben: Account, now: datetime, via: Via, by: SeenBy
) -> None:
    with store.write() as session:
        lead = open_lead(session, ana, ben, now)
        answer(session, lead, QUESTION, now, via=via)
        assert lead.seen_by is by


def test_the_first_proof_of_reading_stays(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    with store.write() as session:
        lead = open_lead(session, ana, ben, now)
        respond.see(session, lead, now + SECOND, by=SeenBy.PAGE)
        respond.see(session, lead, now + MINUTE, by=SeenBy.API)
        assert (lead.seen_at, lead.seen_by, lead.delivered_at) == (now + SECOND, SeenBy.PAGE, now + SECOND)
        assert lead.responded_at is None


# --- What is taken in -----------------------------------------------------------------------------


def test_all_that_an_offer_says_is_kept(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    said = replace(OFFER, condition=Condition.USED, valid_until=date(2026, 12, 24))
    with store.write() as session:
        response = answer(session, open_lead(session, ana, ben, now), said, now, via=Via.LINK)
        session.refresh(response)
        assert (response.body, response.price, response.currency) == ("Yaris, 2022.", 1_150_000, "GBP")
        assert (response.condition, response.valid_until) == (Condition.USED, date(2026, 12, 24))
        assert (response.via, response.account_id, response.decline_reason) == (Via.LINK, None, None)


@pytest.mark.parametrize("kind", [Kind.QUESTION, Kind.DECLINE, Kind.REPLY])
def test_what_belongs_to_another_kind_is_left_out(now: datetime, kind: Kind) -> None:
    said = Answer(
        kind=kind, body="x", price=Money(1, "GBP"), condition=Condition.NEW, valid_until=now.date(),
        decline_reason=DeclineReason.OTHER,
    )  # fmt: skip
    kept = respond.check(said, now)
    assert (kept.price, kept.condition, kept.valid_until) == (None, None, None)
    assert kept.decline_reason is (DeclineReason.OTHER if kind is Kind.DECLINE else None)


@pytest.mark.parametrize(
    ("said", "field", "sentence"),
    [
        (Answer(kind=Kind.OFFER), "body", "name a price or describe your offer"),
        (Answer(kind=Kind.OFFER, body=" \n "), "body", "name a price or describe your offer"),
        (Answer(kind=Kind.QUESTION), "body", "The question is empty"),
        (Answer(kind=Kind.REPLY, body="\t"), "body", "The reply is empty"),
        (Answer(kind=Kind.DECLINE), "decline_reason", "say why it is not for you"),
        (replace(OFFER, price=Money(-5, "GBP")), "price", "cannot be negative"),
        (replace(OFFER, price=Money(10**15, "GBP")), "price", "cannot be negative or larger"),
        (replace(OFFER, valid_until=date(2026, 11, 20)), "valid_until", "That day is over"),
        (replace(OFFER, valid_until=date.min), "valid_until", "That day is over"),
        (replace(QUESTION, body="x" * 8_001), "body", "has 8,001 characters; please use at most 8,000"),
        (replace(QUESTION, body="a\x00"), "body", "cannot be shown"),
        (replace(QUESTION, body="\ud800"), "body", "cannot be shown"),
    ],
)
def test_a_field_that_does_not_hold_is_named_in_a_sentence(
    now: datetime, said: Answer, field: str, sentence: str
) -> None:
    with pytest.raises(BadInput) as refused:
        respond.check(said, now)
    assert sentence in refused.value.problems[field]


@pytest.mark.parametrize(
    "said",
    [
        Answer(kind=Kind.OFFER, price=Money(0, "GBP")),
        replace(OFFER, valid_until=date(2026, 11, 21)),
        replace(OFFER, valid_until=date.max),
        replace(QUESTION, body="😀" * 8_000),
        replace(QUESTION, body="هل هو أزرق؟"),
        *(Answer(kind=Kind.DECLINE, decline_reason=reason) for reason in DeclineReason),
    ],
)
def test_a_field_at_its_edge_holds(store: Store, ana: Account, ben: Account, now: datetime, said: Answer) -> None:
    with store.write() as session:
        response = answer(session, open_lead(session, ana, ben, now), said, now)
        session.refresh(response)
        assert (response.body, response.valid_until) == (said.body, said.valid_until)


# --- Again, and too much --------------------------------------------------------------------------


def test_the_same_words_again_within_a_minute_are_one_response(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        lead = open_lead(session, ana, ben, now)
        first = answer(session, lead, OFFER, now)
        assert answer(session, lead, replace(OFFER, body=" Yaris, 2022. "), now + 59 * SECOND) is first
        assert answer(session, lead, OFFER, now + MINUTE) is not first


@pytest.mark.parametrize(
    "change",
    [
        {"body": "Yaris, 2021."},
        {"price": Money(1_150_000, "EUR")},
        {"price": Money(1_100_000, "GBP")},
        {"price": None},
        {"condition": Condition.NEW},
        {"valid_until": date(2027, 1, 1)},
    ],
)
def test_an_offer_that_differs_in_anything_is_another(
    store: Store, ana: Account, ben: Account, now: datetime, change: dict[str, Any]
) -> None:
    with store.write() as session:
        lead = open_lead(session, ana, ben, now)
        first = answer(session, lead, OFFER, now)
        assert answer(session, lead, replace(OFFER, **change), now + SECOND) is not first


def vendor_says(session: Session, lead: Lead, number: int, now: datetime) -> object:
    return answer(session, lead, replace(QUESTION, body=f"Number {number}?"), now)


def customer_says(session: Session, lead: Lead, number: int, now: datetime) -> object:
    return respond.say(session, lead, f"Number {number}.", now)


@pytest.mark.parametrize("say", [vendor_says, customer_says])
def test_six_messages_a_minute_are_the_most_of_either_side(
    store: Store, ana: Account, ben: Account, now: datetime, say: Callable[[Session, Lead, int, datetime], object]
) -> None:
    with store.write() as session:
        lead, other = open_lead(session, ana, ben, now), open_lead(session, ana, ben, now)
        for number in range(respond.PER_MINUTE):
            say(session, lead, number, now + number * SECOND)
        with pytest.raises(LimitReached, match="6 messages a minute are the most; please wait a minute") as refused:
            say(session, lead, 6, now + 59 * SECOND)
        assert refused.value.retry_after_s == 60
        say(session, other, 6, now + 59 * SECOND)
        say(session, lead, 6, now + MINUTE)


@pytest.mark.parametrize("say", [vendor_says, customer_says])
def test_a_hundred_messages_about_one_want_are_the_most(
    store: Store, ana: Account, ben: Account, now: datetime, say: Callable[[Session, Lead, int, datetime], object]
) -> None:
    with store.write() as session:
        lead = open_lead(session, ana, ben, now)
        for number in range(respond.PER_LEAD):
            say(session, lead, number, now + number * MINUTE)
        with pytest.raises(LimitReached, match="100 messages about one want are the most; please go on by mail"):
            say(session, lead, 100, now + timedelta(days=1))


def test_the_customer_says_something_or_is_told_to(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    with store.write() as session:
        lead = open_lead(session, ana, ben, now)
        for body in ("", " \n ", "\x00", "\ud800", "x" * 8_001):
            with pytest.raises(BadInput, match="The message") as refused:
                respond.say(session, lead, body, now)
            assert list(refused.value.problems) == ["body"]
        first = respond.say(session, lead, "Hello 👋\r\nBlue.", now)
        assert (first.body, first.announced_at) == ("Hello 👋\nBlue.", None)
        assert respond.say(session, lead, " Hello 👋\nBlue.", now + SECOND) is first
        assert count(session, Message) == 1


def test_a_thread_is_told_in_the_order_in_which_it_was_said(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        lead, other = open_lead(session, ana, ben, now), open_lead(session, ana, ben, now)
        respond.say(session, other, "Elsewhere.", now)
        said = [
            answer(session, lead, QUESTION, now),
            respond.say(session, lead, "Blue.", now),
            respond.say(session, lead, "Or red.", now + SECOND),
            answer(session, lead, OFFER, now + 2 * SECOND),
        ]
        assert respond.thread(session, lead) == said


# --- Who may still say it -------------------------------------------------------------------------

STATES: dict[str, Callable[[Session, Lead, datetime], object]] = {
    "open": lambda session, lead, now: None,
    "paused": lambda session, lead, now: publish.pause(session, lead.intent, now),
    "withdrawn": lambda session, lead, now: publish.withdraw(session, lead.intent, now),
    "fulfilled": lambda session, lead, now: publish.fulfil(session, lead.intent, now, vendor_id=lead.vendor_id),
    "removed": lambda session, lead, now: publish.remove(session, lead.intent, now),
    "expired": lambda session, lead, now: publish.expire(session, now + timedelta(days=40)),
    "turned down": respond.turn_down,
    "withheld": lambda session, lead, now: setattr(lead, "withheld", Withheld.BLOCKED),
}
WORDS: dict[str, Callable[[Session, Lead, datetime], object]] = {
    "respond": lambda session, lead, now: answer(session, lead, OFFER, now),
    "say": lambda session, lead, now: respond.say(session, lead, "Hello", now),
    "agree": lambda session, lead, now: respond.agree(session, lead, now, via=Via.PAGE),
}


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("state", STATES)
def test_words_are_taken_while_the_want_lives_and_refused_with_the_reason_after(
    store: Store, ana: Account, ben: Account, now: datetime, state: str, word: str
) -> None:
    with store.write() as session:
        lead = open_lead(session, ana, ben, now, terms="Be kind.")
        STATES[state](session, lead, now)
        if state in ("open", "paused"):
            WORDS[word](session, lead, now)
            return
        with pytest.raises(NotFound if state == "withheld" else WrongState) as refused:
            WORDS[word](session, lead, now)
        expected = {"withheld": "no such lead", "turned down": "“no, thank you”"}.get(state, f"is over ({state} on")
        assert expected in str(refused.value)
        assert (count(session, Response), count(session, Message)) == (0, 0)
        assert (lead.responded_at, lead.seen_at) == (None, None)


def test_a_withheld_lead_cannot_be_seen(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    with store.write() as session:
        lead = open_lead(session, ana, ben, now)
        STATES["withheld"](session, lead, now)
        with pytest.raises(NotFound):
            respond.see(session, lead, now, by=SeenBy.PAGE)


# --- Terms, reveal, no thank you ------------------------------------------------------------------


def test_without_terms_there_is_nothing_to_accept_and_revealing_needs_nothing(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        lead, other = open_lead(session, ana, ben, now), open_lead(session, ana, ben, now)
        with pytest.raises(WrongState, match="asks for no terms"):
            respond.agree(session, lead, now, via=Via.PAGE)
        assert respond.has_agreed(session, lead)
        respond.reveal(session, lead, now)
        respond.reveal(session, lead, now + MINUTE)
        assert (lead.revealed_at, lead.reveal_announced_at, other.revealed_at) == (now, None, None)


def test_contact_details_are_shown_only_after_the_terms_as_they_now_are_were_accepted(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        lead = open_lead(session, ana, ben, now, terms="Be kind.")
        with pytest.raises(WrongState, match="has not accepted your terms yet; ask them to, in a message"):
            respond.reveal(session, lead, now)
        first = respond.agree(session, lead, now, via=Via.LINK, account=ben)
        assert respond.agree(session, lead, now + MINUTE, via=Via.PAGE) is first
        assert (first.terms, first.agreed_at, first.via, first.account_id) == ("Be kind.", now, Via.LINK, ben.id)
        assert (lead.seen_at, lead.responded_at) == (now, None)
        publish.amend(session, lead.intent, replace(publish.draft_of(lead.intent), terms="Be quick."), now)
        assert not respond.has_agreed(session, lead)
        with pytest.raises(WrongState):
            respond.reveal(session, lead, now)
        respond.agree(session, lead, now + 2 * MINUTE, via=Via.PAGE)
        respond.reveal(session, lead, now + 3 * MINUTE)
        assert session.scalars(select(Agreement.terms)).all() == ["Be quick."]


def test_who_was_turned_down_is_shown_nothing_more(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    with store.write() as session:
        lead = open_lead(session, ana, ben, now)
        respond.turn_down(session, lead, now)
        respond.turn_down(session, lead, now + MINUTE)
        assert lead.declined_at == now
        with pytest.raises(WrongState, match="not in the conversation any more"):
            respond.reveal(session, lead, now)


def test_a_vendor_that_is_blocked_is_turned_down_everywhere_and_what_it_had_not_got_is_withheld(
    store: Store, ana: Account, ben: Account, carol: Account, now: datetime
) -> None:
    with store.write() as session:
        told, owed = open_lead(session, ana, ben, now), open_lead(session, ana, ben, now)
        carols, other = open_lead(session, carol, ben, now), start_vendor(session, carol, now, name="Other")
        respond.see(session, told, now, by=SeenBy.PAGE)
        respond.block(session, ana, told.vendor, now)
        respond.block(session, ana, told.vendor, now + MINUTE)
        respond.block(session, ana, other, now)
        for lead in (told, owed, carols):
            session.refresh(lead)
        assert (told.declined_at, told.withheld) == (now, None)
        assert (owed.declined_at, owed.withheld) == (now, Withheld.BLOCKED)
        assert (carols.declined_at, carols.withheld) == (None, None)
