"""What people type, made safe to store: NFC, no control characters, no surrogates, not too long."""

import re
import unicodedata

import idna

from vrm.kernel import lookalike
from vrm.kernel.errors import BadInput

# Controls except tab and newline; lone surrogates, which UTF-8 cannot hold; non-characters.
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_BIDI = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
# What nobody sees, so that two addresses would look the same: joiners, marks of direction, fillers, selectors.
_UNSEEN = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_EMAIL = re.compile(
    r"[^@\s\"(),:;<>\[\\\]\x00-\x1f]{1,64}@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
)


def line(value: str, *, field: str, label: str, most: int, least: int = 1) -> str:
    """One line of text, trimmed, with runs of white space joined; BadInput naming `field` when it does not fit."""
    if _FORBIDDEN.search(value) or _BIDI.search(value):
        raise BadInput({field: f"{label} holds characters that cannot be shown; please type it again."})
    value = " ".join(unicodedata.normalize("NFC", value).split())
    if len(value) < least or (least and not _is_visible(value)):
        raise BadInput({field: f"{label} is missing; please fill it in."})
    if len(value) > most:
        raise BadInput({field: f"{label} has {len(value):,} characters; please use at most {most:,}."})
    return value


def _is_visible(value: str) -> bool:
    # Letters, numbers, punctuation and symbols; zero-width characters alone are an empty line to whoever reads it.
    return any(unicodedata.category(letter)[0] in "LNPS" for letter in value)


def without_controls(value: str) -> str:
    """The same without characters that cannot be shown or stored, for text that is read and not kept as it came."""
    return _BIDI.sub("", _FORBIDDEN.sub("", value))


def prose(value: str, *, field: str, label: str, most: int) -> str:
    """Text of several lines, trimmed; may be empty. BadInput naming `field` when it does not fit."""
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    if _FORBIDDEN.search(value):
        raise BadInput({field: f"{label} holds characters that cannot be shown; please type it again."})
    value = unicodedata.normalize("NFC", value).strip()
    if len(value) > most:
        raise BadInput({field: f"{label} has {len(value):,} characters; please use at most {most:,}."})
    return value


# OWASP, "CSV injection", and ASVS 5.0 §1.2.10; spreadsheets in East Asian settings read the wide letters, too.
BEGIN_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")


def defused(value: object) -> object:
    """A value as it stands in a table: no spreadsheet takes it for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(BEGIN_FORMULAS) else value


def one_spelling(value: str) -> str:
    """What names a mailbox where tries are counted: the address as it is stored, or what was typed if it is none."""
    try:
        return mail_address(value)
    except BadInput:
        return unicodedata.normalize("NFKC", value[:254]).strip().casefold()


def mail_address(value: str, *, field: str = "email") -> str:
    """A mail address in the one form in which it is stored: the domain in lower case and ASCII.

    The local part is folded too: mailboxes that differ only in case are not seen in practice, second
    accounts by accident are. Raises BadInput naming `field`; also for a local part that looks like another one.
    """
    local, at, domain = unicodedata.normalize("NFC", value.strip()).rpartition("@")
    if _FORBIDDEN.search(local) or _UNSEEN.search(local) or len(value) > 1_000:
        at = ""
    try:
        domain = idna.encode(domain, uts46=True).decode("ascii") if at else ""
    except (idna.IDNAError, UnicodeError):
        at = ""
    # Composed once more: J̌ has no sign of its own, ǰ has.
    folded = unicodedata.normalize("NFC", f"{local}@{domain}".lower())
    if not at or len(folded) > 254 or not _EMAIL.fullmatch(folded) or ".." in local or "." in (local[0], local[-1]):
        raise BadInput({field: "This is not a mail address; it should look like ana@example.org."})
    if not local.isascii() and lookalike.is_mixed(local):
        sentence = "A word before the @ has letters of several alphabets, and reads like another address."
        raise BadInput({field: sentence})
    return folded
