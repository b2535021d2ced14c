"""Moments, money and closed sets → words for people; every text of the pages goes through `_`."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, cast
from zoneinfo import ZoneInfo

import flask_babel  # type: ignore[import-untyped] # It ships no types.
from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_decimal
from babel.support import NullTranslations
from flask import Flask, g
from flask_babel.speaklater import LazyString  # type: ignore[import-untyped] # It ships no types.
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from intents.draft import Budget, Condition
from intents.models import Change, Intent, Outcome
from notifiers.models import Mode, Topic, Verdict
from notifiers.timing import write_minutes
from vendors.leads import Standing
from vendors.models import DeclineReason, Kind, Role, Undelivered, Withheld
from vrm.kernel.accounts import Scope
from vrm.kernel.money import Money
from vrm.web.desk import now

# Letters that are written from right to left, and the signs that turn what stands beside them.
_TURNS = re.compile(
    "[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)


def texts() -> NullTranslations:
    """In the language of this page, found once in a request: Flask-Babel looks for it at each of a board's thousand."""
    try:
        found = g.texts
    except AttributeError:
        found = g.texts = flask_babel.get_translations()
    except RuntimeError:  # No page is being made.
        found = NullTranslations()
    known: NullTranslations = found
    return known


def _(message: str, **values: Any) -> str:
    """The text in the language of this page, with the values in its blanks."""
    said: str = texts().ugettext(message)
    return said % _apart(values) if values else said


def ngettext(one: str, many: str, num: int, **values: Any) -> str:
    """The same of a text that has a number in it."""
    said: str = texts().ungettext(one, many, num)
    return said % {"num": num, **_apart(values)}


def ask_again() -> None:
    """Look for the reader's language and zone anew: they have just been changed."""
    flask_babel.refresh()
    g.pop("texts", None)


def later(message: str) -> str:
    """For words that are chosen while a module is loaded: the text when it is shown."""
    return cast(str, LazyString(_, message))


def apart(value: Any) -> Any:
    """Words of somebody else as they stand within a sentence of ours: however they are written, they turn nothing else.

    Isolated as UAX 9 §2.7 has it, when there is something to isolate.
    """
    if not isinstance(value, str) or not _TURNS.search(value):
        return value
    mark = Markup if isinstance(value, Markup) else str
    return mark("\u2068") + value + mark("\u2069")


def _apart(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: apart(value) for name, value in values.items()}


def _in_templates(translate: Callable[..., str]) -> Callable[..., str]:
    @pass_context
    def isolating(context: Context, *texts: Any, **values: Any) -> str:
        return translate(context, *texts, **_apart(values))

    return isolating


def locale() -> str:
    """The language of this page, such as "en"."""
    return str(flask_babel.get_locale() or "en")


def zone() -> ZoneInfo:
    """The reader's time zone."""
    return ZoneInfo(str(flask_babel.get_timezone()))


def when(moment: datetime | None) -> Markup:
    """A `<time>` that reads "2 hours ago", with the moment itself, in the reader's zone, on hover."""
    if moment is None:
        return Markup("–")
    whole = _to_the_minute(moment.replace(second=0, microsecond=0), zone(), locale())
    return Markup('<time datetime="{}" title="{}" data-relative>{}</time>').format(
        moment.astimezone(UTC).isoformat(timespec="seconds"), whole, _relative(moment - now())
    )


@lru_cache(maxsize=4096)  # Of a board, most were told within the same few minutes.
def _to_the_minute(moment: datetime, zone: ZoneInfo, locale: str) -> str:
    local = moment.astimezone(zone)
    return f"{format_datetime(local, _day_in(locale) + ', HH:mm', locale=locale)} {local.tzname()}"


def _day_in(locale: str) -> str:
    return "d. MMM yyyy" if locale == "de" else "d MMM yyyy"


def _relative(ahead: timedelta) -> str:
    if abs(ahead) < timedelta(seconds=45):
        return _("just now")
    # A moment less than a whole number of days is still "in 30 days".
    ahead = timedelta(seconds=round(ahead.total_seconds() / 60) * 60)
    text: str = format_timedelta(ahead, threshold=1.3, add_direction=True, locale=locale())
    return text


