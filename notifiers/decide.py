"""One attempt's outcome → what becomes of the notification and of its channel. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from notifiers.channels import Outcome
from notifiers.models import Result, Verdict

# Waits before the first, second, … attempt; each is stretched or shortened by up to 20 %.
SCHEDULE = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
OFF_AFTER = timedelta(hours=120)
OFF_AFTER_FAILURES = 10


@dataclass(frozen=True, slots=True)
class Health:
    """How a channel has been doing since its last success."""

    failures: int = 0
    failing_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Next:
    """What to write down: either `result`, or when to try again."""

    result: Result | None
    due_at: datetime | None
    health: Health
    switch_off: str | None  # The sentence for the channel's people; None leaves it on.


def decide(outcome: Outcome, tries: int, health: Health, now: datetime, jitter: float, *, retries: bool = True) -> Next:
    """What follows from the outcome of attempt number `tries` (from 1). `jitter` is between 0.8 and 1.2."""
    if outcome.delivered:
        return Next(Result.DELIVERED, None, Health(), None)
    if not outcome.ours:
        health = Health(health.failures + 1, health.failing_since or now)
    switch_off = _switch_off(outcome, health, now)
    over = switch_off or outcome.verdict is Verdict.PERMANENT or not retries or tries >= len(SCHEDULE)
    if over:
        return Next(Result.FAILED, None, health, switch_off)
    return Next(None, now + wait(tries, outcome.retry_after_s, jitter), health, None)


def wait(tries: int, retry_after_s: float | None, jitter: float) -> timedelta:
    """How long until the attempt after number `tries`. What the other side asks counts between 1 and 2 steps."""
    step = SCHEDULE[tries]
    if retry_after_s is None:
        return step * jitter
    return min(max(timedelta(seconds=retry_after_s), step), 2 * step)


def _switch_off(outcome: Outcome, health: Health, now: datetime) -> str | None:
    if outcome.gone:
        status = f" ({outcome.status})" if outcome.status else ""
        return f"It will not work again{status}: {outcome.said or 'the other side gave no reason'}"
    since = health.failing_since
    if not outcome.ours and since and now - since >= OFF_AFTER and health.failures >= OFF_AFTER_FAILURES:
        hours = int((now - since).total_seconds() // 3600)
        return f"All of {health.failures} attempts in {hours} hours failed; the last one with: {outcome.said}"
    return None
