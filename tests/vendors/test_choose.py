"""The customer's short list, choice and word afterwards; the board's pages and its offers side by side."""

from datetime import datetime, timedelta
from functools import partial

import pytest
from rooms import publish_want, route_all, start_vendor
from sqlalchemy import select
from sqlalchemy.orm import Session
from together import at_once, meeting

from intents import publish
from intents.models import Intent
from vendors import board, choose, offers, respond, templates
from vendors.leads import Standing
from vendors.models import Kind, Lead, Vendor, Via
from vendors.offers import Sort
from vendors.respond import Answer
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput, NotFound, WrongState
from vrm.kernel.money import Money


def market(session: Session, ana: Account, ben: Account, now: datetime, *names: str) -> tuple[Intent, list[Lead]]:
    """A want, and the leads of the vendors with these names, in this order."""
    for name in names:
        start_vendor(session, ben, now, name=name, wish=("cars-trucks-vans", "gb"))
    intent = publish_want(session, ana, now)
    route_all(session, now)
    found = session.execute(
        select(Vendor.name, Lead).join(Lead, Lead.vendor_id == Vendor.id).where(Lead.intent_id == intent.id)
    )
    leads = dict(found.all())
    return intent, [leads[name] for name in names]


def offer(session: Session, lead: Lead, now: datetime, price: int, currency: str = "GBP", **more: object) -> None:
    answer = Answer(kind=Kind.OFFER, price=Money(price, currency), body="Here.", **more)  # type: ignore[arg-type] # Passed on.
    respond.respond(session, lead, answer, now, via=Via.LINK)


