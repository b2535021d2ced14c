"""Settings → the objects that every edge needs, made in one place for web, worker and terminal."""

from intents.feed import FeedReader
from notifiers.inlet import Inlet, Listener, Poller, Taker
from notifiers.post import Post
from vrm import backups
from vrm.config import Settings
from vrm.kernel import sealed
from vrm.kernel.clock import Clock, utc_now
from vrm.kernel.db import Store
from vrm.kernel.outbound import Outbound
from vrm.kernel.sealing import Sealer
from vrm.kernel.signing import Signer
from vrm.kernel.tombstones import Tombstones
from vrm.worker.steps import Works


def sealer_of(settings: Settings) -> Sealer:
    """What seals secrets at rest."""
    return Sealer(settings.secret_key, settings.old_secret_keys)


def tombstones_of(settings: Settings) -> Tombstones:
    """Where it is written down who was erased."""
    file = settings.tombstones or settings.instance / "tombstones"
    return Tombstones(file, settings.secret_key, settings.old_secret_keys)


def store_of(settings: Settings, url: str | None = None) -> Store:
    """The store that the settings name, or the one at `url`, with what seals its secrets."""
    store = Store.open(url or settings.database_url)
    sealed.use(store.engine, sealer_of(settings))
    return store


def post_of(settings: Settings) -> Post:
    """How messages are written, signed and sent."""
    return Post(
        base_url=settings.base_url,
        signer=Signer(settings.secret_key, settings.old_secret_keys),
        outbound=Outbound(settings.allow_private),
        mail=settings.mail,
        mail_from=settings.mail_from,
        outbox=settings.instance / "outbox",
        takes_mail=settings.inlet is not None or settings.imap is not None,
        dkim=settings.dkim,
    )


def inlets_of(settings: Settings, works: Works) -> list[Inlet]:
    """What takes mail that is sent to us, not started yet."""
    taker = Taker(works.store, works.post, works.clock)
    inlets: list[Inlet] = []
    if settings.inlet is not None:
        inlets.append(Listener(taker, settings.inlet))
    if settings.imap is not None:
        inlets.append(Poller(taker, settings.imap))
    return inlets


def works_of(settings: Settings, *, store: Store | None = None, clock: Clock = utc_now) -> Works:
    """What the background steps need, over `store` or the one that the settings name."""
    if store is None:
        store = store_of(settings)
    else:
        sealed.use(store.engine, sealer_of(settings))
    return Works(
        store,
        post_of(settings),
        FeedReader(),
        clock,
        settings.keep_attempts,
        settings.keep_audits,
        settings.keep_changes,
        back_up=backups.Daily(settings),
        kept=settings.kept,
    )
