"""What a feed and its host say about time -> how long to leave it alone. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise
from statistics import median

from intents.feed import FeedEntry
from vrm.kernel.outbound import Answer

EVERY = timedelta(minutes=15)  # No blog is read more often, unless its author presses the button.
SLOWEST = timedelta(hours=6)  # Of a blog that answers, however seldom it says something.
BACK_OFF_AT_MOST = timedelta(hours=24)

_NEWEST = 12  # Posts whose distances tell a rhythm.
_SHARE = 8  # A post waits for an eighth of the usual distance at most, and so for a sixteenth on average.
_TIRES = 1.2  # Each look in vain makes the next one so much later.


def rhythm(entries: Sequence[FeedEntry], now: datetime) -> timedelta:
    """How often to look at a feed, by the distances of its newest posts; EVERY when they tell nothing."""
    # Dates that were replaced are the time of the fetch, and say nothing.
    moments = sorted(
        (e.published_at for e in entries if e.published_at is not None and not e.date_replaced), reverse=True
    )[:_NEWEST]
    if len(moments) < 2:
        return EVERY
    # How long it has been silent now is a distance, too: of a blog that was given up it soon is the longest.
    gaps = [max(timedelta(0), now - moments[0]), *(later - earlier for later, earlier in pairwise(moments))]
    return within(timedelta(seconds=median(gap.total_seconds() for gap in gaps)) / _SHARE)


def tired(pace: timedelta) -> timedelta:
    """The pace after a look at a feed that had not changed."""
    return within(pace * _TIRES)


def within(pace: timedelta) -> timedelta:
    """Between EVERY and SLOWEST."""
    return min(max(EVERY, pace), SLOWEST)


def after_answer(pace: timedelta, answer: Answer) -> timedelta:
    """How long to wait after an answer: the pace, or longer when the host says that its answer stays fresh."""
    return min(max(pace, fresh_for(answer)), BACK_OFF_AT_MOST)


def after_failures(failures: int, asked_for_s: float | None) -> timedelta:
    """How long to wait after so many failures in a row; `asked_for_s` is what the host asked for, if it did."""
    pause = min(EVERY * (1 << min(failures, 10)), BACK_OFF_AT_MOST)
    if asked_for_s is None:
        return pause
    return min(max(pause, timedelta(seconds=asked_for_s)), BACK_OFF_AT_MOST)


def wait_asked_for(retry_after: str, now: datetime) -> float | None:
    """Seconds of a Retry-After, which is a number or a date (RFC 9110 §10.2.3); None when it is neither."""
    if retry_after.isdecimal():
        return float(retry_after[:9])
    try:
        until = parsedate_to_datetime(retry_after)
        return max(0.0, (until.astimezone(UTC) - now).total_seconds())
    except (ValueError, OverflowError):
        return None


def fresh_for(answer: Answer) -> timedelta:
    """Cache-Control's max-age (RFC 9111 §5.2.2.1); zero when there is none."""
    for directive in ",".join(answer.headers.getall("Cache-Control", ())).split(","):
        name, _, seconds = directive.strip().lower().partition("=")
        if name == "max-age" and seconds.isdecimal():
            return timedelta(seconds=int(seconds[:9]))
    return timedelta(0)
