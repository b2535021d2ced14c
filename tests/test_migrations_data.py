"""Each migration that changes what is kept, with data in the tables, up and down."""

from datetime import datetime, timedelta

import pytest
from little import fewer_towns
from older import WRITTEN_BEFORE, add, as_kept, falsehood, lead_rows
from rooms import add_mail_channel, publish_want, start_vendor
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import IntegrityError

from intents import blogs, events, vetting
from intents import holds as holding
from intents.models import HubLease, Intent
from notifiers import gauges
from notifiers.letters import owe_letters
from notifiers.models import AttemptTotal, CalendarVersion, Channel, ChannelKind, Notification, Topic
from vendors import changes, reports, respond
from vendors.models import Lead
from vrm import migrations, route
from vrm.kernel import sealed
from vrm.kernel.accounts import ensure
from vrm.kernel.db import Store
from vrm.kernel.sealing import Sealer


def test_leads_who_waited_are_withheld_still_when_the_line_is_gone(nothing: Store, now: datetime) -> None:
    migrations.upgrade(nothing, now, to="0006")
    with nothing.engine.begin() as connection:
        lead_rows(connection)
    migrations.upgrade(nothing, now, to="0007")
    with nothing.engine.begin() as connection:
        connection.execute(text("UPDATE leads SET withheld = 'cap', turn = '00ab' WHERE vendor_id = 1"))
        connection.execute(text("UPDATE intents SET tell_at_most = 5"))
    migrations.downgrade(nothing, "0006")
    with nothing.engine.connect() as connection:
        assert connection.execute(text("SELECT vendor_id, withheld FROM leads ORDER BY 1")).all() == [
            (1, "blocked"),
            (2, "blocked"),
        ]
        assert connection.scalar(text("SELECT count(*) FROM agreements")) == 2
    with pytest.raises(IntegrityError), nothing.engine.begin() as connection:
        connection.execute(text("UPDATE leads SET withheld = 'cap'"))


def test_who_is_silent_is_known_afterwards_and_forgotten_on_the_way_back(nothing: Store, now: datetime) -> None:
    migrations.upgrade(nothing, now, to="0015")
    with nothing.engine.begin() as connection:
        lead_rows(connection)
        for number, (vendor_id, moments) in enumerate(
            ((1, {}), (1, {"paused_at": now}), (1, {"ended_at": now}), (2, {})), 1
        ):
            row = {"id": number, "code": f"s{number}", "vendor_id": vendor_id, "condition": "any", **moments}
            add(connection, "subscriptions", category_id=1, region_id=1, **row)
        connection.execute(text("UPDATE vendors SET paused_at = :now WHERE id = 2"), {"now": as_kept(nothing, now)})
    migrations.upgrade(nothing, now, to="0016")
    with nothing.engine.begin() as connection:
        listening = connection.scalars(text("SELECT id FROM subscriptions WHERE silent_at IS NULL")).all()
        assert listening == [1]
        connection.execute(text("""UPDATE leads SET reasons = '[[1,1,1,["red"]],[2,1,1]]' WHERE vendor_id = 1"""))
    migrations.downgrade(nothing, "0015")
    with nothing.read() as session:
        kept = session.scalars(select(Lead.reasons).order_by(Lead.vendor_id)).all()
    assert kept == [[[1, 1, 1], [2, 1, 1]], [[1, 1, 1]]]
    migrations.upgrade(nothing, now, to="0016")


def test_what_came_with_digests_and_mail_is_put_away_when_going_back(nothing: Store, now: datetime) -> None:
    migrations.upgrade(nothing, now, to="0002")
    moment = {"now": int(now.timestamp() * 1_000_000) if nothing.dialect == "sqlite" else now}
    with nothing.write() as session:
        for statement in (
            "INSERT INTO accounts (id, email, name, phone, locale, zone, is_operator, is_researcher, created_at, "
            "session_epoch) VALUES (1, 'a@b.example', '', '', 'en', 'UTC', false, false, :now, 0)",
            "INSERT INTO vendors (id, code, slug, name, website, about, zone, created_at) "
            "VALUES (1, 'v', 'v', 'V', '', '', 'UTC', :now)",
            "INSERT INTO channels (id, code, vendor_id, kind, label, target, challenge_tries, created_at, failures) "
            "VALUES (1, 'c', 1, 'email', '', '{}', 0, :now, 0), (2, 'f', 1, 'feed', '', '{}', 0, :now, 0)",
            "INSERT INTO notifications (id, code, topic, channel_id, occasion, params, owed_at, due_at, tries) "
            "VALUES (1, 'x', 'digest', 1, 0, '{}', :now, :now, 0), (3, 'z', 'test', 2, 0, '{}', :now, :now, 0)",
            "INSERT INTO notifications (id, code, topic, channel_id, occasion, params, owed_at, due_at, tries, "
            "done_at, result, digest_id) "
            "VALUES (2, 'y', 'lead.created', 1, 0, '{}', :now, :now, 0, :now, 'bundled', 1)",
        ):
            session.execute(text(statement), moment)
    migrations.downgrade(nothing, "0001")
    with nothing.read() as session:
        assert session.execute(text("SELECT id, kind FROM channels")).all() == [(1, "email")]
        assert session.execute(text("SELECT id, result FROM notifications")).all() == [(2, "cancelled")]
    migrations.upgrade(nothing, now, to="0002")
    with nothing.read() as session:
        assert session.execute(text("SELECT mode, digest_hour FROM channels")).all() == [("instant", 8)]


