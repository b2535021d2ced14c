"""Reports, held wants and suspended vendors, from the one who reports to the letters that go out."""

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session
from visiting import Clock, Visitor
from world import World

from intents.models import Intent, Outcome
from notifiers.compose import compose
from notifiers.letters import owe_letters
from notifiers.models import Notification, Topic
from vendors import respond
from vendors.models import Lead, Vendor
from vendors.reports import TAKEN_AWAY, Report
from vrm.kernel.accounts import Audit
from vrm.kernel.db import Store


def _letters(session: Session, app_post: object, clock: Clock) -> list[tuple[int | None, str]]:
    """To whom, and what about, in the order of owing."""
    owe_letters(session, clock())
    owed = session.scalars(
        select(Notification).where(Notification.topic == Topic.MODERATION).order_by(Notification.id)
    ).all()
    return [(one.account_id, compose(session, one, app_post).subject) for one in owed]  # type: ignore[arg-type]  # The desk's.


def test_a_reported_want_is_held_answered_and_released(
    visitor: Callable[[], Visitor], world: World, store: Store, clock: Clock
) -> None:
    code = world.want.code
    nobody, carol, ana, olu = (visitor(), *(visitor().sign_in(one) for one in (world.carol, world.ana, world.olu)))
    assert f"/report/wants/{code}" in nobody.get(f"/intents/{code}")
    page = f"/report/wants/{code}"
    assert "what is wrong" in nobody.refused(page, 422, words="It is bad.")
    assert "It is bad." in nobody.refused(page, 422, words="It is bad.")
    assert "in a sentence" in carol.refused(page, 422, reason="other")
    nobody.refused(page, 422, reason="nonsense")
    nobody.press(page, reason="spam")
    for words in ("", "It names my neighbour."):
        carol.press(page, reason="personal", words=words)
    queue = olu.get("/admin/moderation")
    assert ("It names my neighbour." in queue, "carol@" in queue) == (True, False)
    with store.read() as session:
        mine = session.scalars(select(Report).where(Report.account_id == world.carol.id)).one()
        assert len(session.scalars(select(Report).where(Report.intent_id == world.want.id)).all()) == 3
    assert "signed in" in olu.get(f"/admin/moderation/reports/{mine.id}")
    assert olu.press(f"/admin/moderation/wants/{code}/hold", why="") == "/admin/moderation"
    assert "sentence" in olu.get("/admin/moderation")
    long = "It names your neighbour, " * 30
    assert long.strip() in olu.refused(f"/admin/moderation/wants/{code}/hold", 422, why=long)
    olu.press(f"/admin/moderation/wants/{code}/hold", why="It names your neighbour.")
    nobody.get(f"/intents/{code}", 404)
    nobody.get(f"/intents/{code}.json", 404)
    nobody.get(page, 404)
    assert code not in nobody.get("/intents")
    assert "only its author and operators" in olu.get(f"/intents/{code}")
    assert "It names your neighbour." in ana.get(f"/me/intents/{code}")
    ana.refused(f"/me/intents/{code}/resume", 409)
    long = "He agreed to it. " * 200
    assert long.strip() in ana.refused(f"/me/intents/{code}/hold", 422, answer=long)
    ana.press(f"/me/intents/{code}/hold", answer="He agreed to it.")
    ana.refused(f"/me/intents/{code}/hold", 409, answer="Really.")
    assert "He agreed to it." in olu.get("/admin/moderation")
    olu.press(f"/admin/moderation/wants/{code}/release")
    olu.refused(f"/admin/moderation/wants/{code}/release", 409)
    nobody.get(f"/intents/{code}")
    post = visitor().app.extensions["vrm"].post
    with store.write() as session:
        told = _letters(session, post, clock)
        title = "A used Toyota Yaris, small and reliable"
        assert (world.ana.id, f"Your want “{title}” goes on") in told
        assert (world.carol.id, f"About your report of “{title}”") in told
        actions = list(session.scalars(select(Audit.action).where(Audit.subject == code).order_by(Audit.id)))
        assert actions == ["intent.held", "intent.released"]
    olu.press(f"/admin/intents/{code}/remove")
    with store.read() as session:
        assert session.get_one(Intent, world.want.id).outcome is Outcome.REMOVED


