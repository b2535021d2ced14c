"""A small world with one of everything, for tests that walk every page: Ana wants, Ben sells, Carol is nobody here."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from flask import Flask
from rooms import add_mail_channel, publish_want, route_all, start_vendor
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from intents import blogs, holds, publish
from intents.draft import Budget, IntentDraft
from intents.holds import HeldBy
from intents.models import Blog, Decision, Entry, Intent
from intents.parse import NO_SIGN
from notifiers.models import Attempt, Channel, ChannelKind, Notification, Result, Topic, Verdict
from vendors import reports, respond, subscribe, team, templates, watches
from vendors.models import DeclineReason, Kind, Lead, Role, SeenBy, Undelivered, Vendor, Via
from vendors.reports import Report
from vendors.respond import Answer
from vendors.templates import Template
from vendors.watches import Sighting
from vrm.app import create_app
from vrm.config import Settings
from vrm.kernel import accounts, factors, sessions
from vrm.kernel.accounts import Account, ApiToken, LinkPurpose, Passwords
from vrm.kernel.clock import Clock
from vrm.kernel.db import Store, new_code
from vrm.kernel.factors import Passkey
from vrm.kernel.money import Money
from vrm.kernel.sessions import BrowserSession
from vrm.kernel.signing import Signer

SECRET = "s" * 40
HOUR = timedelta(hours=1)


def settings_for(database_url: str, instance: Path, *, base_url: str = "http://localhost") -> Settings:
    """As an operator would have them on their own machine; mail goes to a folder."""
    return Settings(
        database_url=database_url,
        secret_key=SECRET,
        base_url=base_url,
        port=8000,
        mail=None,
        mail_from="vrm@localhost.localdomain",
        allow_private=(),
        log="info",
        trusted_proxies=0,
        instance=instance,
    )


def app_for(settings: Settings, store: Store, clock: Clock, passwords: Passwords) -> Flask:
    """The desk over this store."""
    return create_app(settings, store=store, clock=clock, passwords=passwords)


@dataclass(frozen=True)
class World:
    """One of everything, committed."""

    ana: Account
    ben: Account
    carol: Account
    olu: Account
    want: Intent  # Open, with leads of every standing.
    draft: Intent
    lonely: Intent  # Open, and no vendor was found.
    bought: Intent  # Closed.
    vendor: Vendor  # Ben's.
    carols: Vendor  # Sells something else.
    lead: Lead  # Ana's want at Ben's.
    mail: Channel  # Ben's, verified.
    hook: Channel  # Ben's, not verified.
    subscription_code: str
    watch_code: str
    sighting_code: str
    blog: Blog  # Proven.
    unproven: Blog
    entry: Entry  # Waits for Ana's yes.
    token: ApiToken
    browser: BrowserSession  # Where Ana is signed in.
    passkey: Passkey  # Ana's.
    template: Template  # Ben's.
    report: Report  # Of Ana, about what Ben's shop said.
    held: Intent  # A draft of Ana's.
    links: dict[str, str]  # What mails carry, by what it is for.


def make_world(store: Store, now: datetime, passwords: Passwords, instance: Path) -> World:
    """Fill an empty store."""
    with store.write() as session:
        ana, ben, carol, olu = people = _people(session, now, passwords)
        vendor, carols, others = _vendors(session, now, people)
        mail, hook = _channels(session, now, vendor, others)
        want, lonely, bought, draft = _wants(session, now, ana)
        route_all(session, now - 30 * HOUR)
        session.execute(update(Notification).values(done_at=now - 30 * HOUR, result=Result.DELIVERED))
        lead = _leads(session, now, want, vendor, others, ben)
        blog, unproven, entry = _blogs(session, now, ana, want)
        _messages(session, now, mail)
        watch = watches.watch(session, vendor, "https://social.example.org/tags/wanttobuy.rss", now)
        sighted = "https://social.example.org/@dora/115000000000000001"
        sighting = Sighting(code=new_code(), watch_id=watch.id, url=sighted, seen_at=now)
        session.add(sighting)
        made = accounts.make_token(session, ana, now - 3 * HOUR, name="My script")
        browser = sessions.begin(session, ana, now - 3 * HOUR, agent="Firefox/150 Android").browser
        template = templates.keep(session, vendor, now, name="Hours", body="Open until six.")
        passkey = factors.add_passkey(
            session, ana, now - 3 * HOUR, name="Telephone", credential_id=b"ana's", public_key=b"no key", count=0
        )
        signer = Signer(SECRET)
        links = {
            "answer": signer.sign("answer", want.code, vendor.code, mail.code),
            "entry": signer.sign("entry", blog.code, str(entry.id)),
            "channel": signer.sign("channel", vendor.code, hook.code, "x" * 32),
            "sign-in": accounts.make_link(session, ben, LinkPurpose.SIGN_IN, now),
            "verify": accounts.make_link(session, ana, LinkPurpose.VERIFY, now),
        }
        subscription_code = subscribe.subscriptions_of(session, vendor)[0].code
    with store.write() as session:
        report, held = _moderated(session, now, session.get_one(Intent, want.id), vendor.id)
    _put_a_mail(instance / "outbox")
    return World(
        ana=ana, ben=ben, carol=carol, olu=olu, want=want, draft=draft, lonely=lonely, bought=bought, vendor=vendor,
        carols=carols, lead=lead, mail=mail, hook=hook, subscription_code=subscription_code, watch_code=watch.code,
        sighting_code=sighting.code, blog=blog, unproven=unproven, entry=entry, token=made.token, browser=browser,
        passkey=passkey, report=report, held=held, template=template, links=links,
    )  # fmt: skip


def _people(session: Session, now: datetime, passwords: Passwords) -> tuple[Account, Account, Account, Account]:
    made = []
    for name, email in (
        ("Ana Castro", "ana@example.org"),
        ("Ben Shaw", "ben@leeds-toyota.example"),
        ("Carol Diaz", "carol@example.net"),
        ("Olu Ade", "olu@example.com"),
    ):
        account = Account(email=email, name=name, created_at=now - 90 * HOUR, verified_at=now - 90 * HOUR)
        account.zone = "Europe/London"
        account.password_hash = passwords.hash("a sentence is fine")
        session.add(account)
        made.append(account)
    ana, ben, carol, olu = made
    ana.phone, olu.is_operator = "+44 113 496 0000", True
    session.flush()
    return ana, ben, carol, olu


def _vendors(
    session: Session, now: datetime, people: tuple[Account, Account, Account, Account]
) -> tuple[Vendor, Vendor, list[Vendor]]:
    """Ben's, Carol's, and five of Olu's that hear of the same."""
    _, ben, carol, olu = people
    at = now - 80 * HOUR
    vendor = start_vendor(session, ben, at, name="Leeds Toyota", wish=("cars-trucks-vans", "gb-lds"))
    team.describe(
        session,
        vendor,
        name="Leeds Toyota",
        website="https://www.leeds-toyota.example",
        about="New and used cars since 1974. We answer within the hour.",
        zone="Europe/London",
    )
    team.add(session, vendor, olu, Role.MEMBER, now)
    others = [
        start_vendor(session, olu, at, name=name, wish=(category, region))
        for name, category, region in (
            ("Headingley Used Cars", "vehicles-parts", "gb-lds"),
            ("Northern Motors", "cars-trucks-vans", "gb"),
            ("Pennine Car Hunters", "cars-trucks-vans", "gb"),
            ("Airedale Autos", "cars-trucks-vans", "gb-lds"),
            ("Old Mill Garage", "vehicles-parts", "gb"),
        )
    ]
    return vendor, start_vendor(session, carol, at, name="Carol’s Cakes", wish=("food-items", "fr")), others


