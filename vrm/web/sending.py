"""A message that somebody waits for → sent while they wait, with what came back."""

from notifiers import deliver
from notifiers.models import Attempt, Notification, Verdict
from vrm.web.desk import desk, save


def send_now(notification: Notification) -> Attempt:
    """Commit what this request wrote, and send one message with no transaction open."""
    id_ = notification.id
    save()
    return deliver.send_now(desk().store, desk().post, id_, desk().clock)


def arrived(attempt: Attempt) -> bool:
    """Whether the other side took it."""
    return attempt.verdict is Verdict.DELIVERED
