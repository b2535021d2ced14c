"""The settings as an operator may read them: what each means, its value with every secret masked, where it is from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from vrm.config import Settings
from vrm.settings import MEANINGS

MASK = "••••••"


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting. `value` is empty where there is none; `given`: the environment says it, else it is the default."""

    name: str
    meaning: str
    value: str
    given: bool


def settings_shown(settings: Settings) -> list[Shown]:
    """Every setting that an operator may want to know, in the order in which they are documented."""
    return [Shown(name, meaning, _value(settings, name), name in settings.given) for name, meaning in MEANINGS.items()]


def masked(url: str) -> str:
    """An address whose password nobody can read."""
    if url.startswith("sqlite"):
        return url  # A file; it has no password, and its slashes count.
    parts = urlsplit(url)
    _user, at, host = parts.netloc.rpartition("@")
    name, colon, _password = _user.partition(":")
    query = MASK if parts.query else ""  # libpq takes a password there, too.
    return urlunsplit(parts._replace(netloc=f"{name}{colon and ':' + MASK}{at}{host}", query=query))


# Of others only whether they are given is shown: one that comes later is a secret until it is said not to be.
_VALUES: Mapping[str, Callable[[Settings], object]] = {
    "VRM_DATABASE_URL": lambda one: masked(one.database_url),
    "VRM_SECRET_KEY": lambda _one: MASK,
    "VRM_BASE_URL": lambda one: one.base_url,
    "VRM_MAIL_URL": lambda one: (
        f"{'smtps' if one.mail.secure else 'smtp'}://{_login(one.mail.user)}{one.mail.host}:{one.mail.port}"
        if one.mail
        else ""
    ),
    "VRM_MAIL_FROM": lambda one: one.mail_from,
    "VRM_DKIM": lambda one: f"{one.dkim.selector}:{MASK}" if one.dkim else "",
    "VRM_INLET": lambda one: (
        f"{'lmtp' if one.inlet.lmtp else 'smtp'}://{one.inlet.host}:{one.inlet.port}" if one.inlet else ""
    ),
    "VRM_INLET_CERTIFICATE": lambda one: (one.inlet and one.inlet.certificate) or "",
    "VRM_INLET_KEY": lambda one: (one.inlet and one.inlet.key) or "",
    "VRM_IMAP_URL": lambda one: (
        f"{'imaps' if one.imap.secure else 'imap'}://{_login(one.imap.user)}{one.imap.host}:{one.imap.port}"
        f"/{one.imap.folder}"
        if one.imap
        else ""
    ),
    "VRM_KEEP_ATTEMPTS": lambda one: one.keep_attempts.days,
    "VRM_KEEP_AUDITS": lambda one: one.keep_audits.days,
    "VRM_KEEP_CHANGES": lambda one: one.keep_changes.days,
    "VRM_KEEP_BACKUPS": lambda one: one.keep_backups,
    "VRM_INVITE_ONLY": lambda one: "1" if one.invite_only else "0",
    "VRM_ALLOW_PRIVATE_TARGETS": lambda one: ", ".join(map(str, one.allow_private)),
    "VRM_SMART": lambda one: "1" if one.smart else "0",
    "VRM_LEXICON": lambda one: one.lexicon or "",
    "VRM_LOG": lambda one: one.log,
    "VRM_TRUSTED_PROXIES": lambda one: one.trusted_proxies,
}


def _login(user: str | None) -> str:
    return f"{user}:{MASK}@" if user is not None else ""


def _value(settings: Settings, name: str) -> str:
    read = _VALUES.get(name)
    if read is not None:
        return str(read(settings))
    return MASK if name in settings.given else ""