def day(value: date | datetime | None) -> Markup:
    """A `<time>` that reads "21 Nov 2026"."""
    if value is None:
        return Markup("–")
    plain = value.astimezone(zone()).date() if isinstance(value, datetime) else value
    return Markup('<time datetime="{}">{}</time>').format(
        plain.isoformat(), format_date(plain, _day_in(locale()), locale=locale())
    )


def number(value: float) -> str:
    """ "12,000"."""
    text: str = format_decimal(value, locale=locale())
    return text


def percent(share: float) -> str:
    """ "34 %"."""
    return f"{100 * share:.0f} %"


def span(seconds: float) -> str:
    """ "4 minutes", "2 days": as exact as a reader wants it."""
    text: str = format_timedelta(timedelta(seconds=seconds), threshold=1.5, locale=locale())
    return text


def code(words: str) -> Markup:
    """What is typed somewhere, as it stands."""
    return Markup("<code>{}</code>").format(words)


def ticked(sentence: str) -> Markup:
    """A sentence whose words between backticks are what is typed somewhere."""
    parts = sentence.split("`")
    return Markup().join(code(part) if place % 2 else part for place, part in enumerate(parts))


def money(minor: int | None, currency: str | None) -> str:
    """ "£12,000"; nothing when there is none."""
    return Money(minor, currency).text(locale()) if minor is not None and currency else ""


def budget(what: Intent | Budget | None) -> str:
    """ "up to £12,000", "£8,000 to £12,000", "from £8,000"; nothing when none was said."""
    if isinstance(what, Intent):
        low, high, currency = what.budget_min, what.budget_max, what.currency
    elif what is not None:
        low, high, currency = what.min_minor, what.max_minor, what.currency
    else:
        return ""
    if low and high:
        return _("%(low)s to %(high)s", low=money(low, currency), high=money(high, currency))
    if high is not None:
        return _("up to %(most)s", most=money(high, currency))
    return _("from %(least)s", least=money(low, currency)) if low else ""


def without_scheme(link: str) -> str:
    """An address as it is read aloud: "www.example.com/photo.jpg"."""
    return link.partition("://")[2].rstrip("/")


