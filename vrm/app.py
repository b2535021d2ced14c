"""Settings → the web application, wired."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask
from flask_bootstrap import Bootstrap5  # type: ignore[import-untyped] # It ships no types.

from vrm.config import Settings
from vrm.kernel.accounts import Passwords
from vrm.kernel.clock import Clock, utc_now
from vrm.kernel.db import Store
from vrm.web import (
    access,
    account,
    admin,
    answer,
    answering_times,
    api,
    audits,
    blogs,
    board,
    browse,
    canaries,
    channels,
    colleagues,
    desk,
    door,
    errors,
    feeds,
    figures,
    health,
    home,
    hubs,
    importing,
    keeping,
    languages,
    listening,
    lost,
    me,
    moderation,
    mydata,
    people,
    privacy,
    reporting,
    research,
    security,
    signing_in,
    spoken,
    subscriptions,
    templates,
    timing,
    trees,
    vendor,
    visitors,
    want,
    words,
)
from vrm.web.desk import Desk
from vrm.wiring import works_of

_Function = TypeVar("_Function", bound=Callable[..., Any])

ROOMS = (
    home,
    health,
    door,
    browse,
    want,
    me,
    board,
    blogs,
    hubs,
    importing,
    listening,
    account,
    signing_in,
    mydata,
    privacy,
    vendor,
    subscriptions,
    channels,
    timing,
    answering_times,
    lost,
    feeds,
    colleagues,
    templates,
    answer,
    admin,
    audits,
    keeping,
    people,
    moderation,
    canaries,
    reporting,
    trees,
    figures,
    research,
)


class _App(Flask):
    """Flask, with plain functions only: it looks seven times in each request whether one is a coroutine."""

    def ensure_sync(self, func: _Function) -> _Function:
        """As it is."""
        return func


def create_app(
    settings: Settings, *, store: Store | None = None, clock: Clock = utc_now, passwords: Passwords | None = None
) -> Flask:
    """The desk over `store` (opened from the settings when it is not given), at the time that `clock` shows."""
    app = _App("vrm")
    app.config["BOOTSTRAP_SERVE_LOCAL"] = True
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    desk.install(app, desk_of(settings, store=store, clock=clock, passwords=passwords))
    security.install(app, settings)
    visitors.install(app)
    words.install(app, {"timezone_selector": visitors.zone_name, "locale_selector": languages.language})
    languages.install(app)
    spoken.install(app)
    app.jinja_env.globals["by_invitation"] = lambda: settings.invite_only
    Bootstrap5(app)
    errors.install(app)
    app.register_blueprint(api.blueprint)
    for room in ROOMS:
        app.register_blueprint(room.blueprint)
    access.install(app)
    return app


def desk_of(
    settings: Settings, *, store: Store | None = None, clock: Clock = utc_now, passwords: Passwords | None = None
) -> Desk:
    """What every view may need, as `create_app` says."""
    works = works_of(settings, store=store, clock=clock)
    return Desk(
        settings=settings,
        store=works.store,
        clock=works.clock,
        passwords=passwords or Passwords(),
        post=works.post,
        reader=works.reader,
    )
