"""Hosts of vendors that misbehave, and clocks that jump: a real store, real connections, and a clock that is set."""

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from intents import publish
from intents.draft import IntentDraft
from notifiers.deliver import deliver, next_due
from notifiers.models import Attempt, Channel, ChannelKind, Mode, Notification, Result, Topic
from notifiers.post import Post
from tests.chaos.bad_hosts import FAULTS, BadRelay, BadSink
from tests.chaos.rig import SECRET
from tests.chaos.rounds import Line
from tests.little import plant
from vendors import team
from vendors.subscribe import Order, subscribe
from vrm import route
from vrm.kernel import accounts, taxonomy
from vrm.kernel.clock import utc_now
from vrm.kernel.db import Store, new_code
from vrm.kernel.outbound import Outbound
from vrm.kernel.signing import Signer

HEALTHY = 4
BERLIN = ZoneInfo("Europe/Berlin")
_DAY = timedelta(days=1)
_KEPT = 4096  # Bytes of an answer.


@dataclass(frozen=True, slots=True)
class _Route:
    port: int
    host: str = "127.0.0.1"
    secure: bool = False
    user: str | None = None
    password: str | None = None


@dataclass
class House:
    """A broker within this process, whose clock is set."""

    store: Store
    post: Post
    now: datetime
    customers: list[int] = field(default_factory=list)

    def clock(self) -> datetime:
        return self.now

    def vendor(self, name: str, channels: Iterable[Mapping[str, Any]]) -> None:
        """One who hears of everything, over channels that work."""
        with self.store.write() as session:
            trees = taxonomy.trees(session)
            ben = accounts.ensure(session, f"{new_code()}@shop.example", self.now)
            vendor = team.found(session, ben, self.now, name=name)
            vendor.zone = BERLIN.key
            everything = Order(category_id=trees.categories.root.id, region_id=trees.regions.root.id)
            subscribe(session, vendor, everything, self.now)
            for channel in channels:
                session.add(
                    Channel(
                        code=new_code(), vendor_id=vendor.id, created_at=self.now, verified_at=self.now,
                        caught_up_at=self.now, **channel,
                    )
                )  # fmt: skip

    def publish(self, wants: int) -> None:
        """So many wants, each routed."""
        with self.store.write() as session:
            trees = taxonomy.trees(session)
            for _ in range(wants):
                ana = accounts.ensure(session, f"{new_code()}@example.org", self.now)
                ana.verified_at = ana.trusted_at = self.now
                draft = IntentDraft(
                    title="Toyota Yaris",
                    category_id=trees.categories.resolve("cars", field="category").id,
                    region_id=trees.regions.resolve("leeds", field="region").id,
                )
                intent = publish.draft(session, ana, draft, self.now)
                publish.publish(session, intent, self.now)
                route.route(session, intent, self.now)

    def deliver(self) -> int:
        """Send what is due; how many attempts."""
        return deliver(self.store, self.post, self.clock)

    def catch_up(self) -> None:
        """Go from one due moment to the next until nothing is owed."""
        for _ in range(500):
            with self.store.read() as session:
                due = next_due(session)
            if due is None:
                return
            self.now = max(self.now, due)
            self.deliver()
        raise AssertionError("It never comes to an end.")

    def results(self, *topics: Topic) -> dict[str, list[Result | None]]:
        """How the words for each vendor's channels ended, by what their target says last."""
        found: dict[str, list[Result | None]] = {}
        with self.store.read() as session:
            rows = select(Notification.result, Channel).join(Channel, Channel.id == Notification.channel_id)
            for result, channel in session.execute(rows.where(Notification.topic.in_(topics or (Topic.LEAD_CREATED,)))):
                found.setdefault(_name(channel), []).append(result)
        return found

    def figure(self, query: Any) -> int:
        with self.store.read() as session:
            return int(session.scalar(query) or 0)


def _name(channel: Channel) -> str:
    if channel.kind is ChannelKind.EMAIL:
        return str(channel.target["address"]).partition("@")[0]
    return str(channel.target["url"]).rpartition("/")[2].replace("%20", " ")


