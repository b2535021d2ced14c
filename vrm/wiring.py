"""Settings → the objects that every edge needs, made in one place for web, worker and terminal."""

from intents.feed import FeedReader
from notifiers.post import Post
from vrm.config import Settings
from vrm.kernel.clock import Clock, utc_now
from vrm.kernel.db import Store
from vrm.kernel.outbound import Outbound
from vrm.kernel.signing import Signer
from vrm.worker.steps import Works


def post_of(settings: Settings) -> Post:
    """How messages are written, signed and sent."""
    return Post(
        base_url=settings.base_url,
        signer=Signer(settings.secret_key),
        outbound=Outbound(settings.allow_private),
        mail=settings.mail,
        mail_from=settings.mail_from,
        outbox=settings.instance / "outbox",
    )


def works_of(settings: Settings, *, store: Store | None = None, clock: Clock = utc_now) -> Works:
    """What the background steps need, over `store` or the one that the settings name."""
    return Works(store or Store.open(settings.database_url), post_of(settings), FeedReader(), clock)
