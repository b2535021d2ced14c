"""A vendor's pages about how it is told: channels, their hours and secrets, to stop, to send again."""

import re
from collections.abc import Callable
from pathlib import Path

from flask import Flask
from rooms import NOW
from sqlalchemy import select
from visiting import Visitor
from world import World

from notifiers.models import Attempt, Channel, Notification, Result, Topic, Verdict
from vendors.models import Lead, Withheld
from vrm.kernel.accounts import Audit
from vrm.kernel.db import Store, new_code


def test_a_webhook_shows_its_secret_once(visitor: Callable[[], Visitor], world: World) -> None:
    ben = visitor().sign_in(world.ben)
    channels = f"/vendor/{world.vendor.slug}/channels"
    assert "http" in ben.refused(f"{channels}/new/webhook", 422, url="http://127.0.0.1/")
    answer = ben.send(f"{channels}/new/webhook", url="https://hooks.nowhere.invalid/new")
    assert answer.status_code == 422  # Not a public host.
    page = ben.get(f"{channels}/{world.hook.code}")
    assert "whsec_" not in page
    ben.get(f"{channels}/new/pigeon", 404)


def test_one_click_unsubscribes_by_post_only(app: Flask, world: World, store: Store) -> None:
    # As a mail program does it (RFC 8058): no cookie, no token of a form.
    client = app.test_client()
    path = f"/r/{world.links['answer']}/unsubscribe"

    def paused() -> bool:
        with store.read() as session:
            return session.get_one(Channel, world.mail.id).paused_at is not None

    assert client.get(path).status_code == 303
    assert not paused()
    for _ in range(2):
        assert client.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert paused()


def test_the_stop_button_stops(visitor: Callable[[], Visitor], world: World, store: Store) -> None:
    assert "Stopped" in visitor().send(f"/r/{world.links['answer']}/stop").text
    with store.read() as session:
        assert session.get_one(Channel, world.mail.id).paused_at is not None
    assert "stopped already" in visitor().get(f"/r/{world.links['answer']}?do=stop")


