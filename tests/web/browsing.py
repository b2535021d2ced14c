"""A real browser before a real server on loopback, and the list of pages that are looked at."""

import re
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email import message_from_bytes, policy
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from little import fewer_towns
from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright
from visiting import begin_session
from werkzeug.serving import make_server
from world import World, app_for, make_world, settings_for

from vrm.app import desk_of
from vrm.kernel.accounts import Account, Passwords
from vrm.kernel.clock import utc_now
from vrm.kernel.db import Store
from vrm.kernel.loading import load
from vrm.models import Base
from vrm.wiring import works_of
from vrm.worker.steps import Works, settle

# Of a module in which what is looked at is the same over both stores.
ONE_STORE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--force-color-profile=srgb"]


def chromium() -> str | None:
    """Where the browser is."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(app: Flask, port: int) -> Iterator[str]:
    """The address at which the app answers, until the end of the block."""
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class Desk:
    """A running desk on loopback, its worker, and where its mail goes."""

    app: Flask
    base: str
    store: Store
    works: Works
    outbox: Path

    def catch_up(self) -> None:
        """Do everything that is owed, as the worker would."""
        with ThreadPoolExecutor(1) as elsewhere:  # The browser's own loop runs in this thread.
            elsewhere.submit(settle, self.works).result()

    def mail_to(self, address: str, pattern: str) -> str:
        """What `pattern` finds in the newest mail to this address, after everything owed was done."""
        self.catch_up()
        for path in sorted(self.outbox.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns, reverse=True):
            mail = message_from_bytes(path.read_bytes(), policy=policy.default)
            plain = mail.get_body(("plain",))
            found = re.search(pattern, plain.get_content() if plain else "")
            if mail["To"] == address and found:
                return found[1]
        raise AssertionError(f"No mail to {address} has {pattern}.")


@contextmanager
def open_desk(house: Flask, url: str, folder: Path, passwords: Passwords, **settled: Any) -> Iterator[Desk]:
    """The house over the store at this address, until the end of the block; `settled` are more settings."""
    port = free_port()
    settings = replace(settings_for(url, folder, base_url=f"http://127.0.0.1:{port}"), **settled)
    with Store.open(settings.database_url) as store:
        house.extensions["vrm"] = desk_of(settings, store=store, passwords=passwords)
        with serving(house, port) as base:
            yield Desk(house, base, store, works_of(settings, store=store), folder / "outbox")


@contextmanager
def little_town() -> Iterator[tuple[Flask, World, str]]:
    """A broker with one of everything and its address, for those who look at it from outside; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="vrm-town-") as folder:
        place, port = Path(folder), free_port()
        settings = settings_for(f"sqlite:///{place / 'vrm.db'}", place, base_url=f"http://127.0.0.1:{port}")
        with Store.open(settings.database_url) as store:
            Base.metadata.create_all(store.engine)
            with store.write() as session:
                load(session, utc_now(), edition=fewer_towns())
            passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
            world = make_world(store, utc_now(), passwords, place)
            app = app_for(settings, store, utc_now, passwords)
            with serving(app, port) as base:
                yield app, world, base


@contextmanager
def opened(path: str, *, keeps_pages: bool = False) -> Iterator[Browser]:
    """A browser with nothing in it. Playwright's keeps no page whole for Back, unless it is told to."""
    left_out = ["--disable-back-forward-cache"] if keeps_pages else None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGS, ignore_default_args=left_out)
        yield browser
        browser.close()


def cookie(app: Flask, account: Account, base: str) -> Mapping[str, str]:
    """The cookie of a session of this account."""
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined] # Flask's own.
    value = serializer.dumps({"_user_id": begin_session(app, account), "_fresh": True})
    return {"name": "vrm", "value": value, "url": base}


def as_person(browser: Browser, app: Flask, account: Account | None, base: str, **options: object) -> BrowserContext:
    """A window in which this person is signed in."""
    context = browser.new_context(base_url=base, **options)  # type: ignore[arg-type] # Passed on as given.
    if account is not None:
        context.add_cookies([cookie(app, account, base)])  # type: ignore[list-item] # A plain dict will do.
    return context


