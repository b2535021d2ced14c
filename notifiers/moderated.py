"""What an operator decided about a want, a report or a vendor → what is said to the person whom it concerns."""

from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from intents.holds import Hold
from notifiers.facts import Reader
from notifiers.post import Post
from vendors.models import Vendor
from vendors.reports import Report
from vrm.kernel.accounts import Account
from vrm.kernel.errors import NotFound
from vrm.kernel.languages import later

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Decision:
    """One letter: its subject, a sentence, the reason that was given (or ""), and where to go on."""

    subject: str
    sentence: str
    why: str
    label: str
    url: str


# Word → subject, sentence. “%(what)s” is the want or the vendor.
_SAID = {
    "held": (
        later("We are holding your want “%(what)s”"),
        later("Nobody new hears of it until an operator has looked at it, which should not take long. Why:"),
    ),
    "released": (
        later("Your want “%(what)s” goes on"),
        later("An operator has looked at it: it goes on as you meant it."),
    ),
    "removed": (
        later("We removed your want “%(what)s”"),
        later("It broke a rule of this broker. Vendors who were told hear that it is over."),
    ),
    "dismissed": (
        later("About your report of “%(what)s”"),
        later("An operator has looked at it and found that it may stay."),
    ),
    "acted": (
        later("About your report of “%(what)s”"),
        later("An operator has looked at it and did something about it. Thank you."),
    ),
    "suspended": (
        later("“%(what)s” is suspended"),
        later("It is told of no wants and cannot answer any until this is settled; write to the operator. Why:"),
    ),
    "account-suspended": (
        later("Your account is suspended"),
        later(
            "Your wants are held and nothing works until this is settled; write to the operator. What is kept about you"
            " can still be taken along, and erased: sign in for it. Why:"
        ),
    ),
    "account-restored": (
        later("Your account is yours again"),
        later("You can sign in, and wants that were held go on."),
    ),
}


def decision(session: Session, params: dict[str, Any], post: Post, reader: Reader) -> Decision:
    """What `params` of a notification name, in words. NotFound when it is gone."""
    word, say = str(params.get("word", "")), reader.say
    subject, sentence = _SAID[word]
    sentence = say(sentence)
    if "hold" in params:
        held = _there(session.get(Hold, int(params["hold"])))
        why = held.why if word == "held" else ""
        url = f"{post.base_url}/me/intents/{held.intent.code}"
        return Decision(say(subject, what=held.intent.title), sentence, why, say("Look at it and answer"), url)
    if "report" in params:
        report = _there(session.get(Report, int(params["report"])))
        what = report.vendor.name if report.vendor else report.intent.title if report.intent else ""
        return Decision(say(subject, what=what), sentence, "", say("Open the broker"), post.base_url)
    if "account" in params:
        account = _there(session.get(Account, int(params["account"])))
        why = (account.suspended_because or "") if word == "account-suspended" else ""
        return Decision(say(subject), sentence, why, say("Open the broker"), post.base_url)
    vendor = _there(session.get(Vendor, int(params["vendor"])))
    url = f"{post.base_url}/vendor/{vendor.slug}"
    return Decision(say(subject, what=vendor.name), sentence, vendor.suspended_because or "", say("Look at it"), url)


def _there(found: _Found | None) -> _Found:
    if found is None:
        raise NotFound("What this was about is gone.")
    return found
