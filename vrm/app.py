"""Settings → the web application, wired."""

from apiflask import APIFlask
from flask_bootstrap import Bootstrap5  # type: ignore[import-untyped] # It ships no types.

from notifiers.post import Post
from vrm import __version__
from vrm.config import Settings
from vrm.kernel.accounts import Passwords
from vrm.kernel.clock import Clock, utc_now
from vrm.kernel.db import Store
from vrm.kernel.outbound import Outbound
from vrm.kernel.signing import Signer
from vrm.web import account, admin, api, desk, door, errors, health, home, me, security, vendor, visitors, want, words
from vrm.web.desk import Desk

PAGES = (
    home.blueprint,
    health.blueprint,
    door.blueprint,
    want.blueprint,
    me.blueprint,
    account.blueprint,
    vendor.blueprint,
    admin.blueprint,
)


def create_app(
    settings: Settings, *, store: Store | None = None, clock: Clock = utc_now, passwords: Passwords | None = None
) -> APIFlask:
    """The desk over `store` (opened from the settings when it is not given), at the time that `clock` shows."""
    app = APIFlask(
        "vrm",
        title="VRM intent broker",
        version=__version__,
        spec_path="/api/v1/openapi.json",
        docs_path=None,
        json_errors=False,  # Pages answer people; the API's own blueprint answers programs.
    )
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    made = Desk(
        settings=settings,
        store=store or Store.open(settings.database_url),
        clock=clock,
        passwords=passwords or Passwords(),
        post=Post(
            base_url=settings.base_url,
            signer=Signer(settings.secret_key),
            outbound=Outbound(settings.allow_private),
            mail=settings.mail,
            mail_from=settings.mail_from,
            outbox=settings.instance / "outbox",
        ),
    )
    desk.install(app, made)
    security.install(app, settings)
    visitors.install(app)
    words.install(app, {"timezone_selector": visitors.zone_name})
    Bootstrap5(app)
    errors.install(app)
    app.register_blueprint(api.blueprint)
    for blueprint in PAGES:
        app.register_blueprint(blueprint)
    return app
