"""What an operator decided about a want, a report or a vendor → what is said to the person whom it concerns."""

from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from intents.holds import Hold
from notifiers.post import Post
from vendors.models import Vendor
from vendors.reports import Report
from vrm.kernel.accounts import Account
from vrm.kernel.errors import NotFound

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Decision:
    """One letter: its subject, a sentence, the reason that was given (or ""), and where to go on."""

    subject: str
    sentence: str
    why: str
    label: str
    url: str


# Word → subject, sentence. “{what}” is the want or the vendor.
_SAID = {
    "held": (
        "We are holding your want “{what}”",
        "Nobody new hears of it until an operator has looked at it, which should not take long. Why:",
    ),
    "released": ("Your want “{what}” goes on", "An operator has looked at it: it goes on as you meant it."),
    "removed": (
        "We removed your want “{what}”",
        "It broke a rule of this broker. Vendors who were told hear that it is over.",
    ),
    "dismissed": (
        "About your report of “{what}”",
        "An operator has looked at it and found that it may stay.",
    ),
    "acted": ("About your report of “{what}”", "An operator has looked at it and did something about it. Thank you."),
    "suspended": (
        "“{what}” is suspended",
        "It is told of no wants and cannot answer any until this is settled; write to the operator. Why:",
    ),
    "account-suspended": (
        "Your account is suspended",
        "Your wants are held and nothing works until this is settled; write to the operator. What is kept about you"
        " can still be taken along, and erased: sign in for it. Why:",
    ),
    "account-restored": ("Your account is yours again", "You can sign in, and wants that were held go on."),
}


def decision(session: Session, params: dict[str, Any], post: Post) -> Decision:
    """What `params` of a notification name, in words. NotFound when it is gone."""
    word = str(params.get("word", ""))
    subject, sentence = _SAID[word]
    if "hold" in params:
        held = _there(session.get(Hold, int(params["hold"])))
        why = held.why if word == "held" else ""
        url = f"{post.base_url}/me/intents/{held.intent.code}"
        return Decision(subject.format(what=held.intent.title), sentence, why, "Look at it and answer", url)
    if "report" in params:
        report = _there(session.get(Report, int(params["report"])))
        what = report.vendor.name if report.vendor else report.intent.title if report.intent else ""
        return Decision(subject.format(what=what), sentence, "", "Open the broker", post.base_url)
    if "account" in params:
        account = _there(session.get(Account, int(params["account"])))
        why = (account.suspended_because or "") if word == "account-suspended" else ""
        return Decision(subject, sentence, why, "Open the broker", post.base_url)
    vendor = _there(session.get(Vendor, int(params["vendor"])))
    url = f"{post.base_url}/vendor/{vendor.slug}"
    return Decision(subject.format(what=vendor.name), sentence, vendor.suspended_because or "", "Look at it", url)


def _there(found: _Found | None) -> _Found:
    if found is None:
        raise NotFound("What this was about is gone.")
    return found
