"""An experiment is published first, dealt by a seed that anybody can check, and says where it left its plan."""

import json
import os
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from research_leads import answered, lead
from rooms import add_mail_channel, publish_want, start_vendor
from sqlalchemy import func, select

from intents.trials import Assignment, arm_at
from notifiers.models import Notification
from vendors.models import Lead
from vrm import route
from vrm.cli import main
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput, WrongState
from vrm.research import experiments, reports
from vrm.research.experiments import EXAMPLE, fingerprint
from vrm.research.live import live_table
from vrm.research.reports import Facts
from vrm.research.table import from_rows

DAY = timedelta(days=1)


def plan(**differs: Any) -> dict[str, Any]:
    return {**json.loads(json.dumps(EXAMPLE)), **differs}


def test_each_round_of_a_block_holds_every_arm_equally_often() -> None:
    arms = [arm_at(EXAMPLE, "cars/gb", place)["name"] for place in range(40)]
    for start in range(0, 40, 4):
        assert Counter(arms[start : start + 4]) == {"control": 2, "voice": 2}
    assert arms == [arm_at(EXAMPLE, "cars/gb", place)["name"] for place in range(40)]
    assert arms != [arm_at(EXAMPLE, "cars/fr", place)["name"] for place in range(40)]
    assert arms != [arm_at(plan(seed=2009), "cars/gb", place)["name"] for place in range(40)]
    assert experiments.dealt_anew(EXAMPLE, {"cars/gb": 40})["cars/gb"] == arms


def test_a_fingerprint_is_of_what_is_said_and_not_of_how_it_is_written() -> None:
    shuffled = dict(reversed(list(EXAMPLE.items())))
    assert fingerprint(shuffled) == fingerprint(EXAMPLE)
    assert fingerprint(plan(seed=2009)) != fingerprint(EXAMPLE)


@pytest.mark.parametrize(
    ("differs", "field"),
    [
        ({"arms": [{"name": "one"}]}, "arms"),
        ({"arms": [{"name": "a"}, {"name": "a"}]}, "arms"),
        ({"arms": [{"name": "a"}, {"name": "b", "price": 3}]}, "arms"),
        ({"arms": [{"name": "a"}, {"name": "b", "channel": "pigeon"}]}, "arms"),
        ({"arms": [{"name": "a", "region": "gb"}, {"name": "b"}]}, "arms"),
        ({"block_size": 3}, "block_size"),
        ({"horizon_s": 7}, "horizon_s"),
        ({"ethics": "maybe"}, "ethics"),
        ({"ethics": "study"}, "account"),
        ({"expected": [0.4, 0.4]}, "expected"),
        ({"icc": 2}, "icc"),
        ({"stop": {"wants": 3}}, "stop"),
        ({"category": "xyzzy"}, "category"),
        ({"hypothesis": ""}, "hypothesis"),
        ({"colour": "red"}, "colour"),
        ({"leads_per_want": True}, "leads_per_want"),
    ],
)
def test_a_plan_that_does_not_hold_is_refused_field_by_field(
    little_plans: Store, differs: Mapping[str, Any], field: str
) -> None:
    with little_plans.read() as session, pytest.raises(BadInput) as refused:
        experiments.check(session, plan(**differs))
    assert field in refused.value.problems


@pytest.fixture(scope="module")
def little_plans(sqlite_template: Path) -> Store:
    return Store.open(f"sqlite:///{sqlite_template}")


def test_arms_are_dealt_at_routing_and_never_before_the_plan_was_published(
    store: Store, ana: Account, ben: Account, now: datetime
) -> None:
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=("anything", "world"))
        add_mail_channel(session, vendor, now, "sales@shop.example")
        made = experiments.register(session, plan(block_size=2), now)
        route.route(session, publish_want(session, ana, now), now)
        assert experiments.assignments(session, made) == []
        experiments.start(session, made, now + DAY)
        with pytest.raises(WrongState):
            experiments.start(session, made, now + DAY)
        wants = [publish_want(session, ana, now + DAY) for _ in range(4)]
        for want in wants:
            route.route(session, want, now + DAY)
            route.route(session, want, now + DAY)  # A replay deals nothing anew.
        dealt = experiments.assignments(session, made)
        assert Counter(each.arm for each in dealt) == {"control": 2, "voice": 2}
        table = live_table(session, now + 2 * DAY)
        assert Counter(table.words["arm"][row] for row in range(5)) == {"": 1, "control": 2, "voice": 2}
        assert experiments.deviations(session, made, now + DAY) == []
        dealt[0].arm = "voice" if dealt[0].arm == "control" else "control"
        experiments.note_deviation(session, made, "The want of 3 May was a mistake.", now)
        experiments.stop(session, made, now + 2 * DAY, because="The seller of the domain complained.")
        said = " ".join(experiments.deviations(session, made, now + DAY))
    assert "1 wants are in another arm than the seed deals" in said
    assert "stopped after 4 wants and 1 days, before its rule" in said
    assert "a mistake" in said