def _channels(session: Session, now: datetime, vendor: Vendor, others: list[Vendor]) -> tuple[Channel, Channel]:
    """Mail, and a webhook that nobody has proven; of the others three have mail."""
    mail = add_mail_channel(session, vendor, now - 79 * HOUR, "sales@leeds-toyota.example")
    mail.label = "The sales desk"
    hook = Channel(
        code=new_code(),
        vendor_id=vendor.id,
        kind=ChannelKind.WEBHOOK,
        target={"url": "https://hooks.leeds-toyota.example/vrm", "secret": "whsec_" + "A" * 32},
        challenge="x" * 32,
        created_at=now,
    )
    session.add(hook)
    for other in others[:3]:
        add_mail_channel(session, other, now - 79 * HOUR, f"desk@{other.slug}.example")
    session.flush()
    return mail, hook


def _wants(session: Session, now: datetime, ana: Account) -> tuple[Intent, Intent, Intent, Intent]:
    """One that is wanted by many vendors, one by none, one that is bought, and a draft."""
    want = publish_want(
        session,
        ana,
        now - 30 * HOUR,
        title="A used Toyota Yaris, small and reliable",
        body="Five doors, not older than five years, below 50,000 miles.\n\nI can come and look on Saturdays.",
        budget=Budget(800_000, 1_200_000, "GBP"),
        terms="No newsletter. Delete my details after 30 days.",
    )
    lonely = publish_want(
        session, ana, now - 5 * HOUR, title="Somebody who tunes a harpsichord", category="musical-instruments"
    )
    bought = publish_want(session, ana, now - 70 * HOUR, title="A child’s bicycle", category="bicycles")
    publish.fulfil(session, bought, now - 60 * HOUR)
    dishwasher = IntentDraft(title="A quiet dishwasher", category_id=None, region_id=want.region_id)
    return want, lonely, bought, publish.draft(session, ana, dishwasher, now - HOUR)


