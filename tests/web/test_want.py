"""A customer's pages: saying a want, its preview and its board."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select
from visiting import Clock, Visitor
from world import World

from intents.models import Intent, Outcome, Revision
from vendors.models import Block, Lead, Message
from vrm.kernel.db import Store

WANT = {
    "title": "A used Toyota Yaris",
    "body": "Five doors.",
    "category": "Cars, Trucks & Vans",
    "region": "Leeds",
    "budget_max": "12,000",
    "currency": "GBP",
    "condition": "used",
    "quantity": "1",
    "visibility": "unlisted",
}


def intents(store: Store) -> list[Intent]:
    with store.read() as session:
        return list(session.scalars(select(Intent).order_by(Intent.id)))


def test_a_want_becomes_a_draft_a_preview_and_then_open(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    ana = visitor().sign_in(world.ana)
    board = ana.press("/want", **WANT)
    draft = intents(store)[-1]
    assert (draft.title, draft.budget_max, draft.currency, draft.state) == (WANT["title"], 1_200_000, "GBP", "draft")
    page = ana.get(board)
    assert "Nothing is published yet" in page
    assert "up to £12,000" in page
    assert ana.press(f"{board}/publish") == board
    assert intents(store)[-1].state == "open"
    visitor().get(f"/intents/{draft.code}")
    assert draft.code not in visitor().get("/")  # Unlisted.


@pytest.mark.parametrize(
    ("language", "typed", "minor"),
    [
        ("de", "11.495", 1_149_500), ("de", "11.495,50 €", 1_149_550), ("de", "11495,5", 1_149_550),
        ("de", "11495.50", 1_149_550), ("de", "1.149", 114_900), ("en", "£11,495.50", 1_149_550),
    ],
)  # fmt: skip
def test_amounts_are_read_as_the_reader_of_the_page_writes_them(
    visitor: Callable[[], Visitor], world: World, store: Store, language: str, typed: str, minor: int
) -> None:
    ana = visitor().sign_in(world.ana)
    ana.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    ana.press("/want", **{**WANT, "budget_max": typed, "currency": "EUR"})
    assert intents(store)[-1].budget_max == minor


def test_pressing_twice_makes_one_want(visitor: Callable[[], Visitor], world: World, store: Store) -> None:
    ana = visitor().sign_in(world.ana)
    before = len(intents(store))
    assert ana.press("/want", **WANT) == ana.press("/want", **WANT)
    assert len(intents(store)) == before + 1


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("title", "", "The title is missing"),
        ("title", "x" * 201, "at most 200"),
        ("title", "a\x00b", "cannot be shown"),
        ("category", "", "choose a category"),
        ("category", "blorgs", "There is no category called"),
        ("region", "Springfield", "may be"),
        ("budget_max", "-5", "is not an amount"),
        ("budget_min", "20000", "swap them"),
        ("currency", "QQQ", "not a currency"),
        ("quantity", "1.5", "whole number"),
        ("quantity", "0", "between 1 and"),
        ("needed_by", "soon", "year-month-day"),
        ("needed_by", "2020-01-01", "is over"),
        ("expires_at", "2020-01-01", "end before it began"),
        ("expires_at", "9999-12-31", "a year at most"),
        ("condition", "rusty", "that are offered"),
        ("visibility", "secret", "that are offered"),
    ],
)
def test_bad_input_gets_a_sentence_and_loses_nothing(
    visitor: Callable[[], Visitor], field: str, typed: str, sentence: str
) -> None:
    page = visitor().refused("/want", 422, **{**WANT, field: typed})
    assert sentence in page
    assert 'role="alert"' in page
    for name, value in WANT.items():
        if name not in (field, "condition", "currency", "visibility"):
            assert value.replace("&", "&amp;") in page, name


def test_a_list_of_problems_leads_down_the_form(visitor: Callable[[], Visitor]) -> None:
    wrong = {"title": "", "category": "blorgs", "budget_max": "-5", "quantity": "0"}
    page = visitor().refused("/want", 422, **(WANT | wrong))
    assert re.findall(r'href="#f-(\w+)"', page) == list(wrong)


def test_did_you_mean_is_answered_by_a_choice(visitor: Callable[[], Visitor], world: World) -> None:
    ana = visitor().sign_in(world.ana)
    page = ana.refused("/want", 422, **{**WANT, "region": "Newcastl"})
    meant = re.findall(r'name="region_meant"[^>]*value="([^"]+)"', page)
    assert meant
    ana.press("/want", **{**WANT, "region": "Newcastl", "region_meant": meant[0]})


def test_what_was_chosen_before_does_not_outlive_other_words(visitor: Callable[[], Visitor], world: World) -> None:
    ana = visitor().sign_in(world.ana)
    page = ana.get(ana.press("/want", **{**WANT, "region": "York", "region_slug": "gb-lds"}))
    assert "York" in page


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=st.dictionaries(st.sampled_from([*WANT, "needed_by", "region_slug", "terms"]), st.text(max_size=40)))
def test_no_words_break_the_form(visitor: Callable[[], Visitor], fields: dict[str, str]) -> None:
    typed = {name: value.encode("utf-8", "ignore").decode() for name, value in fields.items()}
    assert visitor().send("/want", **{**WANT, **typed}).status_code in (200, 422)


def test_a_want_said_signed_out_waits_behind_the_link(visitor: Callable[[], Visitor], store: Store) -> None:
    dora = visitor()
    page = dora.send("/want", **WANT).text
    assert "Where shall answers go?" in page
    assert dora.refused("/want/author", 422, **WANT, email="not an address")
    assert "waits for you there" in dora.send("/want/author", **WANT, email="dora@example.org").text
    (draft,) = intents(store)
    assert draft.state == "draft"
    visitor().get(f"/me/intents/{draft.code}", 303)


def test_what_somebody_begins_with_anas_address_is_a_draft_that_says_so_and_nothing_more(
    visitor: Callable[[], Visitor], world: World, store: Store, clock: Clock
) -> None:
    stranger, ana = visitor(), visitor().sign_in(world.ana)
    before = {intent.code for intent in intents(store)}
    mailboxes = ("ana@example.org", "x@example.org")
    answers = [stranger.send("/want/author", **WANT, email=email).text for email in mailboxes]
    assert answers[0].replace("ana@", "x@") == answers[1], "Nobody learns who has an account."
    (code,) = {intent.code for intent in intents(store) if intent.account_id == world.ana.id} - before
    for page in (f"/me/intents/{code}", f"/me/intents/{code}/edit", f"/intents/{code}"):
        stranger.get(page, 303 if page.startswith("/me") else 404)
    assert "If that was not you, throw it away" in ana.get(f"/me/intents/{code}")
    clock.moment += timedelta(minutes=1)
    own = ana.press("/want", **{**WANT, "title": "Another"})
    assert "If that was not you" not in ana.get(own)
    ana.press(f"/me/intents/{code}/withdraw")
    assert code not in ana.get("/me")
    for _ in range(5):
        stranger.send("/want/author", **WANT, email="ana@example.org")
    assert stranger.send("/want/author", **WANT, email="ana@example.org").status_code == 429, "Six an hour at most."


def test_the_board_says_of_every_vendor_where_it_stands(visitor: Callable[[], Visitor], world: World) -> None:
    page = visitor().sign_in(world.ana).get(f"/me/intents/{world.want.code}")
    for sentence in (
        "£11,495",
        "Out of stock",
        "Seen, no answer",
        "Delivered, not seen",
        "Its mailbox does not exist or refused the message.",
        "That is not its silence.",
        "Withdraw and tell 6 vendors",
    ):
        assert sentence in page


def test_a_want_that_reached_nobody_says_why(visitor: Callable[[], Visitor], world: World) -> None:
    page = visitor().sign_in(world.ana).get(f"/me/intents/{world.lonely.code}")
    assert "No vendor listens to" in page


def test_talking_to_one_vendor(visitor: Callable[[], Visitor], world: World, store: Store) -> None:
    ana = visitor().sign_in(world.ana)
    thread = f"/me/intents/{world.want.code}/vendors/{world.vendor.slug}"
    ana.press(f"{thread}/say", body="When can I come?")
    assert "When can I come?" in ana.get(thread)
    assert "please write a line" in ana.refused(f"{thread}/say", 422, body=" ")
    ana.press(f"{thread}/turn-down")
    assert "no, thank you" in ana.refused(f"{thread}/say", 409, body="One more thing")
    ana.press(f"{thread}/block")
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 2
        assert session.scalar(select(func.count()).select_from(Block)) == 1


def test_an_edit_makes_a_revision_and_withdrawing_closes(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    ana = visitor().sign_in(world.ana)
    board = f"/me/intents/{world.want.code}"
    form = ana.get(f"{board}/edit")
    assert 'value="8000"' in form
    assert 'value="Cars, Trucks &amp; Vans"' in form
    ana.press(f"{board}/edit", **WANT)
    ana.press(f"{board}/pause")
    ana.press(f"{board}/resume")
    ana.press(f"{board}/withdraw")
    page = ana.get(board)
    assert "Withdrawn" in page
    assert "“A used Toyota Yaris”" in page
    ana.refused(f"{board}/edit", 409, **WANT)
    with store.read() as session:
        assert session.get_one(Intent, world.want.id).outcome is Outcome.WITHDRAWN
        assert session.scalar(select(func.count()).where(Revision.intent_id == world.want.id)) == 5


def test_done_says_from_whom(visitor: Callable[[], Visitor], world: World, store: Store) -> None:
    ana = visitor().sign_in(world.ana)
    board = f"/me/intents/{world.want.code}"
    for nobody in (world.carols.slug, "x\x00y"):
        ana.refused(f"{board}/done", 404, vendor=nobody)
    ana.press(f"{board}/done", vendor=world.vendor.slug)
    assert "bought from Leeds Toyota" in ana.get(board)
    with store.read() as session:
        assert session.get_one(Intent, world.want.id).fulfilled_by == world.vendor.id


def test_a_board_asks_a_constant_number_of_questions(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    with store.read() as session:
        assert session.scalar(select(func.count()).where(Lead.intent_id == world.want.id)) == 6
    from_store: list[str] = []
    ana = visitor().sign_in(world.ana)
    ana.get(f"/me/intents/{world.want.code}")

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        from_store.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    ana.get(f"/me/intents/{world.want.code}")
    event.remove(store.engine, "before_cursor_execute", note)
    assert len(from_store) <= 18, from_store