def pages(world: World) -> list[tuple[str, Account | None, str]]:
    """(name, who looks, path) of every kind of page, full and empty."""
    want, vendor = world.want.code, world.vendor.slug
    return [
        ("home", None, "/"),
        ("want", None, "/want"),
        ("intent", None, f"/intents/{want}"),
        ("intent-closed", None, f"/intents/{world.bought.code}"),
        ("wants", None, "/intents"),
        ("wants-nothing", None, "/intents?category=bicycles&region=fr&q=tandem"),
        ("sign-in", None, "/sign-in"),
        ("sign-in-link", None, f"/sign-in/{world.links['sign-in']}"),
        ("verify", None, f"/verify/{world.links['verify']}"),
        ("not-found", None, "/nothing-here"),
        ("responsiveness", None, "/responsiveness"),
        ("figure", None, "/responsiveness/figures/curve"),
        ("figure-week", None, "/responsiveness/figures/week?clock=business"),
        ("research", None, "/research"),
        ("docs", None, "/docs"),
        ("privacy", None, "/privacy"),
        ("vendor-public", None, f"/vendors/{vendor}"),
        ("sighting", None, f"/sightings/{world.sighting_code}"),
        ("sighting-mine", world.ana, f"/sightings/{world.sighting_code}"),
        ("claiming", world.ana, f"/sightings/{world.sighting_code}/{world.unproven.code}"),
        ("listening", world.ben, f"/vendor/{vendor}/listening"),
        ("proof", None, f"/proof/{world.blog.proof_token}"),
        ("boards", world.ana, "/me"),
        ("boards-empty", world.ben, "/me"),
        ("board", world.ana, f"/me/intents/{want}"),
        ("board-draft", world.ana, f"/me/intents/{world.draft.code}"),
        ("board-nobody", world.ana, f"/me/intents/{world.lonely.code}"),
        ("board-done", world.ana, f"/me/intents/{world.bought.code}"),
        ("edit", world.ana, f"/me/intents/{want}/edit"),
        ("thread", world.ana, f"/me/intents/{want}/vendors/{vendor}"),
        ("blogs", world.ana, "/me/blogs"),
        ("blog", world.ana, f"/me/blogs/{world.blog.code}"),
        ("blog-unproven", world.ana, f"/me/blogs/{world.unproven.code}"),
        ("entry", None, f"/entries/{world.links['entry']}"),
        ("account", world.ana, "/me/account"),
        ("signing-in", world.ana, "/me/signing-in"),
        ("data", world.ana, "/me/data"),
        ("vendor-start", None, "/vendor"),
        ("vendor-several", world.olu, "/vendor"),
        ("inbox", world.ben, f"/vendor/{vendor}"),
        ("inbox-empty", world.carol, f"/vendor/{world.carols.slug}"),
        ("lead", world.ben, f"/vendor/leads/{want}-{world.vendor.code}"),
        ("templates", world.ben, f"/vendor/{vendor}/templates"),
        ("inbox-nothing", world.ben, f"/vendor/{vendor}?only=to-answer&q=harpsichord"),
        ("subscriptions", world.ben, f"/vendor/{vendor}/subscriptions"),
        ("subscription", world.ben, f"/vendor/{vendor}/subscriptions/{world.subscription_code}"),
        ("subscription-new", world.ben, f"/vendor/{vendor}/subscriptions/new"),
        ("import", world.ben, f"/vendor/{vendor}/subscriptions/import"),
        ("channels", world.ben, f"/vendor/{vendor}/channels"),
        ("channel-new", world.ben, f"/vendor/{vendor}/channels/new/telegram"),
        ("channel", world.ben, f"/vendor/{vendor}/channels/{world.mail.code}"),
        ("channel-unverified", world.ben, f"/vendor/{vendor}/channels/{world.hook.code}"),
        ("timing", world.ben, f"/vendor/{vendor}/channels/{world.mail.code}/timing"),
        ("hours", world.ben, f"/vendor/{vendor}/hours"),
        ("lost", world.ben, f"/vendor/{vendor}/lost"),
        ("admin-lost", world.olu, "/admin/lost"),
        ("admin-lost-again", world.olu, "/admin/lost?since=2026-11-20&until=2026-11-21"),
        ("channel-link", None, f"/channels/verify/{world.links['channel']}"),
        ("answers", world.ben, f"/vendor/{vendor}/answers"),
        ("answers-empty", world.carol, f"/vendor/{world.carols.slug}/answers"),
        ("team", world.ben, f"/vendor/{vendor}/team"),
        ("settings", world.ben, f"/vendor/{vendor}/settings"),
        ("answer", None, f"/r/{world.links['answer']}?do=offer"),
        ("answer-decline", None, f"/r/{world.links['answer']}?do=decline"),
        ("admin", world.olu, "/admin"),
        ("moderation", world.olu, "/admin/moderation"),
        ("report", world.olu, f"/admin/moderation/reports/{world.report.id}"),
        ("reporting", None, f"/report/wants/{want}"),
        ("board-held", world.ana, f"/me/intents/{world.held.code}"),
        ("audit", world.olu, "/admin/audit"),
        ("shown-settings", world.olu, "/admin/settings"),
        ("backups", world.olu, "/admin/backups"),
        ("accounts", world.olu, "/admin/accounts"),
        ("marked-wants", world.olu, "/admin/marked-wants"),
        ("marked-wants-form", world.olu, f"/admin/marked-wants?vendor={vendor}"),
        ("accounts-nobody", world.olu, "/admin/accounts?q=zebra"),
        ("trees", world.olu, "/admin/trees"),
        ("trees-found", world.olu, "/admin/trees?q=york"),
        ("tree-node", world.olu, "/admin/trees/categories/cars-trucks-vans"),
        ("tree-group", world.olu, "/admin/trees/regions/eu"),
        ("outbox", world.olu, "/admin/outbox"),
        ("outbox-mail", world.olu, "/admin/outbox/20261121T115900-msg_1.eml"),
    ]


def field(page: Page, label: str) -> Locator:
    """The field, and not the list of what is suggested for it."""
    return page.get_by_label(label, exact=True).and_(page.locator("input"))
