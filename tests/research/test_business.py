"""M11: open seconds by the vendor's own clock, hours and holidays of the time; tables of hours by both clocks."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from research_hours import placed_leads
from rooms import publish_want, start_vendor

from notifiers import office as offices
from notifiers.timing import DAY, Office
from vendors import respond, team
from vendors.models import Kind, Lead, Via
from vendors.respond import Answer
from vrm import route
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.research.business import Version, business_waits, open_seconds
from vrm.research.cells import LEAST
from vrm.research.hours import CLOCKS, as_csv, from_csv, placed, weeks_of
from vrm.research.live import fine, live_table
from vrm.research.metrics import measure
from vrm.research.table import MISSING

NINE_TO_FIVE = ((9 * 60, 17 * 60),)
WEEKDAYS = (NINE_TO_FIVE,) * 5 + ((), ())
LEEDS = Office("Europe/London", WEEKDAYS, "GB-ENG")


def seconds(office: Office, begin: datetime, end: datetime) -> int:
    return int(open_seconds(office, np.array([int(begin.timestamp())]), np.array([int(end.timestamp())]))[0])


def at(text: str, zone: str = "Europe/London") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("begin", "end", "hours"),
    [
        ("2026-11-26T10:00", "2026-11-26T11:30", 1.5),
        ("2026-11-26T16:00", "2026-11-27T10:00", 2),  # A night in between.
        ("2026-11-27T16:30", "2026-11-30T09:30", 1),  # A weekend.
        ("2026-11-28T10:00", "2026-11-29T20:00", 0),  # Told and answered while it is closed.
        ("2026-12-24T16:00", "2026-12-29T09:15", 1.25),  # Christmas, Boxing Day, and the Monday in its place.
        ("2026-11-26T10:00", "2026-11-26T10:00", 0),
    ],
)
def test_nights_weekends_and_holidays_do_not_count(begin: str, end: str, hours: float) -> None:
    assert seconds(LEEDS, at(begin), at(end)) == hours * 3_600


def test_an_hour_that_the_wall_shows_twice_counts_twice_and_one_that_it_skips_not_at_all() -> None:
    night = Office("Europe/Berlin", ((((0, 5 * 60)),),) * 7)
    assert seconds(night, at("2026-10-25T00:00", "Europe/Berlin"), at("2026-10-25T12:00", "Europe/Berlin")) == 6 * 3_600
    assert seconds(night, at("2026-03-29T00:00", "Europe/Berlin"), at("2026-03-29T12:00", "Europe/Berlin")) == 4 * 3_600


spans = st.lists(st.integers(0, DAY // 30), min_size=2, max_size=4, unique=True).map(
    lambda cuts: tuple((30 * a, 30 * b) for a, b in zip(sorted(cuts)[::2], sorted(cuts)[1::2], strict=False))
)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Havana"]


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    week=st.tuples(*[spans] * 7),
    holidays=st.sampled_from(["", "GB-ENG", "DE-BY"]),
    begin=st.sampled_from(["2026-03-06", "2026-03-28", "2026-04-03", "2026-10-23", "2026-10-31", "2026-12-30"]),
    minutes=st.integers(0, 4 * DAY),
)
def test_it_is_what_somebody_counts_who_looks_at_the_wall_every_minute(
    zone: str, week: tuple[tuple[tuple[int, int], ...], ...], holidays: str, begin: str, minutes: int
) -> None:
    office = Office(zone, week, holidays)
    first = datetime.fromisoformat(begin).replace(tzinfo=UTC)
    counted = 0
    for minute in range(minutes):
        wall = (first + timedelta(minutes=minute)).astimezone(ZoneInfo(zone))
        now = wall.hour * 60 + wall.minute
        counted += any(a <= now < b for a, b in office.spans(wall.date()))
    assert seconds(office, first, first + timedelta(minutes=minutes)) == 60 * counted


def test_many_leads_are_each_lead_alone_by_the_hours_that_held_when_it_was_delivered() -> None:
    rng = np.random.default_rng(11)
    start = int(at("2026-01-01T00:00").timestamp())
    always = Office("UTC")
    known = {1: [Version(start, LEEDS), Version(start + 90 * 86_400, always)], 2: [Version(start + 50 * 86_400, LEEDS)]}
    vendor = rng.integers(1, 4, 500)
    delivered = start + rng.integers(-10 * 86_400, 200 * 86_400, 500)
    wait = np.where(rng.random(500) < 0.2, MISSING, rng.integers(-10, 9 * 86_400, 500))
    found = business_waits(known, vendor, delivered, wait)
    for who, begin, waited, open_ in zip(vendor, delivered, wait, found, strict=True):
        held = [version.office for version in known.get(int(who), []) if version.since_s <= begin]
        if not held or waited < 0:
            assert open_ == MISSING
        else:
            assert open_ == open_seconds(held[-1], np.array([begin]), np.array([begin + waited]))[0]


def test_the_store_remembers_the_hours_of_the_time(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    hour, thursday = timedelta(hours=1), datetime(2026, 11, 26, 16, tzinfo=UTC)
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=("cars-trucks-vans", "gb-lds"))
        team.describe(session, vendor, name=vendor.name, website="", about="", zone="Europe/London")
        for day, said in ((1, LEEDS), (20, Office("Europe/London"))):
            offices.set_office(session, vendor, said, thursday + timedelta(days=day))
            offices.set_office(session, vendor, said, thursday + timedelta(days=day, hours=1))  # Nothing new.
        vendor.zone = "Asia/Tokyo"
        offices.keep_version(session, vendor, thursday + timedelta(days=40))
        for day in (0, 2, 21, 41):
            moment = thursday + timedelta(days=day)
            intent = publish_want(session, ana, moment)
            route.route(session, intent, moment)
            lead = session.get_one(Lead, (intent.id, vendor.id))
            lead.undelivered, lead.notified_at, lead.delivered_at = None, moment, moment
            respond.respond(session, lead, Answer(kind=Kind.OFFER, body="x"), moment + 2 * hour, via=Via.LINK)
        table = live_table(session, now + timedelta(days=60))
        found = [None if cell == MISSING else int(cell) for cell in table.seconds["business_wait_s"].tolist()]
        weeks = weeks_of(placed(session, fine(session, now + timedelta(days=60))), least=1)
    # Before it said its hours; a Saturday; all day; all day on another clock.
    assert found == [None, 0, 7_200, 7_200]
    assert (weeks["calendar"].n, weeks["business"].n) == (4, 3)
    assert sum(hour.answered for hour in weeks["business"].hours) + weeks["business"].other_answered == 3


def test_the_hours_count_what_the_curve_counts(store: Store, ana: Account, ben: Account, now: datetime) -> None:
    """No wants of the vendor's own people, and all others that were watched for a day."""
    with store.write() as session:
        shops = [start_vendor(session, ben, now, name=f"Shop {n}", wish=("cars-trucks-vans", "gb-lds")) for n in (1, 2)]
        for _ in range(3):
            intent = publish_want(session, ana, now)
            route.route(session, intent, now)
        for lead in session.query(Lead):
            lead.undelivered, lead.notified_at, lead.delivered_at, lead.responded_at = None, now, now, None
        late = timedelta(days=2)
        respond.respond(session, lead, Answer(kind=Kind.OFFER, body="x"), now + timedelta(hours=2), via=Via.LINK)
        every = weeks_of(placed(session, fine(session, now + late)), least=1)["calendar"]
        assert (every.n, sum(hour.answered for hour in every.hours) + every.other_answered) == (6, 1)
        session.get_one(Account, ana.id).email = "ana@family.example"
        website = "https://www.family.example"
        team.describe(session, shops[0], name="Shop 1", website=website, about="", zone="Europe/London")
        others = fine(session, now + late)
        assert weeks_of(placed(session, others), least=1)["calendar"].n == measure(others.table).groups[0].n == 3