def test_one_vendor_is_chosen_at_a_time_and_sees_who_it_is(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        _, (first, second) = market(session, ana, ben, now, "First", "Second")
        with pytest.raises(WrongState, match="has not answered yet"):
            choose.choose(session, first, now)
        offer(session, first, now, 900)
        offer(session, second, now, 800)
        choose.choose(session, first, now)
        assert (first.chosen_at, first.revealed_at) == (now, now)
        choose.choose(session, second, now)
        session.refresh(first)
        assert (first.chosen_at, second.chosen_at) == (None, now)
        publish.withdraw(session, first.intent, now)
        with pytest.raises(WrongState, match="closed"):
            choose.choose(session, first, now)


def test_only_a_real_exchange_can_be_judged(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    with store.write() as session:
        _, (lead, other) = market(session, ana, ben, now, "First", "Second")
        respond.say(session, other, "Hello?", now)
        with pytest.raises(WrongState, match="really talked"):
            choose.judge(session, other, now, glad=True)  # It never answered.
        offer(session, lead, now, 900)
        with pytest.raises(WrongState, match="really talked"):
            choose.judge(session, lead, now, glad=True)  # The customer never did.
        respond.say(session, lead, "When can I come?", now)
        with pytest.raises(BadInput, match="at most 300"):
            choose.judge(session, lead, now, glad=True, words="x" * 301)
        choose.judge(session, lead, now, glad=True, words="Quick and kind.")
        choose.judge(session, lead, now, glad=False, words="Not there.")
        assert choose.gladness(session, lead.vendor_id) == choose.Gladness(glad=0, said=1)


def test_a_board_goes_on_where_its_page_ended(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    with store.write() as session:
        names = [f"Shop {number}" for number in range(7)]
        intent, leads = market(session, ana, ben, now, *names)
        offer(session, leads[5], now, 900)
        leads[3].seen_at = leads[4].delivered_at = now
        choose.shortlist(session, leads[2], now, keep=True)
        respond.turn_down(session, leads[0], now)
        seen: list[str] = []
        after = None
        for _ in range(9):
            page = board.page(session, intent, after=after, limit=2)
            seen += [row.lead.vendor.name for row in page.rows]
            after = page.next_after
            if after is None:
                break
        assert seen == ["Shop 5", "Shop 3", "Shop 4", "Shop 1", "Shop 2", "Shop 6", "Shop 0"]
        assert [row.lead.vendor.name for row in board.page(session, intent, only=Standing.SEEN).rows] == ["Shop 3"]
        assert len(board.page(session, intent, after="nonsense").rows) == 7
        assert board.counts(session, intent)[Standing.ANSWERED] == 1
        before = board.stamp(session, intent)
        assert board.stamp(session, intent) == before
        leads[1].seen_at = now
        session.flush()
        assert board.stamp(session, intent) != before


def test_offers_stand_side_by_side_in_the_order_that_was_asked_for(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        regions = taxonomy.trees(session).regions
        intent, (cheap, near, foreign) = market(session, ana, ben, now, "Cheap", "Near", "Foreign")
        intent.currency = "GBP"
        day = (now + timedelta(days=3)).date()
        offer(session, cheap, now, 1, region_id=regions.resolve("gb-yor", field="region").id)
        offer(session, cheap, now + timedelta(minutes=2), 800, region_id=regions.resolve("gb-edh", field="region").id)
        offer(session, near, now, 900, valid_until=day, region_id=intent.region_id)
        offer(session, foreign, now, 700, "EUR")

        def order(by: Sort) -> list[str]:
            return [one.lead.vendor.name for one in offers.page(session, intent, regions, by=by).shown]

        assert order(Sort.PRICE) == ["Cheap", "Near", "Foreign"]
        assert order(Sort.DISTANCE) == ["Near", "Cheap", "Foreign"]
        assert order(Sort.UNTIL)[0] == "Near"
        kms = {one.lead.vendor.name: one.km for one in offers.page(session, intent, regions, by=Sort.PRICE).shown}
        assert (kms["Near"], kms["Foreign"]) == (0, None)
        assert 230 < (kms["Cheap"] or 0) < 320  # Leeds to Edinburgh: about 260 km.
        respond.turn_down(session, near, now)
        assert order(Sort.PRICE) == ["Cheap", "Foreign"]


@pytest.mark.parametrize("by", Sort)
def test_offers_go_on_after_the_last_one_and_each_is_shown_once(
    store: Store, ana: Account, ben: Account, now: datetime, by: Sort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offers, "PAGE", 2)
    with store.write() as session:
        regions = taxonomy.trees(session).regions
        intent, leads = market(session, ana, ben, now, *(f"Shop {number}" for number in range(5)))
        for number, lead in enumerate(leads):
            offer(session, lead, now, 900 - number % 2)
        seen, after, pages = [], None, 0
        while after is not None or not pages:
            page = offers.page(session, intent, regions, by=by, after=after)
            assert page.many == 5
            seen += [one.lead.vendor_id for one in page.shown]
            after, pages = page.next_after, pages + 1
        assert pages == 3
        assert sorted(seen) == sorted(lead.vendor_id for lead in leads)
        begun_anew = offers.page(session, intent, regions, by=by, after="nobody")
        assert [one.lead.vendor_id for one in begun_anew.shown] == seen[:2]


@pytest.mark.parametrize(
    "links", [("javascript:alert(1)",), ("https://x",), ("https://a.example/a b",), ("https://a.example/",) * 6]
)
def test_links_of_an_answer_are_whole_addresses_and_few(now: datetime, links: tuple[str, ...]) -> None:
    with pytest.raises(BadInput) as refused:
        respond.check(Answer(kind=Kind.OFFER, body="Here.", links=links), now)
    assert set(refused.value.problems) == {"links"}


def test_templates_are_the_vendors_own_and_are_filled_in(store: Store, ben: Account, now: datetime) -> None:
    with store.write() as session:
        vendor, other = start_vendor(session, ben, now), start_vendor(session, ben, now, name="Other")
        made = templates.keep(session, vendor, now, name="Viewing", body="Come and see {title} in {place}. {unknown}")
        with pytest.raises(BadInput, match="already"):
            templates.keep(session, vendor, now, name="Viewing", body="x")
        with pytest.raises(BadInput) as refused:
            templates.keep(session, vendor, now, name="", body=" ")
        assert set(refused.value.problems) == {"name", "body"}
        with pytest.raises(NotFound):
            templates.find(session, other, made.id)
        templates.keep(session, vendor, now, name="Viewing", body=made.body, template=made)
        said = templates.filled(made.body, {"title": "A Yaris", "place": "Leeds"})
        assert said == "Come and see A Yaris in Leeds. {unknown}"
        templates.remove(session, made)
        assert templates.of_vendor(session, vendor) == []


def test_of_two_that_are_chosen_at_once_one_is_chosen(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    with store.write() as session:
        intent, leads = market(session, ana, ben, now, "First", "Second")
        for lead in leads:
            offer(session, lead, now, 900)
        keys = [(lead.intent_id, lead.vendor_id) for lead in leads]
    met = meeting(store)

    def press(key: tuple[int, int]) -> None:
        with store.write() as session:
            lead = session.get_one(Lead, key)
            met()
            choose.choose(session, lead, now)

    assert at_once(*(partial(press, key) for key in keys)) == [None, None]
    with store.read() as session:
        chosen = session.scalars(select(Lead).where(Lead.intent_id == intent.id, Lead.chosen_at.is_not(None))).all()
        assert len(chosen) == 1
