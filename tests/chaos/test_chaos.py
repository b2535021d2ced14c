"""A short form of each fault; `make chaos` does them by the hundred.

That a dead worker's claim runs out is tried with a clock that is set (tests/notifiers/test_deliver.py): here it would
take the 45 seconds that it takes.
"""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.chaos import faults, rounds
from tests.chaos.rounds import Line


def kept(lines: list[Line]) -> None:
    assert [line for line in lines if not line.ok] == []


@pytest.fixture
def _postgres() -> None:
    if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        pytest.skip("There is no PostgreSQL here to make a cluster with.")


@pytest.mark.slow
def test_kill_9_of_web_and_worker_loses_nothing(tmp_path: Path) -> None:
    kept(rounds.killing(f"sqlite:///{tmp_path}/vrm.db", kills=3, wants=12, seed=2008, name="kill −9", hurry=True))


@pytest.mark.slow
def test_kill_9_of_the_sender_alone_loses_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/vrm.db"
    kept(rounds.killing_senders(url, kills=2, wants=24, seed=2008, name="kill −9 of senders", hurry=True))


@pytest.mark.slow
@pytest.mark.usefixtures("_postgres")
def test_postgresql_may_restart_at_any_moment() -> None:
    kept(rounds.restarting(restarts=1, wants=8, hurry=True))


@pytest.mark.slow
def test_a_full_disk_refuses_with_a_sentence_and_loses_nothing() -> None:
    try:
        kept(rounds.filling(wants=3))
    except PermissionError as error:
        pytest.skip(str(error))


@pytest.mark.slow
def test_endpoints_that_fail_in_every_way_hold_up_nobody_and_lose_nothing() -> None:
    kept(faults.sinks(wants=1))


def test_a_clock_that_jumps_a_day_sends_nothing_early_and_nothing_twice() -> None:
    kept(faults.jumps(wants=2))


@pytest.mark.slow
def test_digests_and_quiet_nights_survive_summer_time() -> None:
    kept(faults.summers(step=timedelta(hours=1)))
