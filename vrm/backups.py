"""Whole copies of the store, made while it is in use: each is checked before it counts, and the newest are kept."""

import logging
import os
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import make_url

from vrm.config import Settings
from vrm.kernel.errors import NotFound, VrmError, WrongState

DAILY = timedelta(days=1)
_AGAIN = timedelta(hours=1)
_log = logging.getLogger(__name__)
_NAME = re.compile(r"vrm-(\d{8}T\d{6})\.(db|dump)")
_STAMP = "%Y%m%dT%H%M%S"


@dataclass(frozen=True, slots=True)
class Backup:
    """One copy, found whole when it was made."""

    name: str
    made_at: datetime
    size: int


def folder(settings: Settings) -> Path:
    """Where the copies are."""
    return settings.instance / "backups"


def possible(settings: Settings) -> bool:
    """Whether this machine can make one: PostgreSQL needs its client programs."""
    return settings.embedded or (shutil.which("pg_dump") is not None and shutil.which("pg_restore") is not None)


def all_of(settings: Settings) -> list[Backup]:
    """The copies that are kept, the newest first."""
    there = folder(settings)
    found = []
    for path in there.iterdir() if there.is_dir() else ():
        named = _NAME.fullmatch(path.name)
        if named is not None:
            moment = datetime.strptime(named[1], _STAMP).replace(tzinfo=UTC)
            found.append(Backup(path.name, moment, path.stat().st_size))
    return sorted(found, key=lambda one: one.name, reverse=True)


def path_of(settings: Settings, name: str) -> Path:
    """The file of the copy with this name; NotFound for any other name."""
    if all(one.name != name for one in all_of(settings)):
        raise NotFound("There is no such backup; it may have made room for a newer one.")
    return folder(settings) / name


def make(settings: Settings, now: datetime) -> Backup:
    """One more copy. It gets its name when it is found whole, so that half a copy is none. Those beyond
    `settings.keep_backups`, where it says a number, make room, the oldest first. VrmError says why not.
    """
    there = folder(settings)
    name = f"vrm-{now.astimezone(UTC):{_STAMP}}.{'db' if settings.embedded else 'dump'}"
    path, unfinished = there / name, there / f".{name}.{os.getpid()}"
    if path.exists():
        raise WrongState("A backup was made this very second.")
    try:
        there.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished.touch(mode=0o600)
        write(settings, unfinished)
        unfinished.rename(path)
    except OSError as error:
        raise VrmError(f"{there} cannot be written: {error.strerror}.") from error
    finally:
        unfinished.unlink(missing_ok=True)
    if settings.keep_backups:
        for old in all_of(settings)[settings.keep_backups :]:
            (there / old.name).unlink(missing_ok=True)
    return Backup(name, now, path.stat().st_size)


class Daily:
    """Makes one a day, where the operator wants them. One that cannot be made is tried again an hour later."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._not_before: datetime | None = None

    def __call__(self, now: datetime) -> int:
        """Make one when it is due; how many were made."""
        if self._not_before is not None and now < self._not_before:
            return 0
        try:
            return make_if_due(self._settings, now)
        except VrmError as error:
            self._not_before = now + _AGAIN
            _log.error("The daily backup could not be made: %s", error)
            return 0


def make_if_due(settings: Settings, now: datetime) -> int:
    """One a day, where the operator wants them; how many were made. VrmError as `make`."""
    if not settings.keep_backups or not possible(settings):
        return 0
    newest = next(iter(all_of(settings)), None)
    if newest is not None and newest.made_at > now - DAILY:
        return 0
    make(settings, now)
    return 1


def write(settings: Settings, file: Path) -> None:
    """Write a whole copy to `file` and look whether it can be read again. VrmError when it cannot be done."""
    if settings.embedded:
        try:
            with closing(sqlite3.connect(sqlite_path(settings))) as source, closing(sqlite3.connect(file)) as target:
                source.backup(target)
        except sqlite3.Error as error:
            raise VrmError(f"The store could not be copied: {error}. `vrm db check` tells more.") from error
        if not is_whole(file):
            raise VrmError("The copy is damaged, and so may the store be: `vrm db check` tells.")
    else:
        run(["pg_dump", "--format=custom", f"--file={file}", "--dbname={}"], settings.database_url)
        run(["pg_restore", "--list", str(file)])


def is_whole(file: Path) -> bool:
    """Whether the file is a store of ours in SQLite and can be read to its end. To SQLite an empty file is whole."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as copy:
            ours = copy.execute("SELECT count(*) FROM sqlite_master WHERE name = 'accounts'").fetchone()[0]
            return bool(ours and copy.execute("PRAGMA integrity_check").fetchone()[0] == "ok")
    except sqlite3.DatabaseError:
        return False


def sqlite_path(settings: Settings) -> str:
    """The file of the embedded store."""
    return str(make_url(settings.database_url).database)


def run(command: list[str], database_url: str = "") -> None:
    """Run one of PostgreSQL's programs; “{}” in it is the address, without the password, which others could read."""
    if shutil.which(command[0]) is None:
        raise VrmError(f"{command[0]} is not installed; install PostgreSQL's client programs.")
    environment = dict(os.environ)
    if database_url:
        url = make_url(database_url)
        if url.password is not None:
            environment["PGPASSWORD"] = str(url.password)
        shown = url._replace(password=None).render_as_string()
        command = [part.replace("{}", shown) for part in command]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603 - A fixed program.
    if done.returncode:
        raise VrmError(f"{command[0]} failed: {done.stderr.strip()[:500]}")
