"""What only a real browser shows: axe over every page, suggestions, passkeys, how short the first time is."""

import re
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import ONE_STORE, Desk, as_person, field, pages
from hands import Mouse, begin_to_listen, sits_down
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import select, update
from world import World

from intents.models import Intent
from vrm.kernel import accounts
from vrm.kernel.clock import utc_now
from vrm.kernel.sessions import BrowserSession

pytestmark = [pytest.mark.slow, ONE_STORE]

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


@pytest.fixture
def now() -> datetime:
    """The world is of today: browsers have a clock of their own."""
    return utc_now()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


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


def test_suggestions_that_come_late_do_not_cover_what_is_done_next(browser: Browser, desk: Desk) -> None:
    page = browser.new_context(base_url=desk.base).new_page()
    held: list[Route] = []
    page.route("**/regions.json*", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks what it calls.
    page.goto("/want")
    field = page.get_by_role("combobox", name="Where")
    with page.expect_request("**/regions.json*"):
        field.press_sequentially("leed")
    page.get_by_role("combobox", name="What kind of thing").focus()
    with page.expect_response("**/regions.json*"):
        held.pop().continue_()
    page.unroute("**/regions.json*")
    page.evaluate("fetch('/regions.json?q=york').then(answer => answer.json())")  # What came before is dealt with.
    expect(page.get_by_role("listbox")).to_be_hidden()


def test_what_was_typed_is_there_after_back_where_no_page_is_kept_until_signing_out(
    browser: Browser, desk: Desk, world: World
) -> None:
    # As in Firefox: a page that must not be stored is fetched again, and nothing is filled in.
    with as_person(browser, desk.app, world.ana, desk.base) as context:
        page = context.new_page()
        page.goto(f"/me/intents/{world.want.code}/vendors/{world.vendor.slug}")
        page.evaluate("for (const form of document.forms) form.autocomplete = 'off'")
        page.locator("textarea[name=body]").fill("Is it still there?")
        page.goto("/me/account")
        page.go_back()
        expect(page.locator("textarea[name=body]")).to_have_value("Is it still there?")
        press(page, "Sign out")
        page.wait_for_url("**/")
        assert page.evaluate("Object.keys(sessionStorage).length") == 0


def test_a_browser_says_by_which_clock_its_person_lives(browser: Browser, desk: Desk) -> None:
    page = browser.new_context(base_url=desk.base, timezone_id="Asia/Tokyo").new_page()
    ana = Mouse(page)
    ana.open("/sign-in")
    ana.write("Your e-mail address", "ana@example.org")
    ana.press("E-mail me a sign-in link")
    ana.sign_in("ana@example.org", desk)
    ana.open("/me/account")
    expect(page.locator("[name=zone]")).to_have_value("Asia/Tokyo")


def violations(page: Page, rules: dict[str, Any]) -> dict[str, list[str]]:
    """What axe, which must be in the page, finds by these rules: by rule, where."""
    # What is not looked at is not computed: selectors of what passed, and style sheets that no rule here reads.
    options = {**rules, "resultTypes": ["violations"], "selectors": False, "elementRef": False, "preload": False}
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


def test_german_words_are_long_and_no_page_is_wider_than_a_telephone(
    browser: Browser, desk: Desk, world: World
) -> None:
    wide = []
    visits = sorted(pages(world), key=lambda visit: visit[1].id if visit[1] else 0)
    for person, theirs in groupby(visits, key=lambda visit: visit[1]):
        small = {"width": 320, "height": 700}
        with as_person(browser, desk.app, person, desk.base, locale="de-DE", viewport=small) as context:
            page = context.new_page()
            for name, _, path in theirs:
                page.goto(path, wait_until="load")
                if (width := page.evaluate("document.documentElement.scrollWidth")) > 320:
                    wide.append(f"{name}: {width}")
    assert not wide


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
    ben, ana = sits_down(browser, "keyboard", desk), sits_down(browser, "keyboard", desk)
    begin_to_listen(ben, desk)
    ana.page.goto("/")
    ana.write("What do you want to buy?", "A used Toyota Yaris in Leeds under £12,000")
    ana.press("Look at it")
    ana.press("Look at it once more")
    ana.write("Your e-mail address", "ana@example.org")
    ana.press("Go on")
    ana.sign_in("ana@example.org", desk)
    ana.press("Publish it and tell 1 vendor")
    with desk.store.read() as session:
        assert session.scalars(select(Intent)).one().state == "open"
    counted = {"customer": ana.steps, "vendor": ben.steps}
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
