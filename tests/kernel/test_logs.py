"""Lines for people and for programs, with what each is about."""

import json
import logging

import pytest

from vrm.kernel import logs


@pytest.fixture(autouse=True)
def _as_before() -> object:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    logs.begin()
    yield
    root.handlers[:] = before
    root.setLevel(level)
    logs.begin()


def test_a_line_carries_what_it_is_about(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("info")
    logs.set_up("info")  # Twice is once.
    with logs.about(request="r1"), logs.about(lead="7:9"):
        logging.getLogger("vrm.x").info("sent %d", 3, extra={"status": 204})
    logging.getLogger("vrm.x").info("alone")
    logging.getLogger("vrm.x").debug("too quiet")
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("INFO vrm.x: sent 3 request=r1 lead=7:9 status=204")
    assert second.endswith("INFO vrm.x: alone")


def test_json_is_one_object_a_line_even_with_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("warning,json")
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("vrm.x").exception("broken", extra={"lead": "7:9"})
    (line,) = capsys.readouterr().err.splitlines()
    found = json.loads(line)
    assert (found["level"], found["logger"], found["message"], found["lead"]) == ("error", "vrm.x", "broken", "7:9")
    assert "two\nlines" in found["error"]


@pytest.mark.parametrize("given", [None, "short", "with space 12", "x" * 65, "line\nbreak12"])
def test_only_a_plain_id_is_taken_over_from_a_proxy(given: str | None) -> None:
    assert logs.request_id(given) != given
    assert logs.request_id("abc-123.def_4") == "abc-123.def_4"
