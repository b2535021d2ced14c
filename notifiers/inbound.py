"""One mail that came in → what it is: a reply with its own words only, an answering machine's, or a bounce."""

import codecs
import re
import subprocess
import sys
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.utils import parseaddr

from flufl.bounce import all_failures

from intents.plain import plain_text
from vrm.kernel.errors import BadInput

_AT_MOST = 8_000  # Characters of a reply, as of any message.
_LOOKED_AT = 100_000
_READ_AT_MOST = 1_000_000  # Bytes.
# The standard library takes the square of the length of these fields, and a level of its stack for each nested part.
_LONG_FIELD = re.compile(
    rb"^(?:content-[a-z-]+|from|subject|auto-submitted|precedence)[ \t]*:(?:[^\r\n]|\r?\n[ \t]){2000}",
    re.IGNORECASE | re.MULTILINE,
)
_PARTS = re.compile(rb"^content-type[ \t]*:\s*(?:multipart|message)/", re.IGNORECASE | re.MULTILINE)
_PARTS_AT_MOST = 50
_LINES_AT_MOST = 1_000  # That may begin a part.
_ODD = "This mail is built in a way that we cannot read; please send plain words."
# The library takes the cube of the length of some texts: it has a process and three seconds of the processor.
_WITHIN_S = 30
_PARSER = """
import resource, sys
from mailparser_reply import EmailReplyParser
resource.setrlimit(resource.RLIMIT_CPU, (3, 3))
replies = EmailReplyParser(["en", "de", "fr", "es", "it", "nl", "pl"]).read(sys.stdin.buffer.read().decode()).replies
sys.stdout.buffer.write(str(replies[0].body or "").encode() if replies else b"")
"""
_QUOTED = re.compile(r"^[^\S\n]*+>.*$", re.MULTILINE)
# RFC 3834 says how answering machines mark themselves; these do it in ways of their own.
_ROBOT_HEADERS = ("X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Reply-From")
_ROBOT_PRECEDENCE = frozenset({"bulk", "junk", "list", "auto_reply"})
_ROBOT_SUBJECT = re.compile(
    r"\s*(auto(matic)?[ -]?(reply|response)|out of (the )?office|automatische antwort|abwesenheit(snotiz)?|"
    r"réponse automatique|respuesta automática)\b",
    re.IGNORECASE,
)
# Of a class-5 status: what says nothing about whether the mailbox is there (RFC 3463: full, too long, content, rules).
_SOFT = re.compile(r"5\.(2\.[23]|3\.\d+|6\.\d+|7\.\d+)")


@dataclass(frozen=True, slots=True)
class Bounce:
    """A message of ours did not arrive. `hard`: nothing will ever arrive at that address."""

    hard: bool
    said: str


@dataclass(frozen=True, slots=True)
class Reply:
    """Words of the one who was written to, without quotations and signature. `auto`: a machine's."""

    body: str
    auto: bool
    called: str  # As their mail program calls them.


@dataclass(frozen=True, slots=True)
class Nothing:
    """Of no consequence, such as "delayed, still trying"."""

    why: str


def read(raw: bytes, sender: str | None) -> Bounce | Reply | Nothing:
    """What a mail is. `sender` is that of the envelope; empty is the null sender, None is not known.

    BadInput for one that is built to be hard to read. Of a large one the beginning is read, which holds the words.
    """
    raw = raw[:_READ_AT_MOST]
    refuse_odd(raw)
    try:
        return _read(raw, sender)
    except (RecursionError, AttributeError, LookupError, TypeError, ValueError, AssertionError) as error:
        raise BadInput({"body": _ODD}) from error  # The library raises any of these on some malformed mail.


def refuse_odd(raw: bytes) -> None:
    """BadInput for a mail on which the library would spend seconds, or all of its stack."""
    raw = raw[:_READ_AT_MOST]
    if _LONG_FIELD.search(raw) or len(_PARTS.findall(raw)) > _PARTS_AT_MOST or raw.count(b"\n--") > _LINES_AT_MOST:
        raise BadInput({"body": _ODD})


