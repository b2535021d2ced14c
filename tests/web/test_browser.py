"""The story by hand in a real browser with script off, suggestions with script on, and axe over every page."""

import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes, policy
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import Hands, as_person, chromium, field, free_port, opened, pages, serving
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select, update
from world import World, app_for, make_world, settings_for

from intents.models import Intent
from tests.conftest import missing
from vrm.kernel import accounts
from vrm.kernel.accounts import Passwords
from vrm.kernel.clock import utc_now
from vrm.kernel.db import Store
from vrm.kernel.sessions import BrowserSession
from vrm.wiring import works_of
from vrm.worker.steps import Works, settle

pytestmark = pytest.mark.slow

# Every rule once, on the phone in light; the width changes only what is laid out, the mode only what is coloured.
_EVERY_RULE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
_LAYOUT = {"runOnly": ["color-contrast", "target-size", "scrollable-region-focusable", "link-in-text-block"]}
_COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}
_LOOKS: tuple[tuple[int, Literal["light", "dark"], dict[str, Any]], ...] = (
    (320, "light", _EVERY_RULE),
    (320, "dark", _COLOURS),
    (1280, "dark", _COLOURS),
    (1280, "light", _LAYOUT),
)
_AXE_SCRIPT = Axe().axe_script


@dataclass(frozen=True)
class Desk:
    """A running desk on loopback, its worker, and where its mail goes."""

    app: Flask
    base: str
    store: Store
    works: Works
    outbox: Path

    def mail_to(self, address: str, pattern: str) -> str:
        """What `pattern` finds in the newest mail to this address, after everything owed was done."""
        with ThreadPoolExecutor(1) as elsewhere:  # The browser's own loop runs in this thread.
            elsewhere.submit(settle, self.works).result()
        for path in sorted(self.outbox.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns, reverse=True):
            mail = message_from_bytes(path.read_bytes(), policy=policy.default)
            plain = mail.get_body(("plain",))
            found = re.search(pattern, plain.get_content() if plain else "")
            if mail["To"] == address and found:
                return found[1]
        raise AssertionError(f"No mail to {address} has {pattern}.")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        missing("browser", "There is no Chromium here.")
        return
    with opened(path) as browser:
        yield browser


@pytest.fixture
def desk(sqlite_template: Path, tmp_path: Path, passwords: Passwords) -> Iterator[Desk]:
    shutil.copy(sqlite_template, tmp_path / "vrm.db")
    port = free_port()
    settings = settings_for(f"sqlite:///{tmp_path / 'vrm.db'}", tmp_path, base_url=f"http://127.0.0.1:{port}")
    store = Store.open(settings.database_url)
    app = app_for(settings, store, utc_now, passwords)
    with serving(app, port) as base:
        yield Desk(app, base, store, works_of(settings, store=store), tmp_path / "outbox")
    store.close()


def window(browser: Browser, desk: Desk) -> Page:
    """A browser without script."""
    context = browser.new_context(base_url=desk.base, java_script_enabled=False)
    context.set_default_timeout(8_000)
    return context.new_page()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def begin_to_listen(ben: Page, desk: Desk) -> None:
    """Ben's shop, from the front page to a verified mailbox; what he types survives that he has to sign in."""
    ben.goto("/")
    ben.get_by_role("link", name="Listen for wants").click()
    ben.get_by_label("The name of your shop or firm").fill("Leeds Toyota")
    ben.get_by_label("What you sell").fill("used carz")
    ben.get_by_label("Where").fill("Leeds")
    ben.get_by_label("Tell us by mail to").fill("sales@leeds-toyota.example")
    press(ben, "Begin to listen")
    # Asked to sign in, by link, in another window; what was typed waits in the first one.
    ben.locator("#f-email").fill("ben@leeds-toyota.example")
    press(ben, "E-mail me a sign-in link")
    link = ben.context.new_page()
    link.goto(desk.mail_to("ben@leeds-toyota.example", r"(http://\S+/sign-in/[\w-]+)"))
    press(link, "Sign in")
    link.close()
    press(ben, "I have signed in, go on")
    press(ben, "Send it now")
    # The category was misspelt: the desk asks which one was meant.
    ben.get_by_label("Cars, Trucks & Vans").first.check()
    press(ben, "Begin to listen")
    ben.get_by_label("The code that arrived there").fill(desk.mail_to("sales@leeds-toyota.example", r"\b(\d{6})\b"))
    press(ben, "Verify")
    expect(ben.get_by_text("Verified. New wants go there from now on.")).to_be_visible()