def test_hours_are_remembered_from_now_on_and_a_vendor_has_one_reply(nothing: Store, now: datetime) -> None:
    migrations.upgrade(nothing, now, to="0013")
    moment = {"now": as_kept(nothing, now)}
    with nothing.write() as session:
        for number, reply in enumerate(("", "Here.", "Both.", "Here."), start=1):
            session.execute(
                text(
                    "INSERT INTO vendors (id, code, slug, name, website, about, zone, created_at, reply)"
                    " VALUES (:id, :name, :name, 'V', '', '', 'Asia/Tokyo', :now, :reply)"
                ),
                moment | {"id": number, "name": f"v{number}", "reply": reply},
            )
        session.execute(
            text(
                "INSERT INTO calendars (vendor_id, open, holidays, changed_at)"
                " VALUES (2, '[[[540,1020]],[],[],[],[],[],[]]', 'JP', :now)"
            ),
            moment,
        )
        session.execute(
            text("INSERT INTO research_replies (vendor_id, body, at) VALUES (1, 'There.', :now), (3, 'And.', :now)"),
            moment,
        )
    migrations.upgrade(nothing, now, to="0014")
    with nothing.read() as session:
        (kept,) = session.scalars(select(CalendarVersion)).all()
        assert (kept.vendor_id, kept.since, kept.zone, kept.holidays) == (2, now, "Asia/Tokyo", "JP")
        assert kept.open[0] == [[540, 1020]]
        said = session.execute(text("SELECT reply, replied_at IS NOT NULL FROM vendors ORDER BY id")).all()
        assert said == [("There.", True), ("Here.", False), ("Both.\n\nAnd.", True), ("Here.", False)]
    migrations.downgrade(nothing, "0013")
    with nothing.read() as session:
        assert session.execute(text("SELECT vendor_id, body FROM research_replies ORDER BY 1")).all() == [
            (1, "There."),
            (3, "Both.\n\nAnd."),
        ]


def test_sealed_secrets_go_when_an_older_version_comes_that_cannot_open_them(nothing: Store, now: datetime) -> None:
    migrations.upgrade(nothing, now, edition=fewer_towns())
    sealed.use(nothing.engine, Sealer("k" * 40))
    with nothing.write() as session:
        ana, ben = (ensure(session, f"{name}@example.org", now) for name in ("ana", "ben"))
        vendor = start_vendor(session, ben, now)
        add_mail_channel(session, vendor, now, "a@b.example")
        hook = {"url": "https://hooks.example.org/", "secret": "whsec_" + "A" * 44}
        session.add(Channel(code="hook", vendor_id=vendor.id, kind=ChannelKind.WEBHOOK, target=hook, created_at=now))
        blog = blogs.register(session, ana, "https://ana.example.org/", now)
        session.flush()
        places = {"hub": "https://hub.example.org/", "topic": blog.url}
        session.add(HubLease(blog_id=blog.id, code="lease", secret="a" * 32, **places))
        letter = {"topic": Topic.SIGN_IN, "account_id": ana.id, "params": {"secret": "hush"}}
        session.add(Notification(code="letter", owed_at=now, due_at=now, **letter))
    migrations.downgrade(nothing, "0016")
    with nothing.read() as session:
        ended = dict(session.execute(text("SELECT kind, ended_at IS NOT NULL FROM channels")).all())
        assert ended == {"email": False, "webhook": True}
        assert session.scalar(text("SELECT count(*) FROM hub_leases")) == 0
        assert session.scalar(text("SELECT count(*) FROM notifications WHERE done_at IS NULL")) == 0
    migrations.upgrade(nothing, now, edition=fewer_towns())
    with nothing.read() as session:
        assert {channel.kind: channel.target for channel in session.scalars(select(Channel))} == {
            ChannelKind.EMAIL: {"address": "a@b.example"},
            ChannelKind.WEBHOOK: {},
        }
    assert migrations.drift(nothing) == []


