"""Settings: the environment, read once and strictly, into one frozen object. `SETTINGS` documents each."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from notifiers.post import Dkim
from vrm.kernel import text
from vrm.kernel.errors import BadInput, BadSetting
from vrm.settings import MEANINGS

# Also those that are set for other processes than an operator's.
SETTINGS: Mapping[str, str] = {
    **MEANINGS,
    "VRM_SERVE_PID": "Set by `vrm serve` for its two processes, which end with it.",
    "VRM_TEST_POSTGRES_URL": "For tests only: a PostgreSQL in which databases may be made.",
    "VRM_REQUIRE": "For tests only: postgres,browser makes a missing one a failure instead of a skip.",
}

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class MailRelay:
    """How mail leaves. `secure` is TLS from the first byte; otherwise STARTTLS is used where it is offered."""

    host: str
    port: int
    secure: bool
    user: str | None
    password: str | None


@dataclass(frozen=True, slots=True)
class MailInlet:
    """Where mail to us is taken. With a certificate, STARTTLS is offered."""

    host: str
    port: int
    lmtp: bool
    certificate: Path | None = None
    key: Path | None = None  # None: it is in the certificate's file.


@dataclass(frozen=True, slots=True)
class MailAccount:
    """A mailbox that is read by IMAP."""

    host: str
    port: int
    secure: bool
    user: str
    password: str
    folder: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the operator decided."""

    database_url: str
    secret_key: str
    base_url: str  # Without a slash at its end.
    port: int
    mail: MailRelay | None  # None: mail is written to `instance`/outbox.
    mail_from: str
    allow_private: tuple[Network, ...]
    log: str
    trusted_proxies: int
    instance: Path  # Where embedded state is kept.
    lexicon: Path | None = None  # Brands and models beside those that come with the broker.
    inlet: MailInlet | None = None
    imap: MailAccount | None = None
    dkim: Dkim | None = None
    keep_attempts: timedelta = timedelta(days=90)
    keep_audits: timedelta = timedelta(days=730)
    keep_changes: timedelta = timedelta(days=365)
    keep_backups: int = 0  # 0: none are made but by hand.
    invite_only: bool = False
    smart: bool = False  # Read by meaning, too, where the model is installed.
    given: frozenset[str] = frozenset()  # Names of what the environment said.
    old_secret_keys: tuple[str, ...] = ()
    tombstones: Path | None = None  # None: beside what else is kept in `instance`.

    @property
    def embedded(self) -> bool:
        """Whether the store is an SQLite file of this machine."""
        return self.database_url.startswith("sqlite")

    @property
    def shelf(self) -> Path:
        """Where snapshots are kept, the public and the restricted ones."""
        return self.instance / "research"

    @property
    def kept(self) -> Path:
        """Where the worker keeps what the live page of responsiveness shows. Never published."""
        return self.instance / "kept"

    @property
    def senses(self) -> Path:
        """Where the senses of categories are kept, with the extra "smart"."""
        return self.instance / "senses.npz"


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from the environment. BadSetting, with the fix, for an unknown or malformed one."""
    unknown = sorted(name for name in environ if name.startswith("VRM_") and name not in SETTINGS)
    if unknown:
        raise BadSetting(f"Unknown setting {', '.join(unknown)}. Known ones are: {', '.join(SETTINGS)}.")
    database_url = environ.get("VRM_DATABASE_URL") or "sqlite:///instance/vrm.db"
    if not database_url.startswith(("sqlite:///", "postgresql://")):
        raise BadSetting("VRM_DATABASE_URL must begin with sqlite:/// or postgresql://.")
    embedded = database_url.startswith("sqlite")
    instance = Path(database_url.removeprefix("sqlite:///")).parent if embedded else Path("instance")
    port = _number(environ, "PORT", default=8000, most=65535)
    base_url = (environ.get("VRM_BASE_URL") or f"http://127.0.0.1:{port}").rstrip("/")
    base = _split(base_url)
    host = base.hostname if base else None
    if base is None or base.scheme not in ("http", "https") or not host or base.query or base.fragment:
        raise BadSetting("VRM_BASE_URL must be a whole address, such as https://wants.example.org.")
    log = environ.get("VRM_LOG") or "info"
    if not re.fullmatch(r"(debug|info|warning|error)(,json)?", log):
        raise BadSetting("VRM_LOG must be debug, info, warning or error, with or without “,json”, as in info,json.")
    return Settings(
        database_url=database_url,
        secret_key=_secret_key(environ, instance if embedded else None),
        base_url=base_url,
        port=port,
        mail=_mail_relay(environ.get("VRM_MAIL_URL")),
        mail_from=_mail_from(environ.get("VRM_MAIL_FROM"), host),
        allow_private=_networks(environ.get("VRM_ALLOW_PRIVATE_TARGETS", "")),
        log=log,
        trusted_proxies=_number(environ, "VRM_TRUSTED_PROXIES", default=0, most=10),
        instance=instance,
        lexicon=_file(environ, "VRM_LEXICON"),
        inlet=_inlet(environ),
        imap=_imap(environ.get("VRM_IMAP_URL")),
        dkim=_dkim(environ.get("VRM_DKIM")),
        tombstones=Path(environ["VRM_TOMBSTONES"]) if environ.get("VRM_TOMBSTONES") else None,
        old_secret_keys=_old_secret_keys(environ, instance if embedded else None),
        keep_attempts=timedelta(days=_number(environ, "VRM_KEEP_ATTEMPTS", default=90, least=30, most=3650)),
        keep_audits=timedelta(days=_number(environ, "VRM_KEEP_AUDITS", default=730, least=90, most=36_500)),
        keep_changes=timedelta(days=_number(environ, "VRM_KEEP_CHANGES", default=365, least=30, most=36_500)),
        keep_backups=_number(environ, "VRM_KEEP_BACKUPS", default=0, most=1000),
        smart=bool(_number(environ, "VRM_SMART", default=1, most=1)),
        invite_only=bool(_number(environ, "VRM_INVITE_ONLY", default=0, most=1)),
        given=frozenset(name for name in SETTINGS if environ.get(name)),
    )


def _file(environ: Mapping[str, str], name: str) -> Path | None:
    path = Path(environ[name]) if environ.get(name) else None
    if path is not None and not path.is_file():
        raise BadSetting(f"{name} names {path}, which is no file.")
    return path


def _number(environ: Mapping[str, str], name: str, *, default: int, most: int, least: int = 0) -> int:
    value = environ.get(name) or str(default)
    if not re.fullmatch(r"\d{1,5}", value, re.ASCII) or not least <= int(value) <= most:
        raise BadSetting(f"{name} must be a whole number between {least} and {most}, not “{value[:20]}”.")
    return int(value)


def _secret_key(environ: Mapping[str, str], keep_in: Path | None) -> str:
    key = environ.get("VRM_SECRET_KEY")
    if key:
        if len(key) < 32:
            raise BadSetting("VRM_SECRET_KEY is too short; `openssl rand -hex 32` makes a good one.")
        return key
    if keep_in is None:
        raise BadSetting("VRM_SECRET_KEY is required with PostgreSQL; `openssl rand -hex 32` makes a good one.")
    file = keep_in / "secret_key"
    if not file.exists():
        keep_in.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Written beside and linked: web and worker may both be first, and must end up with the same one.
        fresh = keep_in / f".secret_key.{secrets.token_hex(4)}"
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_hex(32))
        try:
            file.hardlink_to(fresh)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    kept = file.read_text().strip()
    if len(kept) < 32:
        raise BadSetting(f"{file} is damaged; set VRM_SECRET_KEY, or delete the file (people then sign in again).")
    return kept


def _old_secret_keys(environ: Mapping[str, str], kept_in: Path | None) -> tuple[str, ...]:
    said = environ.get("VRM_OLD_SECRET_KEYS", "").split(",")
    file = kept_in / "old_secret_keys" if kept_in is not None else None
    if file is not None and file.is_file():
        said += file.read_text().split()
    return tuple(dict.fromkeys(key.strip() for key in said if key.strip()))


def _mail_relay(url: str | None) -> MailRelay | None:
    if not url:
        return None
    parts = _split(url)
    if parts is None or parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise BadSetting(
            "VRM_MAIL_URL must look like smtp://user:password@mail.example.org:587, its port a number below 65536 "
            "and an @, : or / within user or password written as %40, %3A or %2F."
        )
    secure = parts.scheme == "smtps"
    return MailRelay(
        host=parts.hostname,
        port=parts.port or (465 if secure else 587),
        secure=secure,
        user=unquote(parts.username) if parts.username is not None else None,
        password=unquote(parts.password) if parts.password is not None else None,
    )


def _inlet(environ: Mapping[str, str]) -> MailInlet | None:
    url = environ.get("VRM_INLET")
    certificate, key = _file(environ, "VRM_INLET_CERTIFICATE"), _file(environ, "VRM_INLET_KEY")
    if key is not None and certificate is None:
        raise BadSetting("VRM_INLET_KEY is of use only with VRM_INLET_CERTIFICATE.")
    if not url:
        return None
    parts = _split(url)
    if parts is None or parts.scheme not in ("lmtp", "smtp") or not parts.hostname or not parts.port:
        raise BadSetting("VRM_INLET must look like lmtp://127.0.0.1:8024 or smtp://0.0.0.0:2525.")
    return MailInlet(parts.hostname, parts.port, parts.scheme == "lmtp", certificate, key)


def _imap(url: str | None) -> MailAccount | None:
    if not url:
        return None
    parts = _split(url)
    if parts is None or parts.scheme not in ("imap", "imaps") or not parts.hostname or not parts.username:
        raise BadSetting(
            "VRM_IMAP_URL must look like imaps://user:password@mail.example.org/INBOX, with an @, : or / within user "
            "or password written as %40, %3A or %2F."
        )
    secure = parts.scheme == "imaps"
    return MailAccount(
        host=parts.hostname,
        port=parts.port or (993 if secure else 143),
        secure=secure,
        user=unquote(parts.username),
        password=unquote(parts.password or ""),
        folder=unquote(parts.path.strip("/")) or "INBOX",
    )


def _dkim(value: str | None) -> Dkim | None:
    if not value:
        return None
    selector, _, file = value.partition(":")
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?", selector) or not file:
        raise BadSetting("VRM_DKIM must look like 2026a:/etc/vrm/dkim.pem, a selector and the file of its private key.")
    try:
        key = Path(file).read_bytes()
    except OSError as error:
        raise BadSetting(f"VRM_DKIM: the key in {file} cannot be read ({error.strerror}).") from error
    if b"PRIVATE KEY" not in key:
        raise BadSetting(f"VRM_DKIM: {file} holds no private key in PEM; `openssl genrsa 2048` makes one.")
    return Dkim(selector, key)


def _split(url: str) -> SplitResult | None:
    """The parts of an address, or None when it has a bad host or port."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # Read for its ValueError.
    except ValueError:
        return None
    return parts


def _mail_from(address: str | None, host: str) -> str:
    if not address:
        return f"vrm@{host}" if "." in host and not host.replace(".", "").isdigit() else "vrm@localhost.localdomain"
    try:
        return text.mail_address(address)
    except BadInput as error:
        raise BadSetting("VRM_MAIL_FROM must be a plain mail address, such as wants@example.org.") from error


def _networks(cidrs: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(cidr.strip()) for cidr in cidrs.split(",") if cidr.strip())
    except ValueError as error:
        raise BadSetting(f"VRM_ALLOW_PRIVATE_TARGETS: {error}. Write CIDRs such as 10.0.0.0/8.") from error
