"""Who was erased, in a file beside the store: a backup from before is told by it whom to forget again.

A line is a keyed digest of the account's number and first moment, and the day. It names nobody, also to whoever has the
file; only with the secret key and a backup that still holds the account can the two be brought together.
"""

import hashlib
import hmac
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from vrm.kernel.accounts import Account


class Tombstones:
    """The file, and the keys by which its digests were made, the present one first."""

    def __init__(self, file: Path, secret_key: str, old: Sequence[str] = ()) -> None:
        self.file = file
        self._keys = (secret_key, *old)

    def add(self, account: Account, now: datetime) -> None:
        """Remember that this account is erased. On the disk before this returns; OSError when it cannot be."""
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        line = f"{_digest(self._keys[0], account)} {now.astimezone(UTC):%Y-%m-%d}\n"
        handle = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, line.encode())  # One short write at the end: of two processes none cuts the other's.
            os.fsync(handle)
        finally:
            os.close(handle)

    def of(self, accounts: Iterable[Account], more: Iterable[Path] = ()) -> list[Account]:
        """Those of the accounts that were erased, by this file or one of `more`."""
        stones = {line.split()[0] for file in (self.file, *more) if file.is_file() for line in _lines(file)}
        if not stones:
            return []
        return [account for account in accounts if any(_digest(key, account) in stones for key in self._keys)]


def _lines(file: Path) -> list[str]:
    return [line for line in file.read_text("ascii", "replace").splitlines() if line.strip()]


def _digest(key: str, account: Account) -> str:
    first = int(account.created_at.timestamp() * 1_000_000)
    return hmac.digest(key.encode(), f"vrm.tombstone\0{account.id}\0{first}".encode(), hashlib.sha256).hex()
