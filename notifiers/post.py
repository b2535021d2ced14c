"""What carries a message out of the house: the mail route, the guarded way out, our own address and key."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vrm.kernel.outbound import Outbound
from vrm.kernel.signing import Signer


class MailRoute(Protocol):
    """The relay that takes our mail."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def secure(self) -> bool:
        """TLS from the first byte; otherwise STARTTLS where it is offered."""

    @property
    def user(self) -> str | None: ...
    @property
    def password(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Dkim:
    """What signs our mail (RFC 6376), when the relay does not."""

    selector: str
    key: bytes  # PEM.


@dataclass(frozen=True, slots=True)
class Post:
    """One per process, made from the settings by the edge."""

    base_url: str  # Without a slash at its end.
    signer: Signer
    outbound: Outbound
    mail: MailRoute | None  # None: mails become files in `outbox`.
    mail_from: str
    outbox: Path
    takes_mail: bool = False  # Replies and bounces are read, so that messages may ask for them.
    dkim: Dkim | None = None

    @property
    def mail_domain(self) -> str:
        """The right half of our Message-IDs."""
        return self.mail_from.rpartition("@")[2]
