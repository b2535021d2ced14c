"""Weeks in seconds: synthetic customers and vendors through the real verbs on a fast clock, in a store of their own.

For teaching, for load, and to see whether the measures find the truth that went in. Mail goes to a server on loopback,
which takes it or says that there is no such mailbox: it is sent, and what comes of it written down, as ever.
"""

import heapq
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from intents import publish
from intents.draft import IntentDraft
from intents.models import Intent
from notifiers.deliver import deliver
from notifiers.models import Channel, ChannelKind
from notifiers.post import Post
from vendors import respond, team
from vendors.models import Actor, DeclineReason, Kind, Lead, SeenBy, Via
from vendors.respond import Answer
from vendors.subscribe import Order, subscribe
from vrm import migrations, route
from vrm.demo.town import LOOPBACK, Mail
from vrm.kernel import accounts, taxonomy
from vrm.kernel.db import Store, new_code
from vrm.kernel.errors import BadInput, LimitReached, WrongState
from vrm.kernel.outbound import Outbound
from vrm.kernel.signing import Signer
from vrm.research import experiments
from vrm.simulate.behaviour import BEHAVIOURS, Behaviour, draw_kind

EPOCH = datetime(2008, 10, 6, 8, 0, tzinfo=UTC)  # A Monday of the year in which nobody came.
_PLACES = ("gb-lds", "gb", "de-be", "fr", "us-ca")
_CATEGORIES = ("cars-trucks-vans", "furniture", "cameras-optics")
_SAYS = "Yes, we have that."
_HOST = "simulation.example"