def test_the_link_in_a_challenge_verifies_by_its_button(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    path, somebody = f"/channels/verify/{world.links['channel']}", visitor()
    somebody.get(path)
    with store.read() as session:
        assert session.get_one(Channel, world.hook.id).verified_at is None
    assert somebody.send(path).status_code == 200
    with store.read() as session:
        assert session.get_one(Channel, world.hook.id).verified_at is not None
    somebody.get(path, 410)


def test_when_a_channel_is_told_is_changed_and_what_does_not_hold_is_a_sentence(
    visitor: Callable[[], Visitor], world: World
) -> None:
    ben = visitor().sign_in(world.ben)
    page = f"/vendor/{world.vendor.slug}/channels/{world.mail.code}"
    good = {
        "mode": "weekly",
        "hour": "9",
        "day": "1",
        "quiet_from": "22:00",
        "quiet_until": "7:00",
        "office_only": "on",
    }
    ben.press(f"{page}/timing", **good)
    shown = ben.get(page)
    assert "Together, once a week, Tuesday" in shown
    assert "quiet from 22:00 to 07:00" in shown
    for field, typed, sentence in (
        ("hour", "25", "between 0 and 23"),
        ("quiet_until", "25:00", "time of day"),
        ("quiet_from", "", "both a beginning and an end"),
        ("mode", "often", "one of those"),
        ("backup_after_minutes", "30", "told at once"),
    ):
        again = ben.refused(f"{page}/timing", 422, **{**good, field: typed})
        assert sentence in again
        assert typed in again


def test_open_hours_are_kept_and_bad_ones_are_not_lost(visitor: Callable[[], Visitor], world: World) -> None:
    ben = visitor().sign_in(world.ben)
    page = f"/vendor/{world.vendor.slug}/hours"
    ben.press(page, monday="9:00-17:30", holidays="gb-eng")
    assert 'value="09:00–17:30"' in ben.get(page)
    assert 'value="17:30-9:00"' in ben.refused(page, 422, monday="17:30-9:00")
    assert "do not know the holidays" in ben.refused(page, 422, monday="9:00-17:00", holidays="XX")
    assert "one day at least" in ben.refused(page, 422)


def test_a_feed_is_made_fetched_and_given_another_address(visitor: Callable[[], Visitor], world: World) -> None:
    ben, program = visitor().sign_in(world.ben), visitor().client
    page = ben.press(f"/vendor/{world.vendor.slug}/channels/new/feed", subscription="")
    urls = re.findall(r'data-copy="http://localhost(/feeds/[^"]+)"', ben.get(page))
    assert [url.rpartition(".")[2] for url in urls] == ["atom", "json"]
    first = program.get(urls[0])
    assert (first.status_code, first.mimetype) == (200, "application/atom+xml")
    assert "small and reliable" in first.text
    assert "ana@example.org" not in first.text
    again = program.get(urls[0], headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.text) == (304, "")
    assert "Last fetched" in ben.get(page)
    ben.press(f"{page}/secret")
    assert program.get(urls[1]).status_code == 410
    assert program.get("/feeds/forged.atom").status_code == 410


def test_a_webhook_gets_a_new_secret_that_is_shown_once(visitor: Callable[[], Visitor], world: World) -> None:
    ben = visitor().sign_in(world.ben)
    page = f"/vendor/{world.vendor.slug}/channels/{world.hook.code}"
    answer = ben.send(f"{page}/secret")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert "whsec_" in answer.text
    after = ben.get(page)
    assert "whsec_" not in after
    assert "the old one signs beside it" in after
    ben.refused(f"/vendor/{world.vendor.slug}/channels/{world.mail.code}/secret", 409)


def test_a_test_goes_where_the_form_says_and_what_is_typed_stays(
    visitor: Callable[[], Visitor], world: World, store: Store, tmp_path: Path
) -> None:
    ben = visitor().sign_in(world.ben)
    page = f"/vendor/{world.vendor.slug}/channels/{world.mail.code}"
    typed = {"address": "night@leeds-toyota.example", "label": "Night desk"}
    shown = ben.send(f"{page}/test", **typed).text
    assert "The test was sent" in shown
    assert "A test to night@leeds-toyota.example" in shown
    assert all(f'value="{value}"' in shown for value in typed.values())
    mails = [mail.read_text() for mail in tmp_path.rglob("*.eml")]
    assert sum("To: night@leeds-toyota.example" in mail for mail in mails) == 1
    with store.read() as session:
        saved = session.get_one(Channel, world.mail.id)
        assert (saved.target, saved.verified_at, saved.label) == (
            world.mail.target,
            world.mail.verified_at,
            world.mail.label,
        )
    again = ben.refused(f"{page}/test", 422, **{**typed, "address": "nobody"})
    assert 'value="nobody"' in again
    assert 'value="Night desk"' in again
    assert ben.press(f"{page}/test", address=world.mail.target["address"], label=world.mail.label) == page


def test_the_log_says_tried_again_only_of_what_was_or_will_be(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    ben, page = visitor().sign_in(world.ben), f"/vendor/{world.vendor.slug}/channels/{world.mail.code}"
    with store.write() as session:
        for result in (None, Result.FAILED):
            word = Notification(
                code=new_code(), topic=Topic.TEST, channel_id=world.mail.id, owed_at=NOW, due_at=NOW,
                result=result, done_at=NOW if result else None,
            )  # fmt: skip
            session.add(word)
            session.flush()
            for said in ("busy", "still busy"):
                session.add(
                    Attempt(notification_id=word.id, started_at=NOW, took_ms=1, verdict=Verdict.TRANSIENT, said=said)
                )
    shown = re.sub(r"\s+", " ", ben.get(page))
    assert [shown.count(f"{verdict} · 1 ms · {said}<") for verdict, said in (
        ("not taken, tried again", "busy"), ("not taken, tried again", "still busy"), ("not taken", "still busy"),
    )] == [2, 1, 1]  # fmt: skip


def give_up(store: Store, world: World) -> Notification:
    """The first word of Ana's want to Ben's desk, as if it had never arrived."""
    first = (Notification.channel_id == world.mail.id, Notification.topic == Topic.LEAD_CREATED)
    with store.write() as session:
        lost = session.scalars(select(Notification).where(*first)).one()
        lost.result, lost.done_at = Result.FAILED, lost.owed_at
        return lost


def test_what_did_not_arrive_is_sent_again_by_its_vendor_and_by_the_operator(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    lost = give_up(store, world)
    ben, olu, carol = (visitor().sign_in(one) for one in (world.ben, world.olu, world.carol))
    page = f"/vendor/{world.vendor.slug}/lost"
    assert "A new want" in ben.get(page)
    assert "Leeds Toyota" in olu.get("/admin/lost")
    carol.refused(f"/vendor/{world.carols.slug}/messages/{lost.id}/again", 404)
    ben.press(f"/vendor/{world.vendor.slug}/messages/{lost.id}/again")
    assert "Everything arrived" in ben.get(page)
    ben.refused(f"/vendor/{world.vendor.slug}/messages/{lost.id}/again", 409)
    olu.refused(f"/admin/lost/{lost.id}/again", 409)
    days = {"channel": world.mail.code, "what": "all", "since": "2026-11-01", "until": "2026-11-22"}
    assert "choose a day" in ben.refused(page, 422, **{**days, "until": ""})
    assert "must come after" in ben.refused(page, 422, **{**days, "until": "2026-10-01"})
    ben.press(page, **days)


def test_the_operator_sends_again_what_was_given_up_in_a_span_once_they_have_seen_how_much(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    lost = give_up(store, world)
    olu, span = visitor().sign_in(world.olu), {"since": "2026-11-20", "until": "2026-11-21"}
    ask = "/admin/lost?since=2026-11-20&until=2026-11-21"
    shown = olu.get(ask)
    assert "Send 1 message again?" in shown
    assert "0 messages" not in shown
    assert "nothing to send again" in olu.get("/admin/lost?since=2026-11-01&until=2026-11-02")
    assert "must come after" in olu.get("/admin/lost?since=2026-11-21&until=2026-11-19", 422)
    assert 'value="soon"' in olu.get("/admin/lost?since=soon&until=", 422)
    assert "choose a day" in olu.refused("/admin/lost", 422, since="2026-11-20", until="")
    assert olu.press("/admin/lost", **span) == "/admin/lost"
    assert "1 message is sent again" in olu.get("/admin/lost")
    assert "nothing to send again" in olu.get(ask)
    visitor().sign_in(world.ben).refused("/admin/lost", 404, **span)
    with store.read() as session:
        assert session.get_one(Notification, lost.id).done_at is None
        assert "message.sent-again" in session.scalars(select(Audit.action)).all()


def test_to_stop_is_possible_whatever_became_of_the_want(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    with store.write() as session:
        session.get_one(Lead, (world.lead.intent_id, world.lead.vendor_id)).withheld = Withheld.BLOCKED
    answer = visitor().client.post(f"/r/{world.links['answer']}/unsubscribe", data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    with store.read() as session:
        assert session.get_one(Channel, world.mail.id).paused_at is not None