def _read(raw: bytes, sender: str | None) -> Bounce | Reply | Nothing:
    mail = message_from_bytes(raw, policy=policy.default)
    status = _delivery_status(raw)
    if status is not None:
        return status
    from_machine = sender == "" or header(mail, "From").lower().startswith(("mailer-daemon", "postmaster"))
    if from_machine or mail.get_content_type() == "multipart/report":
        bounce = _common_bounce(raw)
        if bounce is not None:
            return bounce
    called = parseaddr(header(mail, "From"))[0]
    return Reply(own_words(text_of(mail)), auto=from_machine or is_automatic(mail), called=called)


def is_automatic(mail: EmailMessage) -> bool:
    """Whether an answering machine wrote it (RFC 3834 §5, and what is met in the wild)."""
    submitted = header(mail, "Auto-Submitted").partition(";")[0].strip().lower()
    return (
        submitted not in ("", "no")
        or header(mail, "Precedence").strip().lower() in _ROBOT_PRECEDENCE
        or any(mail.get(name) is not None for name in _ROBOT_HEADERS)
        or _ROBOT_SUBJECT.match(header(mail, "Subject")) is not None
    )


def own_words(text: str) -> str:
    """The newest part of a mail: quotations, their introduction and the signature are dropped.

    BadInput for one in which they are not found within seconds.
    """
    text = "\n".join(line.rstrip() for line in text[:_LOOKED_AT].splitlines())
    asked = re.sub(r"\n{3,}", "\n\n", text).encode("utf-8", "replace")
    try:
        command = [sys.executable, "-I", "-c", _PARSER]
        done = subprocess.run(command, input=asked, capture_output=True, timeout=_WITHIN_S, check=True)  # noqa: S603 - Our own command.
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise BadInput({"body": _ODD}) from error
    body = _QUOTED.sub("", done.stdout.decode())
    return re.sub(r"\n{3,}", "\n\n", body).strip()[:_AT_MOST]


def text_of(mail: EmailMessage) -> str:
    """The text of a mail, from its HTML when there is no plain one."""
    part = mail.get_body(("plain", "html"))
    if part is None:
        return ""
    if _is_punycode(part.get_content_charset("")):
        part.set_param("charset", "utf-8")
    try:
        content = str(part.get_content())
    except (LookupError, ValueError, KeyError):  # A charset that nobody knows.
        payload = part.get_payload(decode=True)
        content = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
    return plain_text(content, most_bytes=_LOOKED_AT) if part.get_content_subtype() == "html" else content


def _is_punycode(charset: str) -> bool:
    """Python takes it for a charset, and the square of the time; no mail is written in it."""
    try:
        return codecs.lookup(charset).name == "punycode"
    except (LookupError, ValueError):
        return False


def header(mail: EmailMessage, name: str) -> str:
    """One header in words; "" when it is not there, or cannot be read."""
    try:
        return str(mail.get(name, ""))
    except (ValueError, IndexError, TypeError, AttributeError, RecursionError):  # As it does on some malformed ones.
        return ""


# --- Bounces --------------------------------------------------------------------------------------


def _delivery_status(raw: bytes) -> Bounce | Nothing | None:
    """What a report says in the machine's part of it (RFC 3464)."""
    for part in message_from_bytes(raw).walk():
        if part.get_content_type() not in ("message/delivery-status", "message/global-delivery-status"):
            continue
        fields = part.get_payload()
        for group in fields if isinstance(fields, list) else []:
            if isinstance(group, Message) and group.get("Action"):
                return _judged(group)
    return None


def _judged(recipient: Message) -> Bounce | Nothing:
    action = str(recipient.get("Action", "")).strip().lower()
    status = str(recipient.get("Status", "")).strip()
    if action != "failed":
        return Nothing(f"a report that it is {action[:40]}")
    said = " ".join(str(recipient.get("Diagnostic-Code", "")).split()) or f"The mail came back with status {status}."
    return Bounce(status.startswith("5.") and _SOFT.match(status) is None, said[:1_000])


def _common_bounce(raw: bytes) -> Bounce | None:
    """What mailbox providers write who do not follow the standard."""
    temporary, permanent = all_failures(message_from_bytes(raw))
    if permanent:
        return Bounce(True, "The mail came back as undeliverable.")
    return Bounce(False, "The mail came back; the mailbox may take mail again later.") if temporary else None