@contextmanager
def house(now: datetime, relay: BadRelay | None = None) -> Iterator[House]:
    """A broker over a store that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="vrm-chaos-") as folder:
        mail = _Route(relay.port) if relay is not None else None
        outbound = Outbound([ip_network("127.0.0.0/8")])
        post = Post("http://127.0.0.1", Signer("k" * 40), outbound, mail, "vrm@broker.example", Path(folder) / "out")
        with Store.open(f"sqlite:///{folder}/vrm.db") as store:
            plant(store, now)
            yield House(store, post, now)


def _webhook(sink: BadSink, number: int, path: str) -> dict[str, Any]:
    url = f"http://127.0.0.{number}:{sink.port}/{path.replace(' ', '%20')}"
    return {"kind": ChannelKind.WEBHOOK, "target": {"url": url, "secret": SECRET}}


def _line(what: str, figure: float, target: str, ok: bool, unit: str = "") -> Line:
    return Line(what, round(figure, 1), unit, target, ok)


def _none(what: str, count: int) -> Line:
    return _line(what, count, "= 0", count == 0)


# --- Sinks ----------------------------------------------------------------------------------------


def sinks(*, wants: int) -> list[Line]:
    """Endpoints that fail in every way, beside some that work; then all but the one that is gone are mended."""
    with closing(BadSink()) as sink, house(utc_now()) as home:
        names = [*(f"well {number}" for number in range(HEALTHY)), *FAULTS]
        for number, name in enumerate(names, 2):
            home.vendor(name, [_webhook(sink, number, name)])
        home.publish(wants)
        begun = time.monotonic()
        home.deliver()
        took = time.monotonic() - begun
        first = home.results()
        early = home.figure(
            select(func.count(Notification.id))
            .join(Attempt, Attempt.notification_id == Notification.id)
            .where(Attempt.status == 429, Notification.done_at.is_(None))
            .where(Notification.due_at < home.now + timedelta(seconds=8))
        )
        sink.mended = True
        home.catch_up()
        last = home.results()
        longest = home.figure(select(func.max(Attempt.took_ms))) / 1000
        kept = home.figure(select(func.max(func.length(Attempt.said))))
        off = home.figure(select(func.count(Channel.id)).where(Channel.switched_off_at.is_not(None)))
    lines = [
        _line(f"sinks: attempts at one that {name if name[0].isalpha() else f'answers {name}'}",
              sum(sink.heard[name].values()), f"≥ {1 if name == '410' else wants}",
              name == "410" or len(sink.heard[name]) >= wants)
        for name in FAULTS
    ]  # fmt: skip
    well = sum(first[name].count(Result.DELIVERED) for name in names[:HEALTHY])
    lost = sum(result is not Result.DELIVERED for name in names if name != "410" for result in last[name])
    ids = sum(len(sink.heard[name]) != wants for name in names if name != "410")
    return [
        *lines,
        _line("sinks: first round with all of them", took, "", True, "s"),
        _line("sinks: told at once of those that work", well, f"= {HEALTHY * wants}", well == HEALTHY * wants),
        _line("sinks: longest attempt", longest, "≤ 16", longest <= 16, "s"),
        _none("sinks: asked again before 429 said", early),
        _none("sinks: redirects followed", sum(sink.heard["trap"].values())),
        _line("sinks: most kept of an answer", kept, f"≤ {_KEPT}", kept <= _KEPT, "B"),
        _line("sinks: channels switched off (410)", off, "= 1", off == 1),
        _none("sinks: words lost once mended", lost),
        _none("sinks: endpoints with too many ids, or too few", ids),
    ]


# --- Mail -----------------------------------------------------------------------------------------

MAILBOXES = ("well", "grey", "dropped", "refused")


def relays(*, wants: int, dripped: int) -> list[Line]:
    """A relay that drips, is busy, greylists, refuses, takes a mail and cuts the line; then it is mended.

    Only so many wants are `dripped`: each mail then takes all of its fifteen seconds, a few at a time.
    """
    with closing(BadRelay()) as relay, house(utc_now(), relay) as home:
        for name in MAILBOXES:
            channel = {"kind": ChannelKind.EMAIL, "target": {"address": f"{name}@{name}.example"}}
            home.vendor(name, [channel])
        spoilt = {}
        for relay.greets, fresh in (("drips", dripped), ("busy", wants - dripped)):
            home.publish(fresh)
            begun = time.monotonic()
            spoilt[relay.greets] = (home.deliver(), time.monotonic() - begun)
            home.now += timedelta(minutes=10)
        relay.greets = "well"
        home.deliver()
        asked = relay.asked["refused"]
        home.now += timedelta(minutes=45)
        relay.mended = True
        home.catch_up()
        last = home.results()
        off = home.figure(select(func.count(Channel.id)).where(Channel.switched_off_at.is_not(None)))
    good = MAILBOXES[:-1]
    lost = sum(result is not Result.DELIVERED for name in good for result in last[name])
    ids = sum(len(relay.taken[name]) != wants for name in good)
    repeats = sum(relay.taken[name].total() - wants for name in ("well", "grey"))
    return [
        *(_line(f"mail: attempts at a relay that {'drips' if how == 'drips' else 'is busy'}", count,
                f"= {len(MAILBOXES) * offered}", count == len(MAILBOXES) * offered)
          for (how, (count, _)), offered in zip(spoilt.items(), (dripped, wants), strict=True)),
        _line("mail: the round with the dripping one", spoilt["drips"][1], "", True, "s"),
        _line("mail: greylisted and sent again", relay.asked["grey"], f"≥ {2 * wants}",
              relay.asked["grey"] >= 2 * wants),
        _line("mail: taken, and the line cut", wants, "", True),
        _line("mail: the same mails again, same Message-ID", relay.taken["dropped"].total() - wants, f"≤ {2 * wants}",
              relay.taken["dropped"].total() <= 3 * wants),
        _line("mail: offered to a mailbox that is refused", relay.asked["refused"], f"= {asked}",
              relay.asked["refused"] == asked),
        _line("mail: channels switched off (550)", off, "= 1", off == 1),
        _none("mail: words lost once mended", lost),
        _none("mail: mailboxes with too many Message-IDs", ids),
        _none("mail: repeats where nothing was cut", repeats),
    ]  # fmt: skip


# --- Clocks ---------------------------------------------------------------------------------------


def jumps(*, wants: int) -> list[Line]:
    """The clock is a day behind, and a day ahead, between a failure and its repeat."""
    with closing(BadSink()) as sink, house(utc_now()) as home:
        home.vendor("Shop", [_webhook(sink, 2, "500")])
        home.publish(wants)
        home.deliver()
        sink.mended = True
        true = home.now
        home.now = true - _DAY
        early = home.deliver()
        home.publish(wants)  # Today's work goes on by whatever the clock says.
        fresh = home.deliver()
        home.now = true + _DAY
        late = home.deliver()
        home.now = true
        home.catch_up()
        again = home.deliver()
        undone = home.figure(select(func.count(Notification.id)).where(Notification.result != Result.DELIVERED))
        heard = sink.heard["500"]
    return [
        _none("clock a day back: sent before its time", early),
        _line("clock a day back: new wants told", fresh, f"= {wants}", fresh == wants),
        _line("clock a day ahead: what was owed is sent", late, f"= {wants}", late == wants),
        _none("clock right again: sent once more", again),
        _none("clock jumps: words lost", undone + 2 * wants - len(heard)),
        _none("clock jumps: told more often than tried", heard.total() - 3 * wants),
    ]


def summers(*, step: timedelta) -> list[Line]:
    """Four days around each change of summer time in Berlin: a digest at the hour that changes, and quiet nights."""
    return [line for name, day in (("spring", 28), ("autumn", 24)) for line in _around(name, day, step)]


def _around(name: str, day: int, step: timedelta) -> list[Line]:
    begin = datetime(2026, 3 if name == "spring" else 10, day, 10, tzinfo=UTC)
    with closing(BadSink()) as sink, house(begin) as home:
        home.vendor("Digest", [_webhook(sink, 2, "digest") | {"mode": Mode.DAILY, "digest_hour": 2}])
        home.vendor("Quiet", [_webhook(sink, 3, "quiet") | {"quiet_from": 22 * 60, "quiet_until": 7 * 60}])
        wants = 0
        while home.now < begin + 4 * _DAY:
            if (home.now - begin) % timedelta(hours=3) < step and home.now < begin + 3 * _DAY:
                home.publish(1)
                wants += 1
            home.deliver()
            home.now += step
        home.catch_up()
        quiet = _sent(home, "quiet", Topic.LEAD_CREATED)
        digests = _sent(home, "digest", Topic.DIGEST)
        told = {key: values.count(Result.DELIVERED) for key, values in home.results().items()}
    woken = sum(not 7 <= at.hour < 22 for at in quiet)
    # At two o'clock, which in spring is three; of the two that autumn has, the first.
    odd = sum(at.hour != 2 and not (name == "spring" and at.hour == 3 and at.day == 29) for at in digests)
    days = len({at.date() for at in digests})
    lost = sum(wants - count for count in (told["digest"], told["quiet"]))
    return [
        _line(f"{name}: wants told one by one", len(quiet), f"= {wants}", len(quiet) == wants),
        _none(f"{name}: told in quiet hours", woken),
        _line(f"{name}: digests, one for each day", len(digests), f"= {days}", len(digests) == days >= 3),
        _none(f"{name}: digests at another hour", odd),
        _none(f"{name}: wants lost or told twice", abs(lost) + sink.heard["quiet"].total() - wants),
    ]


def _sent(home: House, name: str, topic: Topic) -> list[datetime]:
    """When its messages went, by the clock on the wall."""
    with home.store.read() as session:
        rows = session.execute(
            select(Attempt.started_at, Channel)
            .join(Notification, Notification.id == Attempt.notification_id)
            .join(Channel, Channel.id == Notification.channel_id)
            .where(Notification.topic == topic)
        ).all()
    return [at.astimezone(BERLIN) for at, channel in rows if _name(channel) == name]


def everything(*, quick: bool) -> Iterator[list[Line]]:
    """All of these rounds, one after the other."""
    rounds: tuple[Callable[[], list[Line]], ...] = (
        lambda: sinks(wants=6 if quick else 50),
        lambda: relays(wants=6 if quick else 50, dripped=1 if quick else 6),
        lambda: jumps(wants=6 if quick else 100),
        lambda: summers(step=timedelta(minutes=60 if quick else 10)),
    )
    for one in rounds:
        yield one()