def test_what_happened_before_begins_the_order_that_programs_follow(nothing: Store, now: datetime) -> None:
    migrations.upgrade(nothing, now, edition=fewer_towns())
    with nothing.write() as session:
        ana, ben = (ensure(session, f"{name}@example.org", now) for name in ("ana", "ben"))
        ana.verified_at = now
        vendor = start_vendor(session, ben, now, wish=("anything", "world"))
        intent = publish_want(session, ana, now)
        route.route(session, intent, now + timedelta(seconds=1))
        lead = session.get_one(Lead, (intent.id, vendor.id))
        respond.say(session, lead, "Hello?", now + timedelta(seconds=2))
        respond.reveal(session, lead, now + timedelta(seconds=3))
    migrations.downgrade(nothing, "0014")
    migrations.upgrade(nothing, now, edition=fewer_towns())
    with nothing.write() as session:
        events.number(session)
        found = changes.of_vendor(session, vendor, changes.Place()).changes
        assert [change.kind.value for change in found] == ["routed", "message", "revealed"]
        assert [change.kind.value for change in changes.of_public(session, changes.Place()).changes] == ["opened"]


def test_what_was_held_or_reported_goes_and_audit_rows_name_nobody_any_more(nothing: Store, now: datetime) -> None:
    migrations.upgrade(nothing, now, to="0017")
    moment = {"now": as_kept(nothing, now), "no": falsehood(nothing)}
    with nothing.write() as session:
        for row in WRITTEN_BEFORE:
            session.execute(text(row.replace(", session_epoch", "").replace(":now, 0)", ":now)")), moment)
        for number, subject in enumerate(("ana@example.org", "gone@example.org", "i"), start=1):
            session.execute(
                text("INSERT INTO audits (id, at, action, subject, facts) VALUES (:id, :now, 'a', :subject, '{}')"),
                {"id": number, "subject": subject, "now": moment["now"]},
            )
    migrations.upgrade(nothing, now, to="0018")
    with nothing.write() as session:
        subjects = session.execute(text("SELECT subject FROM audits ORDER BY id")).scalars().all()
        assert subjects == ["account:1", "(a mailbox)", "i"]
    migrations.upgrade(nothing, now, edition=fewer_towns())
    with nothing.write() as session:
        want = session.scalars(select(Intent)).one()
        assert not vetting.is_new(want.account, now)  # Who was here before does not begin small.
        holding.hold(session, want, now, by=holding.HeldBy.OPERATOR, why="It names a neighbour.")
        reports.report(session, now, intent=want, reason=reports.Reason.SPAM)
        owe_letters(session, now)
        assert session.scalars(select(Notification.topic)).all() == ["letter.moderation"]
    migrations.downgrade(nothing, "0017")
    with nothing.read() as session:
        assert session.execute(text("SELECT count(*) FROM intents WHERE paused_at IS NOT NULL")).scalar() == 1
        assert session.execute(text("SELECT count(*) FROM notifications")).scalar() == 0
        assert session.execute(text("SELECT subject FROM audits WHERE id = 1")).scalar() == "account:1"


def test_who_waits_is_placed_anew_and_how_near_who_was_told_was_is_not_known(nothing: Store, now: datetime) -> None:
    migrations.upgrade(nothing, now, to="0018")
    with nothing.engine.begin() as connection:
        for row in WRITTEN_BEFORE:
            said = row.replace(", session_epoch", "").replace(":now, 0)", ":now)")
            connection.execute(text(said), {"now": as_kept(nothing, now), "no": falsehood(nothing)})
        add(connection, "vendors", id=2, code="w", slug="other", name="Other", zone="UTC")
        for vendor_id, withheld in ((1, "cap"), (2, None)):
            row = {"intent_id": 1, "vendor_id": vendor_id, "withheld": withheld, "turn": "12abc"}
            add(connection, "leads", reasons=[[1, 1, 1]], **row)

    def places() -> list[str | None]:
        with nothing.read() as session:
            return list(session.scalars(select(Lead.turn).order_by(Lead.vendor_id)))

    migrations.upgrade(nothing, now, to="0020")
    assert places() == [None, "19abc"]
    with nothing.write() as session:
        session.execute(text("UPDATE leads SET turn = '14abc' WHERE vendor_id = 1"))
    migrations.downgrade(nothing, "0019")
    assert places() == [None, "19abc"]