CONDITIONS = {
    Condition.ANY: later("New or used"),
    Condition.NEW: later("New"),
    Condition.USED: later("Used"),
}
OUTCOMES = {
    Outcome.FULFILLED: later("Bought"),
    Outcome.WITHDRAWN: later("Withdrawn"),
    Outcome.EXPIRED: later("Expired"),
    Outcome.REMOVED: later("Removed by the operator"),
}
CHANGES = {
    Change.OPENED: later("Published"),
    Change.AMENDED: later("Changed"),
    Change.PAUSED: later("Paused"),
    Change.RESUMED: later("Opened again"),
    Change.CLOSED: later("Closed"),
}
STANDINGS = {
    Standing.ANSWERED: later("Answered"),
    Standing.SEEN: later("Seen, no answer"),
    Standing.UNSEEN: later("Delivered, not seen"),
    Standing.ON_ITS_WAY: later("On its way"),
    Standing.UNDELIVERED: later("Not reached"),
    Standing.WITHHELD: later("Not told"),
}
UNDELIVERED = {
    Undelivered.NO_CHANNEL: later("This vendor has no working way to be told. That is not its silence."),
    Undelivered.BOUNCED: later("Its mailbox does not exist or refused the message."),
    Undelivered.REFUSED: later("The other side answered, and refused the message."),
    Undelivered.UNREACHABLE: later("The other side did not answer."),
    Undelivered.SWITCHED_OFF: later("The way to tell it was switched off before the message went out."),
    Undelivered.TOO_LATE: later("The want was over before the message could go out."),
}
WITHHELD = {
    Withheld.BLOCKED: later("You blocked this vendor."),
    Withheld.CAP: later("It fits and waits for its turn, because you tell a few vendors at a time."),
    Withheld.CHANGED: later("You changed the want before this vendor was told, and it no longer fits."),
}
DECLINES = {
    DeclineReason.CATEGORY: later("We do not sell this"),
    DeclineReason.REGION: later("Not our area"),
    DeclineReason.BUDGET: later("The budget does not fit"),
    DeclineReason.STOCK: later("Out of stock"),
    DeclineReason.TIME: later("Too late, or too soon"),
    DeclineReason.SPAM: later("Not a real want"),
    DeclineReason.OTHER: later("Another reason"),
}
KINDS_SAID = {
    Kind.OFFER: later("made an offer"),
    Kind.QUESTION: later("asked"),
    Kind.DECLINE: later("said no"),
    Kind.REPLY: later("replied"),
}
TOPICS = {
    Topic.LEAD_CREATED: later("A new want"),
    Topic.LEAD_UPDATED: later("A want was changed"),
    Topic.LEAD_WITHDRAWN: later("A want is over"),
    Topic.LEAD_REVEALED: later("A customer’s contact details"),
    Topic.MESSAGE_CREATED: later("A word from a customer"),
    Topic.DIGEST: later("Several wants together"),
    Topic.CHANNEL_OFF: later("Word that another channel is off"),
    Topic.CHALLENGE: later("Proof that this place is yours"),
    Topic.TEST: later("A test"),
}
VERDICTS = {
    Verdict.DELIVERED: later("taken"),
    Verdict.TRANSIENT: later("not taken, tried again"),
    Verdict.PERMANENT: later("refused for good"),
}
MODES = {
    Mode.INSTANT: later("At once"),
    Mode.HOURLY: later("Together, every hour"),
    Mode.DAILY: later("Together, once a day"),
    Mode.WEEKLY: later("Together, once a week"),
}
DAY_NAMES = {
    "monday": later("Monday"),
    "tuesday": later("Tuesday"),
    "wednesday": later("Wednesday"),
    "thursday": later("Thursday"),
    "friday": later("Friday"),
    "saturday": later("Saturday"),
    "sunday": later("Sunday"),
}
# What fields of forms are called where what was typed is shown once more.
FIELDS = {
    "name": later("Name"),
    "title": later("In one line"),
    "body": later("In more words"),
    "said": later("Say it in one sentence"),
    "category": later("What kind of thing"),
    "region": later("Where"),
    "budget_min": later("Budget from"),
    "budget_max": later("Budget up to"),
    "currency": later("Currency"),
    "quantity": later("How many"),
    "needed_by": later("Needed by"),
    "price": later("Price"),
    "email": later("E-mail address"),
    "website": later("Website"),
    "token_name": later("What is it for?"),
    "url": later("Address"),
}
SCOPES = {
    Scope.INTENTS_READ: later("See my wants and their boards"),
    Scope.INTENTS_WRITE: later("Publish, change and close wants; write to vendors"),
    Scope.VENDORS_READ: later("See the vendors that I act for and their inboxes"),
    Scope.VENDORS_WRITE: later("Answer for them; change subscriptions and channels"),
    Scope.ACCOUNT_READ: later("See my account"),
    Scope.ACCOUNT_WRITE: later("Change my account and revoke tokens"),
    Scope.OPERATOR: later("Run this broker: reports, holds, suspensions, and messages that did not arrive"),
}
ROLES = {
    Role.OWNER: later("Owner: everything, and the team"),
    Role.ADMIN: later("Admin: subscriptions and channels"),
    Role.MEMBER: later("Member: reads and answers"),
}


def install(app: Flask, babel_options: dict[str, Callable[[], str]]) -> None:
    """Give the templates these words."""
    flask_babel.Babel(app, default_locale="en", default_timezone="UTC", **babel_options)
    app.jinja_env.filters.update(
        when=when,
        day=day,
        number=number,
        percent=percent,
        span=span,
        budget=budget,
        without_scheme=without_scheme,
        code=code,
        ticked=ticked,
        clock=write_minutes,
        enumerated=enumerate,
    )
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # Of the extension that Flask-Babel adds.
        gettext=lambda text: texts().ugettext(text),
        ngettext=lambda one, many, num: texts().ungettext(one, many, num),
        newstyle=True,
    )
    globals_: dict[str, Any] = app.jinja_env.globals
    globals_.update({name: _in_templates(globals_[name]) for name in ("gettext", "ngettext")})
    app.jinja_env.globals.update(
        money=money,
        locale=locale,
        CONDITIONS=CONDITIONS,
        OUTCOMES=OUTCOMES,
        CHANGES=CHANGES,
        STANDINGS=STANDINGS,
        UNDELIVERED=UNDELIVERED,
        WITHHELD=WITHHELD,
        DECLINES=DECLINES,
        KINDS_SAID=KINDS_SAID,
        TOPICS=TOPICS,
        VERDICTS=VERDICTS,
        MODES=MODES,
        DAY_NAMES=DAY_NAMES,
        ROLES=ROLES,
        SCOPES=SCOPES,
        FIELDS=FIELDS,
    )
