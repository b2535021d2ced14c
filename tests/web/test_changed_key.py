"""The secret key changes: whoever is signed in stays so, and links in mails that were sent lead where they led.

Both as long as the key before is named in VRM_OLD_SECRET_KEYS; without it a browser signs in again, and a link is none.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from visiting import Clock, Visitor
from world import SECRET, World, app_for, settings_for

from notifiers.models import Channel
from vrm.kernel.accounts import Passwords
from vrm.kernel.db import Store

NEW = "n" * 40

Restart = Callable[..., Flask]


@pytest.fixture
def restart(world: World, store: Store, store_url: str, clock: Clock, passwords: Passwords, tmp_path: Path) -> Restart:
    """The web process over the same store, with these keys."""

    def begin(key: str, *old: str) -> Flask:
        settings = replace(settings_for(store_url, tmp_path), secret_key=key, old_secret_keys=old)
        return app_for(settings, store, clock, passwords)

    return begin


def moved(browser: Visitor, app: Flask) -> Visitor:
    """The same browser, with its cookies, before another process."""
    there = Visitor(app)
    there.client._cookies = browser.client._cookies  # A test client has no other way to take its jar along.
    return there


def signed_in(app: Flask) -> Visitor:
    browser = Visitor(app)
    browser.press("/sign-in/password", email="ana@example.org", password="a sentence is fine")
    return browser


def token_in(page: str) -> str:
    return page.rpartition('name="csrf_token" value="')[2].partition('"')[0]


def test_whoever_is_signed_in_stays_so_while_the_old_key_is_named(restart: Restart) -> None:
    browser = moved(signed_in(restart(SECRET)), restart(NEW, SECRET))
    assert "A quiet dishwasher" in browser.get("/me")
    browser.press("/verify")  # Its buttons work too, and the cookie that comes back is signed by the new key.
    assert "A quiet dishwasher" in moved(browser, restart(NEW)).get("/me")


def test_what_was_typed_into_a_page_that_was_open_meanwhile_waits_for_one_more_press(restart: Restart) -> None:
    browser = signed_in(restart(SECRET))
    old = token_in(browser.get("/me/account"))
    there = moved(browser, restart(NEW, SECRET))
    fields = {"name": "Ana Maria", "phone": "", "zone": "UTC", "locale": ""}
    here = {"Sec-Fetch-Site": "same-origin"}
    answer = there.client.post("/me/account", data={**fields, "csrf_token": old}, headers=here)
    assert answer.status_code == 400
    assert 'value="Ana Maria"' in answer.text
    fields["csrf_token"] = token_in(answer.text)
    assert there.client.post("/me/account", data=fields, headers=here).status_code == 303
    assert 'value="Ana Maria"' in there.get("/me/account")


def test_without_the_old_key_a_browser_signs_in_again(restart: Restart) -> None:
    browser = moved(signed_in(restart(SECRET)), restart(NEW))
    assert browser.client.get("/me").location.startswith("/sign-in")
    browser.press("/sign-in/password", email="ana@example.org", password="a sentence is fine")
    browser.get("/me")


def test_links_in_mails_that_were_sent(restart: Restart, world: World, store: Store) -> None:
    both, new = restart(NEW, SECRET), restart(NEW)
    answer = f"/r/{world.links['answer']}"
    for signed in (answer, f"/entries/{world.links['entry']}"):
        Visitor(both).get(signed)
        Visitor(new).get(signed, 410)
    for way in ("verify", "sign-in"):  # Nothing signs these: they are looked up.
        Visitor(new).get(f"/{way}/{world.links[way]}")
    # One click in a mail program: a change of the key is nobody's excuse to go on writing.
    assert Visitor(new).client.post(f"{answer}/unsubscribe").status_code == 410
    with store.read() as session:
        assert session.get_one(Channel, world.mail.id).paused_at is None
    assert Visitor(both).client.post(f"{answer}/unsubscribe").status_code == 200
    with store.read() as session:
        assert session.get_one(Channel, world.mail.id).paused_at is not None