def publish(ana: Page, desk: Desk) -> None:
    """Ana's want, from the front page to the board."""
    ana.goto("/")
    ana.get_by_label("What do you want to buy?").fill("A used Toyota Yaris")
    press(ana, "Look at it")
    ana.get_by_label("What kind of thing").fill("Cars, Trucks & Vans")
    ana.get_by_label("Where").fill("Leeds")
    ana.get_by_label("Budget up to").fill("-5")
    ana.get_by_label("Currency").select_option("GBP")
    press(ana, "Look at it once more")
    expect(ana.get_by_role("alert")).to_contain_text("is not an amount")
    assert ana.get_by_label("In one line").input_value() == "A used Toyota Yaris"
    ana.get_by_label("Budget up to").fill("12,000")
    press(ana, "Look at it once more")
    ana.get_by_label("Your e-mail address").fill("ana@example.org")
    press(ana, "Go on")
    ana.goto(desk.mail_to("ana@example.org", r"(http://\S+/sign-in/[\w-]+)"))
    press(ana, "Sign in")
    expect(ana.get_by_role("heading", level=1)).to_have_text("A used Toyota Yaris")
    press(ana, "Publish it and tell 1 vendor")


def test_the_story_by_hand_without_script(browser: Browser, desk: Desk) -> None:
    ben, ana, answer = (window(browser, desk) for _ in range(3))
    begin_to_listen(ben, desk)
    publish(ana, desk)
    answer.goto(desk.mail_to("sales@leeds-toyota.example", r"(http://\S+/r/[\w~-]+)"))
    answer.get_by_text("Make an offer").click()
    answer.get_by_label("Price").fill("11495")
    answer.get_by_label("What you offer").fill("A 2023 Yaris, one owner.")
    press(answer, "Send the offer to the customer")
    expect(answer.get_by_text("Sent.")).to_be_visible()

    ana.reload()
    expect(ana.get_by_role("main")).to_contain_text("£11,495")
    ana.get_by_role("link", name="Leeds Toyota").first.click()
    ana.get_by_label("Write to Leeds Toyota").fill("Does it have winter tyres?")
    press(ana, "Send to Leeds Toyota")
    press(ana, "Show my contact details to Leeds Toyota")
    answer.reload()
    expect(answer.get_by_text("ana@example.org")).to_be_visible()
    expect(answer.get_by_text("Does it have winter tyres?")).to_be_visible()

    ben.goto("/vendor")
    ben.get_by_role("link", name="A used Toyota Yaris").click()
    expect(ben.get_by_text("ana@example.org")).to_be_visible()

    ana.get_by_role("link", name="A used Toyota Yaris").click()
    ana.get_by_label("I have bought it from").select_option("Leeds Toyota")
    press(ana, "Close it as bought and tell 1 vendor")
    expect(ana.get_by_text("bought from Leeds Toyota")).to_be_visible()
    answer.reload()
    expect(answer.get_by_text("This want is over")).to_be_visible()


def test_names_are_suggested_while_typing(browser: Browser, desk: Desk) -> None:
    page = browser.new_context(base_url=desk.base).new_page()
    page.goto("/want")
    field = page.get_by_role("combobox", name="Where")
    field.press_sequentially("leed")
    options = page.get_by_role("option")
    expect(options.first).to_contain_text("Leeds")
    field.press("ArrowDown")
    field.press("Enter")
    expect(field).to_have_value("Leeds")
    assert page.locator("input[name=region_slug]").input_value() == "gb-lds"
    expect(page.get_by_role("listbox")).to_be_hidden()


