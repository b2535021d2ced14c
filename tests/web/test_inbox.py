"""A vendor's inbox: parts, search, several at once; templates; an answer link that becomes an account."""

from collections.abc import Callable
from datetime import datetime

from rooms import publish_want, route_all
from sqlalchemy import select
from visiting import Visitor
from world import World

from notifiers.models import Notification, Topic
from vendors import team
from vendors.models import Lead, Response, Role, SeenBy
from vendors.templates import Template
from vrm.kernel import accounts
from vrm.kernel.db import Store


def wants(store: Store, world: World, now: datetime, *titles: str) -> list[str]:
    """Wants of Ana's that reach Ben: their codes."""
    with store.write() as session:
        made = [publish_want(session, session.merge(world.ana, load=False), now, title=title) for title in titles]
        route_all(session, now)
        return [want.code for want in made]


def test_an_inbox_is_searched_and_divided_by_what_is_to_be_done(
    visitor: Callable[[], Visitor], world: World, store: Store, now: datetime
) -> None:
    wants(store, world, now, "A red van", "A blue van")
    ben, inbox = visitor().sign_in(world.ben), f"/vendor/{world.vendor.slug}"
    assert "red van" in ben.get(f"{inbox}?q=RED+van")
    assert "blue van" not in ben.get(f"{inbox}?q=red+van")
    page = ben.get(f"{inbox}?only=to-answer&region=gb&category=vehicles-parts")
    assert "red van" in page
    assert "Yaris, small" not in page
    assert "Yaris, small" in ben.get(f"{inbox}?only=answered")
    assert "None like that" in ben.get(f"{inbox}?only=over")
    assert "None like that" in ben.get(f"{inbox}?region=fr")
    ben.get(f"{inbox}?region=nowhere&q=%25_%00&only=nonsense")


def test_several_are_declined_at_once_and_others_are_left_alone(
    visitor: Callable[[], Visitor], world: World, store: Store, now: datetime
) -> None:
    red, blue, green = wants(store, world, now, "A red van", "A blue van", "A green van")
    ben, several = visitor().sign_in(world.ben), f"/vendor/{world.vendor.slug}/several"
    assert "Nothing is ticked" in ben.refused(several, 422, what="decline", decline_reason="stock")
    assert "Please say why" in ben.refused(several, 422, what="decline", want=red)
    visitor().sign_in(world.ana).press(f"/me/intents/{green}/withdraw")
    ben.press(several, what="decline", decline_reason="stock", want=[red, green, "nonsense", world.lonely.code])
    page = ben.get(f"/vendor/{world.vendor.slug}")
    assert "Said to 1 customer." in page
    assert "1 was over meanwhile" in page
    ben.press(several, what="seen", want=[blue])
    visitor().sign_in(world.carol).refused(f"/vendor/{world.carols.slug}/several", 422, what="seen", want=blue)
    with store.read() as session:
        lead = session.scalars(
            select(Lead).join(Lead.intent).where(Lead.intent.has(code=blue), Lead.vendor_id == world.vendor.id)
        ).one()
        assert (lead.seen_by, lead.responded_at) == (SeenBy.POST, None)
        said = session.scalars(select(Response).where(Response.decline_reason == "stock", Response.via == "page")).all()
        assert len(said) == 1


def test_a_template_fills_the_form_and_everything_is_typed_over(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    ben, here = visitor().sign_in(world.ben), f"/vendor/{world.vendor.slug}/templates"
    assert 'value="Viewing"' in ben.refused(here, 422, name="Viewing", body="")
    ben.press(here, name="Viewing", body="Come and see {title} in {place}.")
    with store.read() as session:
        made = session.scalars(select(Template).where(Template.name == "Viewing")).one()
    for page in (f"/vendor/leads/{world.want.code}-{world.vendor.code}", f"/r/{world.links['answer']}"):
        assert "Come and see A used Toyota Yaris, small and reliable in Leeds." in ben.get(
            f"{page}?do=offer&template={made.id}"
        )
        ben.get(f"{page}?template=99", 404)
        ben.get(f"{page}?template=x")
    carol = visitor().sign_in(world.carol)
    carol.get(f"/vendor/{world.carols.slug}/templates/{made.id}", 404)
    ben.press(f"{here}/{made.id}", name="Viewing", body="Other words.")
    ben.press(f"{here}/{made.id}/remove")


def test_an_offer_says_where_it_stands_and_shows_its_papers(visitor: Callable[[], Visitor], world: World) -> None:
    link = f"/r/{world.links['answer']}"
    page = visitor().refused(link, 422, kind="offer", body="x", place="Lees", links="javascript:alert(1)")
    assert "javascript:alert(1)</textarea>" in page
    assert 'value="Lees"' in page
    visitor().press(
        link,
        kind="offer",
        body="Ours.",
        price="9000",
        currency="GBP",
        place="York",
        place_slug="gb-york",
        links="https://shop.example/car.jpg\n",
    )
    board = visitor().sign_in(world.ana).get(f"/me/intents/{world.want.code}?sort=distance")
    assert " km</td>" in board
    assert "1 link" in board
    thread = visitor().sign_in(world.ana).get(f"/me/intents/{world.want.code}/vendors/{world.vendor.slug}")
    assert 'href="https://shop.example/car.jpg" rel="nofollow noopener noreferrer ugc"' in thread
    assert "It stands in York." in thread


def test_an_answer_link_becomes_an_account_and_keeps_everything(
    visitor: Callable[[], Visitor], world: World, store: Store, now: datetime
) -> None:
    link, somebody = f"/r/{world.links['answer']}", visitor()
    assert "Make it an account" in somebody.get(link)
    assert "sales@leeds-toyota.example" in somebody.send(f"{link}/account").text
    with store.write() as session:
        account = accounts.find(session, "sales@leeds-toyota.example")
        assert account is not None
        assert team.role_of(session, world.vendor, account) is Role.MEMBER
        assert (
            session.scalars(select(Notification).where(Notification.topic == Topic.SIGN_IN)).one().account_id
            == account.id
        )
        account.verified_at = now
    page = somebody.sign_in(account).get(f"/vendor/leads/{world.want.code}-{world.vendor.code}")
    assert "31,000 miles" in page  # What was said by link is there.
    assert "Make it an account" not in somebody.get(link)
    with store.write() as session:
        session.get_one(type(world.mail), world.mail.id).verified_at = None
    visitor().refused(f"{link}/account", 403)
