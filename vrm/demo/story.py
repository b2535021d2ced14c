"""“Yaris, 2008”: a want on a blog, five vendors, who came and who did not. The story that the broker exists for.

Told by the terminal's demo in real time and by the story test in a time of its own, over the same verbs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from intents import blogs
from intents.models import Entry, Intent
from intents.prove import prove
from notifiers import links, proving, register
from notifiers.deliver import send_now
from notifiers.models import ChannelKind
from vendors import leads, respond, team
from vendors.models import Kind, Lead, SeenBy, Subscription, Vendor, Via
from vendors.subscribe import Order, subscribe
from vrm.demo.town import Town
from vrm.explain import explain_vendor
from vrm.kernel import accounts, taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.money import Money
from vrm.research.live import live_table
from vrm.research.metrics import Measures, measure
from vrm.worker.steps import Works, harvester

ANA = "ana@example.org"
NEAR, FAR, PLUMBER, DEAD, GONE = "near", "far", "plumber", "dead", "gone"
VENDORS: Mapping[str, tuple[str, str, str, str]] = {
    NEAR: ("Leeds Toyota", "sales@leeds-toyota.example", "Cars, Trucks & Vans", "Leeds"),
    FAR: ("Bristol Car Centre", "hello@bristol-cars.example", "Vehicles", "United Kingdom"),
    PLUMBER: ("Headingley Plumbing", "jobs@headingley-plumbing.example", "Plumber", "Leeds"),
    DEAD: ("Aire Valley Motors", "", "Cars, Trucks & Vans", "England"),
    GONE: ("Pennine Autos", "office@pennine-autos.example", "Cars, Trucks & Vans", "Leeds"),
}


class Stage(Protocol):
    """The time and the background work of one telling."""

    def tell(self, sentence: str) -> None:
        """Say what happens."""

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Let the background work until `holds`; fails when it never does, naming `what`."""

    def wait(self, span: timedelta) -> None:
        """Let time pass, at the telling's own pace."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the customer's board, as it stands in the store."""

    vendor: str
    told: bool
    delivered_at: datetime | None
    seen_at: datetime | None
    answered_at: datetime | None
    standing: str
    because: str  # Of an undelivered lead.
    said: str  # The first answer.


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended, read from the store."""

    intent_code: str
    delivered: int
    board: tuple[Line, ...]
    not_told: Mapping[str, tuple[str, ...]]  # Vendor → why not.
    measures: Measures


class Story:
    """One telling, act by act."""

    def __init__(self, works: Works, town: Town, stage: Stage) -> None:
        self.works, self.town, self.stage = works, town, stage

    def play(self) -> Outcome:
        """All five verbs in order; the outcome as the store has it."""
        self.register_blog()
        for key in VENDORS:
            self.found_vendor(key)
        self.lose_two()
        code = self.want()
        self.hear(code)
        self.answer(code)
        return self.outcome(code)

    # --- Before the want ------------------------------------------------------------------------

    def register_blog(self) -> None:
        """Ana has written for years, and now proves that the blog is hers."""
        now = self._now()
        for years, title, text in (
            (4, "A week in Whitby", "Rain, chips, and a very good second-hand bookshop."),
            (2, "I want to learn the cello", "At forty-one. Wish me luck."),
            (1, "Bread again", "The sourdough is alive. So far."),
        ):
            self.town.blog.write(title, text, now - timedelta(days=365 * years))
        with self.works.store.write() as session:
            ana = accounts.ensure(session, ANA, now, name="Ana Castro")
            ana.verified_at = now
            blog = blogs.register(session, ana, f"{self.town.blog.url}/", now)
        self.town.blog.write("Trying something", f"Proof for my broker: {blog.proof_token}", now - timedelta(days=30))
        proof = prove(harvester(self.works), blog.id)
        self.stage.tell(f"Ana registers her blog and proves that it is hers (by a {proof.method}).")
        self.stage.until(lambda: self._count(Entry) >= len(self.town.blog.posts), "the blog's old posts are read")
        self.stage.tell(f"{self._count(Entry)} older posts are read; none becomes a want.")

    def found_vendor(self, key: str) -> None:
        """A vendor signs up, says what it sells where, and proves the place where it wants to be told."""
        name, address, category, region = VENDORS[key]
        now = self._now()
        with self.works.store.write() as session:
            owner = accounts.ensure(session, address or "post@aire-valley.example", now)
            owner.verified_at = now
            vendor = team.found(session, owner, now, name=name, zone="Europe/London")
            trees = taxonomy.trees(session)
            order = Order(
                category_id=trees.categories.resolve(category, field="category").id,
                region_id=trees.regions.resolve(region, field="region").id,
            )
            subscribe(session, vendor, order, now)
        if address:
            self._add_mail(vendor, address)
        if key == NEAR:
            self.town.hook.secret = self._add_hook(vendor, self.town.hook.url)
        if key == DEAD:
            self._add_hook(vendor, self.town.dying_hook.url)
        self.stage.tell(f"{name} listens to {category} in {region}.")

    def _add_mail(self, vendor: Vendor, address: str) -> None:
        with self.works.store.write() as session:
            vendor = session.merge(vendor, load=False)
            made = register.add_channel(
                session,
                vendor,
                ChannelKind.EMAIL,
                {"address": address},
                self._now(),
                outbound=self.works.post.outbound,
            )
        self._prove(made)
        code = self.town.mail.find(address, r"\b\d{6}\b")
        with self.works.store.write() as session:
            channel = register.by_code(session, session.merge(vendor, load=False), made.channel.code)
            proving.verify_by_code(session, channel, code[0] if code else "", self._now())

    def _add_hook(self, vendor: Vendor, url: str) -> str:
        with self.works.store.write() as session:
            made = register.add_channel(
                session,
                session.merge(vendor, load=False),
                ChannelKind.WEBHOOK,
                {"url": f"{url}/hook"},
                self._now(),
                outbound=self.works.post.outbound,
            )
        secret = made.secret or ""
        hook = self.town.hook if url == self.town.hook.url else self.town.dying_hook
        hook.secret = secret
        self._prove(made)
        return secret

    def _prove(self, made: register.NewChannel) -> None:
        if made.challenge is not None:
            send_now(self.works.store, self.works.post, made.challenge.id, self.works.clock)

    def lose_two(self) -> None:
        """Two vendors stop being reachable without knowing it."""
        self.town.dying_hook.close()
        self.town.mail.no_such_mailbox.add(VENDORS[GONE][1])
        self.stage.tell("Then Aire Valley's server dies, and Pennine's mailbox is closed. Nobody tells the broker.")

    # --- The want, and what comes of it ---------------------------------------------------------

    def want(self) -> str:
        """Ana writes the post; she is asked by mail, and says yes. The intent's code."""
        self.stage.wait(timedelta(minutes=2))
        now = self._now()
        text = (
            "My old one gave up. I am looking for a Toyota Yaris near Leeds, five doors, up to £12,000, by June. "
            "It is a car for two people and a dog."
        )
        self.town.blog.write("I want a Toyota Yaris", text, now, "intent", "cars")
        self.stage.tell("Ana writes on her blog: “I want a Toyota Yaris”, tagged #intent.")
        with self.works.store.write() as session:
            for blog in blogs.blogs_of(session, self._ana(session)):
                blog.next_fetch_at = now
        pattern = r"/entries/(\S+)"
        self.stage.until(lambda: self.town.mail.find(ANA, pattern) is not None, "Ana is asked by mail")
        link = self.town.mail.find(ANA, pattern)
        with self.works.store.write() as session:
            entry = links.entry_of(session, self.works.post.signer, link[1] if link else "")
            intent = blogs.confirm(session, entry, self._now())
        self.stage.tell(f"A mail shows her what was understood; she presses “Publish”. It is want {intent.code}.")
        return intent.code

    def hear(self, code: str) -> None:
        """Word reaches whoever can be reached."""

        def settled() -> bool:
            # One look: leads that appear between two looks would pass for settled.
            leads = self._leads(code)
            return bool(leads) and all(lead.delivered_at or lead.undelivered for lead in leads)

        self.stage.until(settled, "every vendor is told or known to be out of reach")
        for lead in self._leads(code):
            how = "is told" if lead.delivered_at else f"cannot be reached ({lead.undelivered})"
            self.stage.tell(f"{lead.vendor.name} {how}.")

    def answer(self, code: str) -> None:
        """The near dealer offers, the far one asks; Ana answers. Each through the link in its own mail."""
        self.stage.wait(timedelta(minutes=4))
        offer = respond.Answer(
            kind=Kind.OFFER, body="Yaris Icon, 2022, 21,000 miles, one owner.", price=Money(1_189_500, "GBP")
        )
        self._answer(NEAR, offer)
        self.stage.wait(timedelta(minutes=50))
        self._answer(FAR, respond.Answer(kind=Kind.QUESTION, body="Would you fetch it from Bristol?"))
        with self.works.store.write() as session:
            vendor = self._vendor(session, FAR)
            lead = leads.by_code(session, f"{code}-{vendor.code}")
            respond.say(session, lead, "Only if you bring it half way.", self._now())
        self.stage.until(
            lambda: self.town.mail.find(VENDORS[FAR][1], "half way") is not None, "Ana's answer reaches Bristol"
        )
        self.stage.tell("Ana answers from her board; Bristol has it by mail.")

    def _answer(self, key: str, answer: respond.Answer) -> None:
        link = self.town.mail.find(VENDORS[key][1], r"/r/([^\s?]+)")
        with self.works.store.write() as session:
            lead = links.reached(session, self.works.post.signer, link[1] if link else "").lead
            respond.see(session, lead, self._now(), by=SeenBy.POST)
            respond.respond(session, lead, answer, self._now(), via=Via.LINK)
        price = f" for {answer.price.text()}" if answer.price else ""
        self.stage.tell(f"{VENDORS[key][0]}: {answer.kind}{price}: “{answer.body}”")
        self.stage.until(
            lambda: self.town.mail.find(ANA, answer.body[:20]) is not None, f"Ana hears of the {answer.kind}"
        )

    # --- What the store says --------------------------------------------------------------------

    def outcome(self, code: str) -> Outcome:
        """The board, why the others were not told, and the measured responsiveness."""
        with self.works.store.read() as session:
            intent = self._intent(session, code)
            found = leads.of_intent(session, intent)
            told = {lead.vendor_id for lead in found}
            others = session.scalars(select(Vendor).where(Vendor.id.not_in(told)).order_by(Vendor.name)).all()
            return Outcome(
                intent_code=code,
                delivered=sum(lead.delivered_at is not None for lead in found),
                board=tuple(self._line(session, lead) for lead in found),
                not_told={vendor.name: explain_vendor(session, intent, vendor).sentences for vendor in others},
                measures=measure(live_table(session, self._now())),
            )

    def _line(self, session: Session, lead: Lead) -> Line:
        said = respond.thread(session, lead)
        return Line(
            vendor=lead.vendor.name,
            told=lead.notified_at is not None,
            delivered_at=lead.delivered_at,
            seen_at=lead.seen_at,
            answered_at=lead.responded_at,
            standing=leads.standing(lead).value,
            because=lead.undelivered.value if lead.undelivered else "",
            said=said[0].body if said else "",
        )

    def _now(self) -> datetime:
        return self.works.clock()

    def _count(self, model: type[Entry] | type[Subscription]) -> int:
        with self.works.store.read() as session:
            return len(session.scalars(select(model.id)).all())

    def _leads(self, code: str) -> list[Lead]:
        with self.works.store.read() as session:
            return leads.of_intent(session, self._intent(session, code))

    def _intent(self, session: Session, code: str) -> Intent:
        return session.scalars(select(Intent).where(Intent.code == code)).one()

    def _ana(self, session: Session) -> Account:
        return session.scalars(select(Account).where(Account.email == ANA)).one()

    def _vendor(self, session: Session, key: str) -> Vendor:
        return session.scalars(select(Vendor).where(Vendor.name == VENDORS[key][0])).one()
