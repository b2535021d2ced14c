"""Weeks in seconds: the measures find the truth that went in, the same seed plays the same weeks."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from notifiers.models import Attempt, Verdict
from vendors.models import Lead
from vrm import simulate
from vrm.cli import main
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput
from vrm.research import experiments
from vrm.research.experiments import EXAMPLE
from vrm.simulate.behaviour import BEHAVIOURS

BY_VERDICT = select(Attempt.verdict, func.count()).group_by(Attempt.verdict)


def test_hbr_2011_has_its_published_shares() -> None:
    hbr = BEHAVIOURS["hbr2011"]
    shares = (0.37, 0.53, 0.77, 0.77)
    assert [round(hbr.truth(at), 6) for at in (3_600, 86_400, 2_592_000, 10**9)] == list(shares)
    rng = np.random.default_rng(1)
    waits = [hbr.draw(rng) for _ in range(4_000)]
    within = np.mean([wait is not None and wait.total_seconds() <= 86_400 for wait in waits])
    assert within == pytest.approx(0.53, abs=0.03)


@pytest.mark.slow
def test_what_is_measured_is_what_went_in(tmp_path: Path) -> None:
    words = ["simulate", "--wants", "25", "--vendors", "12", "--keep", str(tmp_path), "--json"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert said["wants"] == 25
    for at in ("3600", "86400", "604800"):
        measured = said["share_by"][at]["measured"]
        half = (measured["high"] - measured["low"]) / 2
        assert abs(measured["estimate"] - said["share_by"][at]["truth"]) < 2 * half + 0.01, at
    store = Store.open(f"sqlite:///{tmp_path / 'vrm.db'}")
    with store.read() as session:  # Word went out by post, and what came of it was written down.
        by_post = dict(session.execute(BY_VERDICT).all())
        delivered = session.scalar(select(func.count()).where(Lead.delivered_at.is_not(None)))
    store.close()
    assert by_post[Verdict.DELIVERED] >= delivered > 0
    assert by_post[Verdict.PERMANENT] > 0
    again = CliRunner().invoke(main, words)
    assert (again.exit_code, "exists" in again.output) == (1, True)


def test_an_experiment_is_published_before_the_first_want_and_deals_them_all(tmp_path: Path) -> None:
    plan = simulate.plan(
        "eager", weeks=2, wants=8, vendors=4, seed=1, experiment=EXAMPLE | {"category": "anything", "region": "world"}
    )
    with simulate.fresh_store(tmp_path) as store:
        outcome = simulate.Simulation(store, plan).run()
        with store.read() as session:
            (trial,) = experiments.all_of(session)
            assert len(experiments.assignments(session, trial)) == outcome.wants == 8
            assert trial.registered_at < trial.started_at < session.scalar(select(func.min(Attempt.started_at)))
            assert experiments.deviations(session, trial, outcome.now) == []


def test_numbers_that_make_no_sense_are_refused() -> None:
    with pytest.raises(BadInput) as refused:
        simulate.plan("rude", weeks=0, wants=10**9, vendors=5, seed=1)
    assert set(refused.value.problems) == {"behaviour", "weeks", "wants"}