@pytest.fixture
def world(desk: Desk, passwords: Passwords) -> World:
    return make_world(desk.store, utc_now(), passwords, desk.outbox.parent)


def violations(page: Page, rules: dict[str, Any]) -> dict[str, list[str]]:
    """What axe, which must be in the page, finds by these rules: by rule, where."""
    options = {**rules, "resultTypes": ["violations"]}
    found = page.evaluate("options => axe.run(options).then(results => results.violations)", options)
    return {one["id"]: [node["html"][:120] for node in one["nodes"][:3]] for one in found}


def test_axe_would_find_something(browser: Browser, desk: Desk) -> None:
    page = browser.new_context(base_url=desk.base, bypass_csp=True).new_page()
    page.goto("/sign-in")
    page.add_style_tag(content="h1 { color: #ccc }")
    page.evaluate("document.querySelector('label').remove()")
    page.evaluate(_AXE_SCRIPT)
    assert set(violations(page, _EVERY_RULE)) >= {"label", "color-contrast"}
    assert set(violations(page, _COLOURS)) == set(violations(page, _LAYOUT)) == {"color-contrast"}


def test_a_passkey_is_made_signs_in_and_proves_it_once_more(browser: Browser, desk: Desk) -> None:
    now = utc_now()
    with desk.store.write() as session:
        ana = accounts.ensure(session, "ana@example.org", now)
        ana.verified_at = now
    base = desk.base.replace("127.0.0.1", "localhost")  # A browser makes passkeys for names only.
    with as_person(browser, desk.app, ana, base) as context:
        page = context.new_page()
        device = context.new_cdp_session(page)
        device.send("WebAuthn.enable")
        abilities = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
        options = {**abilities, "isUserVerified": True, "automaticPresenceSimulation": True}
        device.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        page.goto("/me/signing-in")
        page.get_by_label("What is this device called?").fill("My telephone")
        press(page, "Add a passkey")
        expect(page.get_by_text("From now on this device signs you in.")).to_be_visible()
        press(page, "Sign out")
        page.goto("/sign-in?next=/me/account")
        press(page, "Use a passkey")
        expect(page.get_by_role("heading", name="Your account")).to_be_visible()
        with desk.store.write() as session:
            session.execute(update(BrowserSession).values(proved_at=now - timedelta(hours=1)))
        page.get_by_label("What is it for?").fill("My script")
        press(page, "Make the token and show it once")
        press(page, "Use my passkey")
        press(page, "Send it now")
        expect(page.get_by_text("Copy it now; it is not shown again.")).to_be_visible()


def test_axe_finds_nothing_on_any_page(browser: Browser, desk: Desk, world: World) -> None:
    # One window for each person, one visit for each page: widths and modes change without loading it again.
    found = []
    visits = sorted(pages(world), key=lambda visit: visit[1].id if visit[1] else 0)
    for person, theirs in groupby(visits, key=lambda visit: visit[1]):
        with as_person(browser, desk.app, person, desk.base) as context:
            context.add_init_script(_AXE_SCRIPT)
            page = context.new_page()
            for name, _, path in theirs:
                page.goto(path, wait_until="load")
                for width, mode, rules in _LOOKS:
                    page.set_viewport_size({"width": width, "height": 800})
                    page.emulate_media(color_scheme=mode)
                    wide = page.evaluate("document.documentElement.scrollWidth")
                    if wide > width:
                        found.append(f"{name} at {width}: {wide} wide")
                    found += [f"{name} at {width}, {mode}: {rule}" for rule in violations(page, rules).items()]
    assert not found, "\n".join(found)


def test_the_first_page_is_light(browser: Browser, desk: Desk) -> None:
    page = browser.new_context(base_url=desk.base).new_page()
    sizes: list[int] = []
    page.on("response", lambda response: sizes.append(response.request.sizes()["responseBodySize"]))
    page.goto("/", wait_until="networkidle")
    assert len(sizes) >= 4
    assert sum(sizes) <= 150_000