def _leads(session: Session, now: datetime, want: Intent, vendor: Vendor, others: list[Vendor], ben: Account) -> Lead:
    """An offer with a question and a reply; a decline, one that looked, one that did not, and two not reached."""
    lead = session.get_one(Lead, (want.id, vendor.id))
    for told in session.scalars(select(Lead).where(Lead.intent_id == want.id)):
        told.notified_at = now - 30 * HOUR + timedelta(seconds=2)
    lead.delivered_at = now - 30 * HOUR + timedelta(seconds=3)
    offer = Answer(
        kind=Kind.OFFER,
        body="2023 Yaris Hybrid, 31,000 miles, one owner, serviced by us. You can drive it on Saturday.",
        price=Money(1_149_500, "GBP"),
        valid_until=(now + 200 * HOUR).date(),
    )
    respond.respond(session, lead, offer, now - 26 * HOUR, via=Via.LINK)
    respond.say(session, lead, "Does it have winter tyres?", now - 25 * HOUR)
    reply = Answer(kind=Kind.REPLY, body="Yes, a set of four, stored with us.")
    respond.respond(session, lead, reply, now - 24 * HOUR, via=Via.PAGE, account=ben)
    used, north, hunters, autos, mill = (session.get_one(Lead, (want.id, other.id)) for other in others)
    mill.notified_at = None  # It has no channel.
    used.delivered_at = north.delivered_at = hunters.delivered_at = now - 30 * HOUR + timedelta(seconds=4)
    no = Answer(kind=Kind.DECLINE, decline_reason=DeclineReason.STOCK)
    respond.respond(session, used, no, now - 20 * HOUR, via=Via.LINK)
    respond.see(session, north, now - 12 * HOUR, by=SeenBy.PAGE)
    autos.undelivered = Undelivered.BOUNCED
    return lead


def _blogs(session: Session, now: datetime, ana: Account, want: Intent) -> tuple[Blog, Blog, Entry]:
    """A proven one, one that waits for its proof, and a post of the first that waits for Ana's yes."""
    blog = blogs.register(session, ana, "https://ana.example.org/blog", now - 40 * HOUR)
    blog.title, blog.verified_at, blog.verified_by = "Ana writes", now - 39 * HOUR, "post"
    blog.feed_url, blog.fetched_at = "https://ana.example.org/feed.xml", now - timedelta(minutes=9)
    unproven = blogs.register(session, ana, "https://social.example/@ana", now - HOUR)
    desk = IntentDraft(title="A standing desk, 160 cm", category_id=want.category_id, region_id=want.region_id)
    read = publish.draft(session, ana, desk, now - 2 * HOUR)
    entries = [
        Entry(
            blog_id=blog.id,
            key=f"tag:ana.example.org,{number}",
            url=f"https://ana.example.org/{number}",
            title=title,
            digest="0" * 64,
            published_at=now - number * HOUR,
            first_seen_at=now - number * HOUR,
            decision=decision,
            reason=reason,
            intent_id=read.id if decision is Decision.ASKED else None,
        )
        for number, title, decision, reason in (
            (2, "Wanted: a standing desk", Decision.ASKED, ""),
            (8, "A walk along the canal", Decision.SKIPPED, NO_SIGN.sentence),
        )
    ]
    session.add_all(entries)
    session.flush()
    return blog, unproven, entries[0]


def _messages(session: Session, now: datetime, mail: Channel) -> None:
    """A proof that arrived, and a test that did not."""
    at = now - 30 * HOUR
    for topic, result, verdict, status, said in (
        (Topic.CHALLENGE, Result.DELIVERED, Verdict.DELIVERED, 250, "250 2.0.0 Ok: queued as 4F2A"),
        (Topic.TEST, Result.FAILED, Verdict.TRANSIENT, 452, "452 4.2.2 The mailbox is full"),
    ):
        notification = Notification(
            code=new_code(), topic=topic, channel_id=mail.id, owed_at=at, due_at=at, done_at=at, result=result
        )
        session.add(notification)
        session.flush()
        session.add(
            Attempt(
                notification_id=notification.id, started_at=at, took_ms=184, verdict=verdict, status=status, said=said
            )
        )


def _moderated(session: Session, now: datetime, want: Intent, vendor_id: int) -> tuple[Report, Intent]:
    """Ana reports what Ben's shop said; a draft of hers is held."""
    ana = session.get_one(Account, want.account_id)
    report = reports.report(
        session,
        now - HOUR,
        intent=want,
        vendor=session.get_one(Vendor, vendor_id),
        reason=reports.Reason.SPAM,
        words="He writes the same to everybody.",
        account=ana,
    )
    gold = IntentDraft(title="Gold watches, half price", category_id=want.category_id, region_id=want.region_id)
    held = publish.draft(session, ana, gold, now - HOUR)
    why = "Several new accounts published nearly the same text within a week."
    holds.hold(session, held, now - HOUR, by=HeldBy.LOOKALIKES, why=why)
    return report, held


def _put_a_mail(outbox: Path) -> None:
    outbox.mkdir(parents=True, exist_ok=True)
    (outbox / "20261121T115900-msg_1.eml").write_text(
        "From: vrm@localhost.localdomain\nTo: ana@example.org\nSubject: Your link to sign in\n"
        "Date: Sat, 21 Nov 2026 11:59:00 +0000\nContent-Type: text/plain; charset=utf-8\n\n"
        "This link signs you in: http://localhost/sign-in/abc\n"
    )
