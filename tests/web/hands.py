"""Three ways to use a page in a real browser: with a mouse, by keyboard alone, and where no script runs.

A flow is written once, in what somebody does ("write", "press", "follow"), and is walked each way.
"""

import re
from typing import Literal

import pytest
from browsing import Desk
from playwright.sync_api import Browser, Locator, Page, expect

SIGN_IN = r"(http://\S+/sign-in/[\w-]+)"
_STOPS = 150  # Presses of Tab after which a thing counts as out of reach.
_HAS_FOCUS = """(element, group) => element === document.activeElement
  || (group !== "" && document.activeElement.matches(`input[type=radio]${group}`))"""
# Whether the page has just been opened, and this is in what it is about or in its foot.
_IS_FAR = "element => document.activeElement === document.body && !location.hash && !element.closest('header')"
# At most so many presses of Tab lie between the focus and this element; 0 when it lies behind.
_STOPS_BETWEEN = """element => {
  const at = document.activeElement;
  const follows = (one, other) => one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING;
  const stops = "a[href], button, input:not([type=hidden]):not([type=radio]), select, textarea, summary";
  return [...document.querySelectorAll(stops)]
    .filter(one => one.tabIndex >= 0 && one.checkVisibility() && follows(at, one) && follows(one, element)).length;
}"""
# Whether what has the focus is this element, shows that it has it, and is not covered (WCAG 2.4.7, 2.4.11).
_SHOWS_FOCUS = """element => {
  const look = getComputedStyle(element);
  if (look.outlineStyle === "none" || parseFloat(look.outlineWidth) < 2) return "shows no focus";
  const box = element.getBoundingClientRect();
  // Of a tall field its first line: a browser scrolls no further than to where one types.
  const top = document.elementFromPoint(box.x + Math.min(box.width / 2, 40), box.y + Math.min(box.height / 2, 24));
  if (!top || !(element.contains(top) || top.contains(element))) return "is covered or out of view";
  return "";
}"""


class Mouse:
    """Somebody with a mouse; what they do is counted as clicks and fields."""

    script = True

    def __init__(self, page: Page) -> None:
        self.page = page
        self.steps = 0

    # --- What somebody does -----------------------------------------------------------------------

    def open(self, address: str) -> None:
        """Follow a link in a mail, or type an address."""
        self.page.goto(address)
        self.steps += 1

    def write(self, label: str, text: str) -> None:
        self._write(self._field(label), text)
        self.steps += 1

    def press(self, name: str) -> None:
        """A button that leads to a page."""
        self._go(self.page.get_by_role("button", name=name, exact=True).first)

    def follow(self, name: str, within: str = "body") -> None:
        """A link that leads to a page."""
        self._go(self._link(name, within))

    def download(self, name: str) -> bytes:
        """A link that leads to a file: what is in it."""
        target = self._link(name, "body")
        self._reach(target)
        with self.page.expect_download() as coming:
            self._press(target)
        self.steps += 1
        return coming.value.path().read_bytes()

    def jump(self, name: str, within: str = "body") -> None:
        """A link within the page."""
        self._press(self._link(name, within))
        self.steps += 1

    def unfold(self, name: str) -> None:
        """What is folded under these words."""
        self._press(self.page.locator("summary").filter(has_text=name).first)
        self.steps += 1

    def choose(self, label: str, option: str) -> None:
        """One of a list."""
        self._choose(self._field(label), option)
        self.steps += 1

    def tick(self, label: str, within: str = "body") -> None:
        """A box, or one of several."""
        self._tick(self.page.locator(within).get_by_label(label, exact=True).first)
        self.steps += 1

    # --- What somebody sees -----------------------------------------------------------------------

    def sees(self, *texts: str) -> None:
        for text in texts:
            expect(self.page.get_by_role("main")).to_contain_text(text)

    def headed(self, text: str) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_have_text(text)

    def is_told_of_problems(self, *sentences: str) -> None:
        """The summary says them, has the focus, and leads to the field."""
        summary = self.page.locator("#problems")
        expect(summary).to_be_focused()
        for sentence in sentences:
            expect(summary).to_contain_text(sentence)

    def has_focus(self, label: str) -> None:
        expect(self._field(label)).to_be_focused()

    def sign_in(self, address: str, desk: Desk) -> None:
        """By the link in the mail that was just asked for, in this same window."""
        self.open(desk.mail_to(address, SIGN_IN))
        self.press("Sign in")

    # --- How --------------------------------------------------------------------------------------

    def _field(self, label: str) -> Locator:
        """A field, not the list of what is suggested for it, whether it must be filled or not."""
        labelled = self.page.get_by_label(re.compile(rf"^{re.escape(label)}(\s+if you like)?$"))
        return labelled.and_(self.page.locator("input, textarea, select")).first

    def _link(self, name: str, within: str) -> Locator:
        return self.page.locator(within).get_by_role("link", name=name, exact=True).first

    def _go(self, target: Locator) -> None:
        self._reach(target)  # Before it is waited for a page: skipping the head of this one looks like one.
        with self.page.expect_navigation(wait_until="domcontentloaded"):
            self._press(target)
        self.steps += 1

    def _reach(self, target: Locator, *, group: str = "") -> None:
        """A pointer is everywhere."""

    def _write(self, target: Locator, text: str) -> None:
        target.fill(text)

    def _press(self, target: Locator) -> None:
        target.click()

    def _choose(self, target: Locator, option: str) -> None:
        target.select_option(option)

    def _tick(self, target: Locator) -> None:
        target.check()


