"""How long a lane rests after a failure."""

from vrm.worker.trouble import Trouble


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_failures_in_a_row_are_waited_for_ever_longer_up_to_half_a_minute() -> None:
    seconds = Seconds()
    trouble = Trouble(seconds)
    rests = []
    for _ in range(8):
        rests.append(trouble.rest_s())
        seconds.now += rests[-1] + 0.1
    assert rests == [1, 2, 4, 8, 16, 30, 30, 30]


def test_after_work_that_lasted_a_failure_is_a_first_one() -> None:
    """As when PostgreSQL restarts once a week, or senders are killed after they have sent for a while."""
    seconds = Seconds()
    trouble = Trouble(seconds)
    for _ in range(5):
        assert trouble.rest_s() == 1
        seconds.now += 1 + 1.5