def test_wants_of_a_study_reach_only_vendors_who_agreed(
    store: Store, ana: Account, ben: Account, carol: Account, now: datetime
) -> None:
    with store.write() as session:
        agreed = start_vendor(session, ben, now, name="Agreed", wish=("anything", "world"))
        other = start_vendor(session, carol, now, name="Other", wish=("anything", "world"))
        for vendor in (agreed, other):
            add_mail_channel(session, vendor, now, f"{vendor.slug}@shop.example")
        made = experiments.register(session, plan(ethics="study", account="ana@example.org"), now)
        assert "ana@" not in json.dumps(made.plan)
        with pytest.raises(WrongState, match="No vendor has agreed"):
            experiments.start(session, made, now)
        experiments.consent(session, made, agreed.slug, now)
        experiments.start(session, made, now)
        want = publish_want(session, ana, now)
        assert route.route(session, want, now) == 1
        told = session.scalars(select(Notification.vendor_id).where(Notification.intent_id == want.id)).all()
        assert told == [agreed.id]
        late = start_vendor(session, carol, now + DAY, name="Late", wish=("anything", "world"))
        add_mail_channel(session, late, now + DAY, "late@shop.example")
        while route.backfill_owed(session, now + DAY):
            pass
        reached = session.scalars(select(Lead.vendor_id).where(Lead.intent_id == want.id)).all()
        assert reached == [agreed.id]
        table = live_table(session, now + DAY)
        assert table.words["excluded_reason"].labels == ("test_intent",)
        mine = reports.of_experiment(table, made.code)
        assert mine.words["excluded_reason"].labels == ("",)
        assert session.scalar(select(func.count()).select_from(Assignment)) == 1


def test_a_report_has_the_plan_the_numbers_and_where_it_was_left(now: datetime) -> None:
    rows = []
    for number in range(20):
        about = {
            "intent_id": f"i{number}",
            "arm": "voice" if number % 2 else "control",
            "randomisation_block": "abc cars/gb",
            "excluded_reason": "test_intent",
        }
        rows += [answered(60, **about), lead(**about)]
    facts = Facts(
        "abc",
        "Yaris <again>",
        "real",
        EXAMPLE,
        "0" * 64,
        now,
        now,
        None,
        None,
        ["It was left."],
        experiments.power(EXAMPLE),
    )
    page = reports.html(facts, from_rows(rows), "2026-11-21.1")
    for words in ("Yaris &lt;again&gt;", "voice − control: +0.0 points", "randomisation p = ", "It was left.", "@page"):
        assert words in page
    assert "nan" not in page.lower().replace("nanum", "")
    with pytest.raises(BadInput, match="has no leads of experiment"):
        reports.html(facts, from_rows([lead()]), "x")


def test_the_command_goes_from_plan_to_running(store_url: str, tmp_path: Path) -> None:
    run = CliRunner(env={**os.environ, "VRM_DATABASE_URL": store_url, "VRM_SECRET_KEY": "s" * 40})
    file = tmp_path / "plan.json"
    file.write_text(run.invoke(main, ["experiment", "example"]).stdout)
    said = run.invoke(main, ["experiment", "new", str(file)])
    assert said.exit_code == 0, said.output
    assert "wants in each arm" in said.output
    code = said.output.split("vrm experiment start ")[1].strip()
    assert run.invoke(main, ["experiment", "start", code]).exit_code == 0
    assert run.invoke(main, ["experiment", "deviate", code, "We began late."]).exit_code == 0
    assert run.invoke(main, ["experiment", "stop", code, "--because", "Enough."]).exit_code == 0
    assert json.loads(run.invoke(main, ["experiment", "list", "--json"]).stdout)[0]["state"] == "ended"
    assert run.invoke(main, ["experiment", "start", "nothing"]).exit_code == 1
