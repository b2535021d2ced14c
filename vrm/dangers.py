"""Settings → what is unsafe about them, each with its fix. What is worst stops the start; `vrm doctor` says all."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import exists, make_url, select

from vrm.config import Settings
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import BadSetting
from vrm.kernel.factors import Passkey, Totp

_PLACEHOLDERS = (
    "changeme",
    "change-me",
    "change_me",
    "secret",
    "password",
    "example",
    "default",
    "insecure",
    "0123456",
)
_LETTERS_AT_LEAST = 9  # Different ones; of 32 hexadecimal digits drawn by lot they are practically never fewer.


@dataclass(frozen=True, slots=True)
class Danger:
    """Something that is not safe. `fix` is a sentence; `stops` what nobody may start with."""

    what: str
    fix: str
    stops: bool = False


def is_here(host: str) -> bool:
    """Whether only this machine can reach it."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_public(settings: Settings, host: str = "127.0.0.1") -> bool:
    """Whether others can reach the pages: by their address, or where they listen."""
    return not is_here(urlsplit(settings.base_url).hostname or "") or not is_here(host)


def refuse(settings: Settings, host: str = "127.0.0.1") -> None:
    """BadSetting when a danger stops the start."""
    for danger in dangers(settings, host):
        if danger.stops:
            raise BadSetting(f"Not started, since others can reach this machine’s pages: {danger.fix}")


def dangers(settings: Settings, host: str = "127.0.0.1") -> Iterator[Danger]:
    """Everything that the settings and the files alone show."""
    yield from _of_files(settings)
    if not is_public(settings, host):
        return
    if is_weak(settings.secret_key):
        yield Danger(
            "secret key", "VRM_SECRET_KEY can be guessed; `openssl rand -hex 32` makes a good one.", stops=True
        )
    if not settings.base_url.startswith("https://"):
        yield Danger("address", "Put a proxy with https before it, and write https:// in VRM_BASE_URL.")
    elif not settings.trusted_proxies:
        yield Danger(
            "proxies",
            "Set VRM_TRUSTED_PROXIES=1 for the proxy that speaks https: without it every visitor seems to come from "
            "there, counts as near, and shares one throttle.",
        )
    if settings.allow_private:
        networks = ", ".join(str(network) for network in settings.allow_private)
        yield Danger("outbound", f"Private networks may be reached ({networks}); unset VRM_ALLOW_PRIVATE_TARGETS.")
    if settings.log.startswith("debug"):
        yield Danger("log", "VRM_LOG=debug is for looking closely for an hour; set it back to info.")
    if not settings.embedded and not _is_safe_way(settings.database_url):
        yield Danger("database", "Nothing makes the way to PostgreSQL secret; add ?sslmode=verify-full to its URL.")


def dangers_in(store: Store, settings: Settings) -> Iterator[Danger]:
    """What the store shows."""
    if not is_public(settings):
        return
    proofs = [exists().where(model.account_id == Account.id) for model in (Totp, Passkey)]
    bare = select(Account.email).where(
        Account.is_operator.is_(True), Account.closed_at.is_(None), *[~one for one in proofs]
    )
    with store.read() as session:
        emails = list(session.scalars(bare.where(*[~proof for proof in proofs]).order_by(Account.id).limit(5)))
    if emails:
        yield Danger(
            "operators", f"Let {', '.join(emails)} add a passkey or an app at {settings.base_url}/me/signing-in."
        )


def is_weak(key: str) -> bool:
    """Whether somebody chose the key instead of chance: few letters, a word of examples, or itself over again."""
    low = key.casefold()
    again = low in (low + low)[1:-1]
    return again or len(set(key)) < _LETTERS_AT_LEAST or any(word in low for word in _PLACEHOLDERS)


def _of_files(settings: Settings) -> Iterator[Danger]:
    kept: list[Path] = [settings.instance / "secret_key", settings.instance / "old_secret_keys"]
    if settings.embedded:
        kept.append(Path(str(make_url(settings.database_url).database)))
    for file in kept:
        if file.exists() and file.stat().st_mode & 0o077 and not _is_shut(file.parent):
            yield Danger("files", f"Others on this machine can read {file}; run `chmod 600 {file}`.")


def _is_shut(folder: Path) -> bool:
    return not folder.stat().st_mode & 0o011


def _is_safe_way(url: str) -> bool:
    parsed = make_url(url)
    mode = parsed.query.get("sslmode", "prefer")
    return is_here(parsed.host or "localhost") or mode in ("require", "verify-ca", "verify-full")