def test_a_conversation_is_reported_by_its_two_sides_only_and_blanked(
    visitor: Callable[[], Visitor], world: World, store: Store, clock: Clock
) -> None:
    lead = f"{world.want.code}-{world.vendor.code}"
    page = f"/report/conversations/{lead}"
    ana, ben, carol, olu = (visitor().sign_in(one) for one in (world.ana, world.ben, world.carol, world.olu))
    carol.get(page, 404)
    carol.refused(page, 404, reason="spam")
    assert page in ben.get(f"/vendor/leads/{lead}")
    assert page in ana.get(f"/me/intents/{world.want.code}/vendors/{world.vendor.slug}")
    assert ben.press(page, reason="offensive") == f"/vendor/leads/{lead}"
    shown = olu.get(f"/admin/moderation/reports/{world.report.id}")
    assert ("He writes the same" in shown, "2023 Yaris Hybrid" in shown, "ana@" in shown) == (True, True, False)
    olu.press(f"/admin/moderation/reports/{world.report.id}/words")
    olu.refused(f"/admin/moderation/reports/{world.report.id}/dismiss", 409)
    with store.write() as session:
        said = respond.thread(session, session.get_one(Lead, (world.want.id, world.vendor.id)))
        assert {word.body for word in said} == {TAKEN_AWAY}
        bens = session.scalars(select(Report).where(Report.account_id == world.ben.id)).one()
        looks = session.scalars(select(Audit).where(Audit.action == "conversation.read")).all()
        assert [(one.account_id, one.subject) for one in looks] == [(world.olu.id, lead)]
    olu.press(f"/admin/moderation/reports/{bens.id}/dismiss")
    with store.write() as session:
        told = _letters(session, visitor().app.extensions["vrm"].post, clock)
        assert [one for one in told if "Leeds Toyota" in one[1]] == [
            (world.ana.id, "About your report of “Leeds Toyota”"),
            (world.ben.id, "About your report of “Leeds Toyota”"),
        ]


def test_a_suspended_vendor_hears_nothing_says_nothing_and_is_not_shown(
    visitor: Callable[[], Visitor], world: World, store: Store, clock: Clock
) -> None:
    slug = world.vendor.slug
    ben, olu, nobody = visitor().sign_in(world.ben), visitor().sign_in(world.olu), visitor()
    nobody.press(f"/report/vendors/{slug}", reason="fraud")
    olu.press(f"/admin/moderation/vendors/{slug}/suspend", why="Three customers paid and got nothing.")
    nobody.get(f"/vendors/{slug}", 404)
    assert "Three customers paid" in ben.get(f"/vendor/{slug}")
    ben.refused(f"/vendor/{slug}/resume", 409)
    lead = f"{world.want.code}-{world.vendor.code}"
    ben.refused(f"/vendor/leads/{lead}/answer", 409, kind="question", body="Are you there?")
    with store.write() as session:
        assert session.get_one(Vendor, world.vendor.id).paused_at is not None
        told = _letters(session, visitor().app.extensions["vrm"].post, clock)
        assert (world.ben.id, "“Leeds Toyota” is suspended") in told
    olu.press(f"/admin/moderation/vendors/{slug}/restore")
    olu.refused(f"/admin/moderation/vendors/{slug}/restore", 409)
    nobody.get(f"/vendors/{slug}")
    with store.read() as session:
        assert session.get_one(Vendor, world.vendor.id).paused_at is None


def test_the_same_want_again_asks_first_and_strangers_report_ten_times_a_day(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    ana = visitor().sign_in(world.ana)
    same = {"title": world.want.title, "body": world.want.body, "category": "cars-trucks-vans", "region": "gb-lds"}
    board = ana.press("/want", **same)
    assert "You already published this" in ana.refused(f"{board}/publish", 409)
    assert ana.press(f"{board}/publish", anyway="1") == board
    nobody = visitor()
    for _ in range(10):
        nobody.press(f"/report/wants/{world.want.code}", reason="spam")
    assert "10 reports a day" in nobody.refused(f"/report/wants/{world.want.code}", 429, reason="spam")


def test_a_vendor_who_was_told_before_a_hold_may_read_it_and_not_answer(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    """It has the words in its mailbox already; taking them from the page would hide from it what it was told."""
    ben, olu = visitor().sign_in(world.ben), visitor().sign_in(world.olu)
    lead = f"/vendor/leads/{world.want.code}-{world.vendor.code}"
    olu.press(f"/admin/moderation/wants/{world.want.code}/hold", why="It names a neighbour.")
    assert world.want.title in ben.get(lead)
    assert "neighbour" not in ben.get(lead)
    for path in (f"{lead}/answer", f"/r/{world.links['answer']}"):
        ben.refused(path, 409, kind="question", body="Which colour?")