@dataclass(frozen=True, slots=True)
class _Route:
    """The mail server of the simulation."""

    port: int
    host: str = LOOPBACK
    secure: bool = False
    user: str | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is simulated."""

    behaviour: Behaviour
    weeks: int = 8
    wants: int = 60
    vendors: int = 30
    seed: int = 2008
    dead_share: float = 0.1  # Vendors whose mailbox does not exist.
    auto_share: float = 0.1  # Of leads, those that an answering machine answers first.
    closed_early: float = 0.2  # Wants that their author closes within the weeks.
    experiment: Mapping[str, Any] | None = None  # Published and started before the first want; no arm does anything.


@dataclass(slots=True)
class Outcome:
    """What happened, and when the clock stopped."""

    now: datetime
    wants: int = 0
    leads: int = 0
    answers: int = 0
    too_late: int = 0  # Answers that came after the want was closed.


def plan(
    behaviour: str, *, weeks: int, wants: int, vendors: int, seed: int, experiment: Mapping[str, Any] | None = None
) -> Plan:
    """A checked plan; BadInput with a sentence for each number that makes no sense."""
    problems = {}
    if behaviour not in BEHAVIOURS:
        problems["behaviour"] = f"There is no behaviour {behaviour!r}; choose {', '.join(BEHAVIOURS)}."
    for name, value, most in (("weeks", weeks, 520), ("wants", wants, 20_000), ("vendors", vendors, 5_000)):
        if not 1 <= value <= most:
            problems[name] = f"{name} must be between 1 and {most:,}."
    if problems:
        raise BadInput(problems)
    return Plan(BEHAVIOURS[behaviour], weeks=weeks, wants=wants, vendors=vendors, seed=seed, experiment=experiment)


def fresh_store(folder: Path | None) -> Store:
    """A store of its own, with tables and trees: in `folder`, or somewhere that the system forgets."""
    place = folder or Path(tempfile.mkdtemp(prefix="vrm-simulate-"))
    file = place / "vrm.db"
    if file.exists():
        raise BadInput({"keep": f"{file} exists; a simulation never writes into a store that is there already."})
    store = Store.open(f"sqlite:///{file}")
    migrations.upgrade(store, EPOCH)
    return store


class Simulation:
    """One run. Everything that happens is an event on the clock, in order; None is when the post goes."""

    def __init__(self, store: Store, plan: Plan, progress: Callable[[float], None] = lambda _: None) -> None:
        self._store, self._plan, self._progress = store, plan, progress
        self._rng = np.random.default_rng(plan.seed)
        self._events: list[tuple[datetime, int, Callable[[Session, datetime], None] | None]] = []
        self._numbers = count()
        self._relay = Mail()
        self._post = Post(
            base_url=f"https://{_HOST}",
            signer=Signer(f"a key for {_HOST}, of which nothing depends"),
            outbound=Outbound(),
            mail=_Route(self._relay.port),
            mail_from=f"broker@{_HOST}",
            outbox=Path(_HOST),  # Never used: there is a relay.
        )
        self._end = EPOCH + timedelta(weeks=plan.weeks)
        self._outcome = Outcome(self._end)

    def run(self) -> Outcome:
        """Play all weeks. A second time it would be another run."""
        try:
            return self._run()
        finally:
            self._relay.close()

    def _run(self) -> Outcome:
        with self._store.write() as session:
            self._open_shops(session)
            if self._plan.experiment is not None:
                trial = experiments.register(session, self._plan.experiment, EPOCH)
                experiments.start(session, trial, EPOCH + timedelta(seconds=1))
        for at in sorted(self._rng.uniform(0, 0.85, self._plan.wants).tolist()):
            self._at(EPOCH + at * (self._end - EPOCH), self._want)
        while self._events and self._events[0][0] <= self._end:
            first = self._events[0][0]
            if self._events[0][2] is None:
                self._post_goes(heapq.heappop(self._events)[0])
            else:
                self._an_hour(min(first + timedelta(hours=1), self._end))
            self._progress(min((first - EPOCH) / (self._end - EPOCH), 1.0))
        return self._outcome

    def _an_hour(self, until: datetime) -> None:
        """An hour's events share a transaction, up to when the post goes: the file is synced once for all of them."""
        with self._store.write() as session:
            while self._events and self._events[0][0] <= until and self._events[0][2] is not None:
                moment, _, happens = heapq.heappop(self._events)
                if happens is not None:
                    happens(session, moment)

    def _post_goes(self, now: datetime) -> None:
        """All that is due is sent; vendors that word has reached begin to wait, or to write."""
        deliver(self._store, self._post, lambda: now)
        self._relay.taken.clear()
        reached = select(Lead).where(Lead.delivered_at == now).order_by(Lead.intent_id, Lead.vendor_id)
        with self._store.read() as session:
            for lead in session.scalars(reached):
                self._react(lead, now)

    def _at(self, moment: datetime, happens: Callable[[Session, datetime], None] | None) -> None:
        # The store has microseconds; the clock of the simulation has seconds.
        heapq.heappush(self._events, (moment.replace(microsecond=0), next(self._numbers), happens))

    def _open_shops(self, session: Session) -> None:
        trees = taxonomy.trees(session)
        for number in range(self._plan.vendors):
            owner = accounts.ensure(session, f"owner@shop{number}.example", EPOCH)
            owner.verified_at = EPOCH
            vendor = team.found(session, owner, EPOCH, name=f"Shop {number}", zone="Europe/London")
            place = ("world", "world", *_PLACES)[number % 7]
            order = Order(
                category_id=trees.categories.root.id
                if number % 3
                else trees.categories.resolve(_CATEGORIES[number % len(_CATEGORIES)], field="category").id,
                region_id=trees.regions.root.id
                if place == "world"
                else trees.regions.resolve(place, field="region").id,
            )
            subscribe(session, vendor, order, EPOCH)
            session.add(
                Channel(
                    code=new_code(),
                    vendor_id=vendor.id,
                    kind=ChannelKind.EMAIL,
                    target={"address": f"sales@shop{number}.example"},
                    created_at=EPOCH,
                    verified_at=EPOCH,
                    caught_up_at=EPOCH,
                )
            )
            if self._rng.random() < self._plan.dead_share:
                self._relay.no_such_mailbox.add(f"sales@shop{number}.example")
        session.flush()

    def _want(self, session: Session, now: datetime) -> None:
        """A customer publishes; the router finds vendors; word goes out a few seconds later."""
        author = accounts.ensure(session, f"customer{self._outcome.wants // 15}@wants.example", now)
        author.verified_at = author.verified_at or now
        trees = taxonomy.trees(session)
        draft = IntentDraft(
            title=f"Want {self._outcome.wants}",
            category_id=trees.categories.resolve(str(self._rng.choice(_CATEGORIES)), field="category").id,
            region_id=trees.regions.resolve(str(self._rng.choice(_PLACES)), field="region").id,
            expires_at=now + timedelta(days=60),
        )
        intent = publish.draft(session, author, draft, now)
        try:
            publish.publish(session, intent, now)
        except LimitReached:
            return
        self._outcome.wants += 1
        self._outcome.leads += route.route(session, intent, now)
        self._at(now + timedelta(seconds=int(self._rng.integers(1, 30))), None)
        if self._rng.random() < self._plan.closed_early:
            after = timedelta(seconds=int(self._rng.uniform(3_600, 14 * 86_400)))
            self._at(now + after, lambda s, at: self._close(s, at, intent.id))

    def _react(self, lead: Lead, now: datetime) -> None:
        key = (lead.intent_id, lead.vendor_id)
        if self._rng.random() < self._plan.auto_share:
            self._at(now + timedelta(seconds=2), lambda s, at: self._answer(s, at, key, Kind.REPLY, Actor.AUTO))
        wait = self._plan.behaviour.draw(self._rng)
        if wait is None:
            if self._rng.random() < 0.4:
                self._at(now + timedelta(hours=5), lambda s, at: self._look(s, at, key))
            return
        kind = draw_kind(self._rng)
        self._at(now + wait, lambda s, at: self._answer(s, at, key, kind, Actor.HUMAN))

    def _look(self, session: Session, now: datetime, key: tuple[int, int]) -> None:
        respond.see(session, session.get_one(Lead, key), now, by=SeenBy.PAGE)

    def _answer(self, session: Session, now: datetime, key: tuple[int, int], kind: Kind, actor: Actor) -> None:
        reason = DeclineReason.STOCK if kind is Kind.DECLINE else None
        answer = Answer(kind=kind, body=_SAYS, decline_reason=reason)
        try:
            respond.respond(session, session.get_one(Lead, key), answer, now, via=Via.LINK, actor=actor)
        except (WrongState, LimitReached):
            self._outcome.too_late += 1
            return
        self._outcome.answers += actor is Actor.HUMAN

    def _close(self, session: Session, now: datetime, intent_id: int) -> None:
        intent = session.get_one(Intent, intent_id)
        if intent.closed_at is None:
            publish.withdraw(session, intent, now)