def test_on_a_phone_the_places_are_in_a_menu_that_needs_no_script(browser: Browser, desk: Desk) -> None:
    context = browser.new_context(base_url=desk.base, java_script_enabled=False, viewport={"width": 320, "height": 700})
    page = context.new_page()
    page.goto("/")
    places = page.get_by_role("navigation", name="Main")
    expect(places).to_be_hidden()
    page.keyboard.press("Tab")  # The skip link.
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Menu")).to_be_focused()
    page.keyboard.press("Enter")
    expect(places).to_be_visible()
    page.keyboard.press("Tab")
    expect(places.get_by_role("link", name="Say what you want")).to_be_focused()
    page.keyboard.press("Escape")
    expect(places).to_be_hidden()
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(places).to_be_visible()
    expect(page.get_by_role("button", name="Menu")).to_be_hidden()
    context.close()


def test_the_first_time_is_short_and_goes_by_the_keyboard_alone(browser: Browser, desk: Desk) -> None:
    sign_in = r"(http://\S+/sign-in/[\w-]+)"
    ben, ana = (Hands(browser.new_context(base_url=desk.base).new_page()) for _ in range(2))
    ben.page.goto("/")
    ben.press("Listen for wants", "link")
    ben.write("The name of your shop or firm", "Leeds Toyota")
    ben.write("What you sell", "Cars, Trucks & Vans")
    ben.write("Where", "Leeds")
    ben.write("Tell us by mail to", "sales@leeds-toyota.example")
    ben.press("Begin to listen")
    ben.reach(ben.page.locator("#f-email"))
    ben.page.keyboard.type("ben@leeds-toyota.example")
    ben.steps += 1
    ben.press("E-mail me a sign-in link")
    link = Hands(ben.page.context.new_page())
    link.open(desk.mail_to("ben@leeds-toyota.example", sign_in))
    link.press("Sign in")
    link.page.close()
    ben.press("I have signed in, go on")
    ben.press("Send it now")
    ben.write("The code that arrived there", desk.mail_to("sales@leeds-toyota.example", r"\b(\d{6})\b"))
    ben.press("Verify")
    expect(ben.page.get_by_text("Verified. New wants go there from now on.")).to_be_visible()

    ana.page.goto("/")
    ana.write("What do you want to buy?", "A used Toyota Yaris in Leeds under £12,000")
    ana.press("Look at it")
    ana.press("Look at it once more")
    ana.write("Your e-mail address", "ana@example.org")
    ana.press("Go on")
    ana.open(desk.mail_to("ana@example.org", sign_in))
    ana.press("Sign in")
    ana.press("Publish it and tell 1 vendor")
    with desk.store.read() as session:
        assert session.scalars(select(Intent)).one().state == "open"
    counted = {"customer": ana.steps, "vendor": ben.steps + link.steps}
    print(f"Clicks and fields the first time: {counted}")
    assert counted["customer"] <= 12
    assert counted["vendor"] <= 15


def test_words_that_are_hard_to_show_and_a_hand_that_is_too_quick(browser: Browser, desk: Desk, world: World) -> None:
    with as_person(browser, desk.app, world.ana, desk.base) as context:
        page = context.new_page()
        page.set_viewport_size({"width": 320, "height": 800})
        page.goto("/want?manual=1")
        for bad, said in (("x" * 8_000, "200"), ("a\u202eb", "")):
            page.get_by_label("In one line").evaluate("(field, text) => { field.value = text }", bad)
            press(page, "Look at it once more")
            summary = page.locator("#problems")
            expect(summary).to_be_focused()
            assert said in summary.inner_text()
            assert page.get_by_label("In one line").input_value() == bad
            assert page.evaluate("document.documentElement.scrollWidth") <= 320
        title = "דרוש 🚲 bicycle for a child"
        page.get_by_label("In one line").fill(title)
        field(page, "What kind of thing").fill("Bicycles")
        field(page, "Where").fill("Leeds")
        page.get_by_role("button", name="Look at it once more").dblclick()
        page.get_by_role("button", name=re.compile("^Publish it")).dblclick()
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        page.go_back()
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        with desk.store.read() as session:
            made = session.scalars(select(Intent).where(Intent.title == title)).all()
        assert [intent.state for intent in made] == ["open"]
