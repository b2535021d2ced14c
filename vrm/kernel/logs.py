"""Log lines for people, or for programs: each says what it is about, such as a request, a lead, a notification."""

import json
import logging
import random
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

_about: ContextVar[dict[str, Any]] = ContextVar("about", default={})  # noqa: B039 - Never changed, only replaced.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)


@contextmanager
def about(**facts: Any) -> Iterator[None]:
    """Each line that is written inside, by whomever, carries these facts."""
    token = _about.set(_about.get() | facts)
    try:
        yield
    finally:
        _about.reset(token)


def begin(**facts: Any) -> None:
    """As `about`, to this thread's or task's next beginning: for one that does many things, such as answer requests."""
    _about.set(facts)


def request_id(given: str | None) -> str:
    """The id that a proxy gave to a request, when it is one that may stand in a log; otherwise a new one."""
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given
    # To ask the system for chance lets go of the interpreter's lock, and getting that back took a quarter of a request.
    return f"{random.getrandbits(64):016x}"


def set_up(log: str) -> None:
    """Write to standard error as VRM_LOG says: a level, and “,json” for one JSON object a line."""
    level, _, form = log.partition(",")
    root = logging.getLogger()
    root.setLevel(level.upper())
    for handler in [handler for handler in root.handlers if isinstance(handler, _Stderr)]:
        root.removeHandler(handler)
    root.addHandler(_Stderr(_Json() if form == "json" else _Lines()))
    for chatty in ("alembic", "procrastinate"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    given = {name: value for name, value in vars(record).items() if name not in _OWN}
    return _about.get() | given


class _Stderr(logging.StreamHandler[TextIO]):
    """Standard error as it is at each line: a test or a server may put another in its place."""

    def __init__(self, form: logging.Formatter) -> None:
        logging.Handler.__init__(self)
        self.setFormatter(form)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # The library keeps it as an attribute.
        return sys.stderr


class _Lines(logging.Formatter):
    """ "2026-11-21 12:00:00,000 INFO notifiers.deliver: sent lead=ab-cd"."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - The library's name.
        line = super().formatMessage(record)
        facts = " ".join(f"{name}={value}" for name, value in _facts(record).items())
        return f"{line} {facts}" if facts else line


class _Json(logging.Formatter):
    """One object a line: at, level, logger, message, then what it is about."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