def test_blogs_keep_their_posts_with_hubs_and_without(nothing: Store, now: datetime) -> None:
    migrations.upgrade(nothing, now, to="0010")
    with nothing.engine.begin() as connection:
        add(connection, "accounts", id=1, email="ana@example.org")
        add(connection, "blogs", id=1, code="b", account_id=1, url="https://ana.example/feed")
        add(connection, "entries", id=1, blog_id=1, title="Wanted: a car", decision="skipped")
    migrations.upgrade(nothing, now, to="0012")
    with nothing.engine.begin() as connection:
        assert connection.execute(text("SELECT pace_s FROM blogs")).scalar() == 900
        assert connection.execute(text("SELECT reply_tries, reply_at FROM entries")).one() == (0, None)
        add(connection, "hub_leases", blog_id=1, code="h")
        add(connection, "watches", id=1, code="w")
        add(connection, "sightings", id=1, code="s", watch_id=1, url="https://social.example/1")
    migrations.downgrade(nothing, "0010")
    with nothing.engine.begin() as connection:
        assert not {"hub_leases", "watches", "sightings"} & set(inspect(connection).get_table_names())
        kept = text("SELECT entries.title FROM entries JOIN blogs ON blogs.id = blog_id")
        assert connection.execute(kept).scalars().all() == ["Wanted: a car"]
    migrations.upgrade(nothing, now, to="0012")


def test_a_marked_want_is_over_when_going_back_and_what_was_suspended_stays_held(nothing: Store, now: datetime) -> None:
    migrations.upgrade(nothing, now, to="0021")
    with nothing.engine.begin() as connection:
        lead_rows(connection)
        row = {"account_id": 1, "quantity": 1, "origin": "web", "condition": "any", "visibility": "unlisted"}
        add(connection, "intents", id=2, code="marked", canary_for=1, **row)
        add(connection, "traces", id=1, intent_id=2, kind="mail", who="somebody@example.org")
        add(connection, "holds", id=1, intent_id=1, held_by="suspension")
    migrations.downgrade(nothing, "0020")
    with nothing.engine.begin() as connection:
        ended = connection.execute(text("SELECT id, outcome FROM intents WHERE closed_at IS NOT NULL")).all()
        assert [tuple(row) for row in ended] == [(2, "withdrawn")]
        assert connection.execute(text("SELECT held_by FROM holds")).scalars().all() == ["operator"]
        assert "traces" not in inspect(connection).get_table_names()
    migrations.upgrade(nothing, now, to="0021")


def test_the_order_of_what_happened_goes_on_where_it_was(nothing: Store, now: datetime) -> None:
    migrations.upgrade(nothing, now, to="0021")
    with nothing.engine.begin() as connection:
        add(connection, "event_clocks", id=1, last=7)
    migrations.upgrade(nothing, now, to="0022")
    with nothing.engine.begin() as connection:
        row = text("SELECT last, forgotten, timeline FROM event_clocks")
        assert connection.execute(row).one() == (7, 0, 0)
        connection.execute(text("UPDATE event_clocks SET forgotten = 5, timeline = 281474976710655"))
    migrations.downgrade(nothing, "0021")
    with nothing.engine.begin() as connection:
        assert connection.execute(text("SELECT * FROM event_clocks")).mappings().one() == {"id": 1, "last": 7}
    migrations.upgrade(nothing, now, to="0022")


def test_a_vendor_is_written_to_in_english_until_it_says_otherwise(nothing: Store, now: datetime) -> None:
    migrations.upgrade(nothing, now, to="0022")
    with nothing.engine.begin() as connection:
        lead_rows(connection)
    migrations.upgrade(nothing, now, to="0023")
    with nothing.engine.begin() as connection:
        assert connection.execute(text("SELECT locale FROM vendors")).scalars().all() == ["", ""]
        connection.execute(text("UPDATE vendors SET locale = 'de'"))
    migrations.downgrade(nothing, "0022")
    with nothing.engine.begin() as connection:
        assert "locale" not in {column["name"] for column in inspect(connection).get_columns("vendors")}
        assert connection.execute(text("SELECT count(*) FROM vendors")).scalar() == 2
    migrations.upgrade(nothing, now, to="0023")


def test_attempts_are_kept_when_totals_of_those_before_come_and_go(nothing: Store, now: datetime) -> None:
    migrations.upgrade(nothing, now, to="0023")
    with nothing.engine.begin() as connection:
        lead_rows(connection)
        add(connection, "notifications", id=1, topic="lead.created", intent_id=1, vendor_id=1, account_id=1)
        add(connection, "attempts", id=1, notification_id=1, took_ms=5, verdict="delivered")
    migrations.upgrade(nothing, now, to="0024")
    with nothing.write() as session:
        session.add(AttemptTotal(verdict="delivered", because=None, count=7, took_ms=70, within=[1, 7]))
    with nothing.read() as session:
        (one,) = gauges.tried(session)
        assert (one.count, one.took_ms, one.within[:3]) == (8, 75, [2, 8, 1])
    migrations.downgrade(nothing, "0023")
    with nothing.engine.begin() as connection:
        assert "attempt_totals" not in inspect(connection).get_table_names()
        assert connection.execute(text("SELECT count(*) FROM attempts")).scalar() == 1
    migrations.upgrade(nothing, now, to="0024")
