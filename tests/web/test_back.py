"""Back, in a browser that keeps pages as people's do: nothing typed is lost, and after signing out nothing is shown."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from browsing import ONE_STORE, Desk, as_person, chromium, opened
from playwright.sync_api import Browser, Error, Page
from world import World

from tests.conftest import missing
from vrm.kernel.clock import utc_now

pytestmark = [pytest.mark.slow, ONE_STORE]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One that keeps pages for Back whole, as browsers do unless they are driven."""
    path = chromium()
    if path is None:
        missing("browser", "There is no Chromium here.")
        return
    with opened(path, keeps_pages=True) as browser:
        yield browser


@pytest.fixture
def now() -> datetime:
    """The world is of today: browsers have a clock of their own."""
    return utc_now()


def back(page: Page, *, until: str) -> None:
    """Press Back, and wait for what is asked of the page then; Playwright does not see a page that was kept whole."""
    page.evaluate("setTimeout(() => history.back())")
    page.wait_for_function(until, polling=50)


def test_after_signing_out_back_shows_nothing_that_was_private(browser: Browser, desk: Desk, world: World) -> None:
    with as_person(browser, desk.app, world.ana, desk.base, bypass_csp=True) as context:
        page = context.new_page()
        page.goto("/want?manual=1")
        page.get_by_label("In one line").fill("x" * 300)
        page.get_by_role("button", name="Look at it once more").click()  # An answer to a button, which is kept.
        page.locator("#problems").wait_for()
        page.goto("/me/account")
        page.goto(f"/me/intents/{world.want.code}")
        page.get_by_role("button", name="Sign out").first.click()
        page.wait_for_url("**/")
        for _ in range(2):
            back(page, until="location.pathname === '/sign-in'")
            assert "Yaris" not in page.content()
            assert "ana@example.org" not in page.content()
        with pytest.raises(Error, match="ERR_CACHE_MISS"):  # It would have to be sent again.
            page.go_back()


def test_back_brings_what_was_typed_before_it_was_sent_and_after(browser: Browser, desk: Desk, world: World) -> None:
    typed = "[...document.querySelectorAll('input, textarea')].some(field => field.value === 'Is it still there?')"
    talk = f"/me/intents/{world.want.code}/vendors/{world.vendor.slug}"
    lead = f"/vendor/leads/{world.want.code}-{world.vendor.code}"
    for person, path, field in (
        (world.ana, "/want?manual=1", "input[name=title]"),
        (world.ana, talk, "textarea[name=body]"),
        (world.ben, f"{lead}?do=question", "textarea[name=body]:visible"),
        (None, f"/r/{world.links['answer']}?do=question", "textarea[name=body]:visible"),
    ):
        with as_person(browser, desk.app, person, desk.base, bypass_csp=True) as context:
            page = context.new_page()
            page.goto(path)
            page.locator(field).first.fill("Is it still there?")
            page.goto("/docs")
            back(page, until=typed)
    with as_person(browser, desk.app, world.ana, desk.base, bypass_csp=True) as context:
        page = context.new_page()
        page.goto("/want?manual=1")
        page.get_by_label("In one line").fill("Is it still there?")
        page.get_by_role("button", name="Look at it once more").click()
        page.locator("#problems").wait_for()
        page.goto("/me")
        back(page, until=f"document.querySelector('#problems') && {typed}")