class NoScript(Mouse):
    """As a mouse, in a browser that runs no script."""

    script = False


class Keyboard(Mouse):
    """Somebody with a keyboard and nothing else: what Tab does not reach, or what shows no focus, is not there."""

    def _reach(self, target: Locator, *, group: str = "") -> None:
        """Tab on until it has the focus, or until one of its group has, such as "[name=glad]"."""
        expect(target).to_be_visible(timeout=30_000)
        if target.evaluate(_IS_FAR):
            self.page.keyboard.press("Tab")  # To the link that skips the head of the page.
            self.page.keyboard.press("Enter")
        for _ in range(target.evaluate(_STOPS_BETWEEN) - 3):  # Not asked after each: where it ends is what counts.
            self.page.keyboard.press("Tab")
        for _ in range(_STOPS):
            if target.evaluate(_HAS_FOCUS, group):
                problem = self.page.locator(":focus").evaluate(_SHOWS_FOCUS)
                assert not problem, f"{target} {problem}."
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{target} cannot be reached by the keyboard.")

    def _write(self, target: Locator, text: str) -> None:
        self._reach(target)
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.press("Delete")
        self.page.keyboard.type(text)

    def _press(self, target: Locator) -> None:
        self._reach(target)
        self.page.keyboard.press("Enter")

    def _choose(self, target: Locator, option: str) -> None:
        self._reach(target)
        self.page.keyboard.type(option)
        chosen = target.evaluate("list => list.selectedOptions[0].textContent.trim()")
        assert chosen == option, f"{chosen} instead of {option}"

    def _tick(self, target: Locator) -> None:
        if target.get_attribute("type") == "radio":
            self._reach(target, group=f"[name={target.get_attribute('name')}]")
            self.page.keyboard.press("Space")
            for _ in range(20):
                if target.is_checked():
                    return
                self.page.keyboard.press("ArrowDown")
        self._reach(target)
        self.page.keyboard.press("Space")
        assert target.is_checked()


Way = Literal["mouse", "keyboard", "no-script"]
WAYS: dict[str, type[Mouse]] = {"mouse": Mouse, "keyboard": Keyboard, "no-script": NoScript}
# Each way once, and both stores: what a store does is not changed by the hand that asks for it.
walked = pytest.mark.parametrize(
    ("way", "store_url"),
    [("mouse", "postgresql"), ("keyboard", "sqlite"), ("no-script", "postgresql")],
    indirect=["store_url"],
)


def sits_down(browser: Browser, way: str, desk: Desk, **options: object) -> Mouse:
    """Somebody new at a browser with nothing in it."""
    hands = WAYS[way]
    context = browser.new_context(
        base_url=desk.base,
        java_script_enabled=hands.script,
        reduced_motion="reduce",  # Nobody waits for the page to glide to what has the focus.
        **options,  # type: ignore[arg-type] # Passed on as given.
    )
    context.set_default_timeout(30_000)  # The first sentence that a process reads takes its time.
    return hands(context.new_page())


def begin_to_listen(ben: Mouse, desk: Desk) -> None:
    """Ben's shop, from the front page to a verified mailbox; what he types survives that he has to sign in."""
    ben.page.goto("/")
    ben.follow("Listen for wants")
    ben.write("The name of your shop or firm", "Leeds Toyota")
    ben.write("What you sell", "Cars, Trucks & Vans")
    ben.write("Where", "Leeds")
    ben.write("Tell us by mail to", "sales@leeds-toyota.example")
    ben.press("Begin to listen")
    # Asked to sign in, by link, in another window; what was typed waits in the first one.
    ben.write("Your e-mail address", "ben@leeds-toyota.example")
    ben.press("E-mail me a sign-in link")
    link = type(ben)(ben.page.context.new_page())
    link.sign_in("ben@leeds-toyota.example", desk)
    link.page.close()
    ben.steps += link.steps
    ben.press("I have signed in, go on")
    ben.press("Send it now")
    ben.write("The code that arrived there", desk.mail_to("sales@leeds-toyota.example", r"\b(\d{6})\b"))
    ben.press("Verify")
    ben.sees("Verified. New wants go there from now on.")
