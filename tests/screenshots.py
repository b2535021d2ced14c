"""A picture of every page, in two widths and two modes, in screenshots/: `python -m tests.screenshots [NAME …]`.

`python -m tests.screenshots --readme` takes the four of the README instead, into docs/images/.
"""

import io
import sys
from pathlib import Path

# As pytest does: the helpers of the tests are found by their own names.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "web")]

from browsing import as_person, chromium, little_town, opened, pages  # noqa: E402 - After the line above.
from flask import Flask  # noqa: E402
from PIL import Image  # noqa: E402
from playwright.sync_api import Browser  # noqa: E402
from world import World  # noqa: E402

OUT = Path("screenshots")
# (name, page, how high, mode): what a stranger should see first.
README = (
    ("want", "want-said", 1150, "light"),
    ("board", "board", 1250, "light"),
    ("inbox", "inbox", 690, "dark"),
    ("responsiveness", "responsiveness", 975, "light"),
)
SIZES = {"phone": (320, 700), "desk": (1280, 900)}


def main(wanted: list[str]) -> int:
    """Take them; 1 when there is no browser."""
    path = chromium()
    if path is None:
        print("There is no Chromium here; install it (apt-get install chromium).")
        return 1
    OUT.mkdir(exist_ok=True)
    with little_town() as (app, world, base), opened(path) as browser:
        if wanted == ["--readme"]:
            _for_the_readme(browser, app, world, base)
            return 0
        for name, person, address in pages(world):
            if wanted and name not in wanted:
                continue
            with as_person(browser, app, person, base) as context:
                page = context.new_page()
                for size, (width, height) in SIZES.items():
                    page.set_viewport_size({"width": width, "height": height})
                    page.goto(address)
                    for mode in ("light", "dark"):
                        page.emulate_media(color_scheme=mode)  # type: ignore[arg-type] # One of its literals.
                        page.screenshot(path=OUT / f"{name}-{size}-{mode}.png", full_page=True)
    print(f"Pictures are in {OUT}/.")
    return 0


def _for_the_readme(browser: Browser, app: Flask, world: World, base: str) -> None:
    """Few colours and no more height than is needed: small files."""
    there = {name: (person, address) for name, person, address in pages(world)}
    there["want-said"] = (None, "/want?said=A+used+Toyota+Yaris+near+Leeds,+under+£12k,+by+June")
    for name, of, height, mode in README:
        person, address = there[of]
        with as_person(browser, app, person, base, locale="en-GB") as context:
            page = context.new_page()
            page.set_default_timeout(60_000)  # The first sentence that is read takes its time.
            page.set_viewport_size({"width": 1280, "height": height})
            page.emulate_media(color_scheme=mode)  # type: ignore[arg-type] # One of its literals.
            page.goto(address)
            picture = Image.open(io.BytesIO(page.screenshot()))
            picture.quantize(64, dither=Image.Dither.NONE).save(f"docs/images/{name}.png", optimize=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