hours_counted = st.dictionaries(
    st.integers(0, 30), st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=14
)  # By hour: leads of vendors with hours, and of others.


@given(hours_counted)
def test_one_table_of_hours_less_the_other_tells_of_nobody(counted: dict[int, tuple[int, int]]) -> None:
    weeks = weeks_of(placed_leads((hour, mine + others, mine, mine) for hour, (mine, others) in counted.items()))
    every, open_ = weeks["calendar"], weeks["business"]
    for week in (every, open_):
        assert all(hour.leads >= LEAST for hour in week.hours)
        assert week.other_leads == 0 or week.other_leads >= LEAST
    if not open_.n:
        return
    of = {(hour.weekday, hour.hour): hour.leads for hour in every.hours}
    told = {(hour.weekday, hour.hour): hour.leads for hour in open_.hours}
    beyond = [of[place] - leads for place, leads in told.items()]
    beyond.append(every.n - sum(of[place] for place in told) - open_.other_leads)
    assert all(left == 0 or left >= LEAST for left in beyond)


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_table_of_hours_is_read_as_it_was_written(clock: str) -> None:
    week = weeks_of(placed_leads((hour, 12 + hour, 12 + hour, hour) for hour in range(40)))[clock]  # type: ignore[index]
    assert week.n > 0
    assert from_csv(as_csv(week, clock), clock) == week  # type: ignore[arg-type]


def test_hours_of_vendors_without_any_lead_wait_for_nobody() -> None:
    known = {7: [Version(0, LEEDS)]}
    nobody = np.array([], dtype=np.int64)
    assert business_waits(known, nobody, nobody, nobody).tolist() == []
    others = np.array([8])
    assert business_waits(known, others, np.array([100]), np.array([100])).tolist() == [MISSING]
