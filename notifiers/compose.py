"""A notification → what it says now, in every shape a channel may ask for. Texts are in messages/, one per topic."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.orm import Session

from intents.models import Change, Entry, Outcome, Revision
from intents.trials import Assignment
from notifiers import bundle, facts, links
from notifiers.channels import KINDS, Composed, Link
from notifiers.channels.base import calm
from notifiers.facts import LeadRow, Reader, Want
from notifiers.models import Channel, ChannelKind, Notification, Topic
from notifiers.moderated import decision
from notifiers.post import Post
from notifiers.shapes import Around, Chat, Html, Plain, Shape
from vendors.models import Lead, Message, Response
from vrm.kernel.accounts import LINK_LASTS
from vrm.kernel.errors import NotFound
from vrm.kernel.languages import later, spoken, translations
from vrm.kernel.money import Money

_SUBJECT_AT_MOST = 200
_LOADER = FileSystemLoader(Path(__file__).with_name("messages"))
_SENDER = "VRM Intent Broker"

_CHANGES = {
    Change.AMENDED: later("The customer has changed this want. This is what it says now:"),
    Change.PAUSED: later(
        "The customer has paused this want. You can still answer; no further vendors are told meanwhile."
    ),
    Change.RESUMED: later("The customer has taken this want up again:"),
}
_LEFT = later("As it is now, it no longer matches what you listen for. You may still answer it.")
_ENDINGS = {
    Outcome.FULFILLED: later("The customer has found what they wanted."),
    Outcome.WITHDRAWN: later("The customer has withdrawn this want."),
    Outcome.EXPIRED: later("The time of this want is over."),
    Outcome.REMOVED: later("We have removed this want, because it broke a rule."),
}


# What can be answered by replying to the mail.
_CONVERSATIONS = frozenset(
    {Topic.LEAD_CREATED, Topic.LEAD_UPDATED, Topic.LEAD_REVEALED, Topic.MESSAGE_CREATED, Topic.ANSWERED}
)
_GATHERED = {
    Topic.LEAD_CREATED: (later("New"), later("%(num)s new")),
    Topic.LEAD_UPDATED: (later("Changed"), later("%(num)s changed")),
    Topic.LEAD_WITHDRAWN: (later("Over"), later("%(num)s over")),
}


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a text is filled with, and what goes beside it."""

    words: Mapping[str, Any]
    links: Sequence[Link] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    unsubscribe_url: str | None = None
    about: tuple[int, ...] = ()


def compose(session: Session, notification: Notification, post: Post) -> Composed:
    """What the notification says at this moment. NotFound when what it is about is gone."""
    reader = _reader(notification)
    parts = _of_account(session, notification, post, reader)
    if parts is None:
        parts = _of_channel(session, notification, post, reader)
    if parts is None and notification.topic is Topic.DIGEST:
        parts = _of_digest(session, notification, post, reader)
    if parts is None:
        parts = _of_lead(session, notification, post, reader)
    if _is_for_a_program(notification.channel):
        return _data_only(notification.topic, parts)
    words = {"home": post.base_url, "replies": _takes_replies(notification, post)}
    return _render(notification.topic, replace(parts, words={**parts.words, **words}), reader)


def _reader(notification: Notification) -> Reader:
    """Whose clock and language it is written in: the vendor's, or the person's."""
    if notification.channel is not None:
        vendor = notification.channel.vendor
        return Reader(vendor.zone, spoken(vendor.locale))
    account = notification.account
    if account is None:
        return Reader("UTC")
    # Who asks for a link has not always said which language is theirs; that of the page on which they asked will do.
    return Reader(account.zone, spoken(account.locale or str(notification.params.get("locale", ""))))


def compose_first_word(
    session: Session,
    lead: Lead | LeadRow,
    channel: Channel,
    post: Post,
    *,
    names: Mapping[int, str] | None = None,
    want: Mapping[str, Any] | None = None,
) -> Composed:
    """`compose` of a lead.created to a program; `names_of` and `intent_json` can be given, made once for many."""
    answer = links.answer_url(post.base_url, post.signer, lead, channel)
    data = facts.lead_json(
        lead,
        facts.intent_json(session, lead.intent) if want is None else want,
        facts.why(session, lead, names),
        url=links.lead_url(post.base_url, lead),
        answer_url=answer,
    )
    return _data_only(Topic.LEAD_CREATED, _Parts({}, (), data, links.unsubscribe_url(answer)))


def _is_for_a_program(channel: Channel | None) -> bool:
    """Whether data is all that will be read: to write texts as well would take most of the time of a delivery."""
    return channel is not None and channel.kind is ChannelKind.WEBHOOK


def _data_only(topic: Topic, parts: _Parts) -> Composed:
    return Composed(topic, "", "", "", "", (), parts.data, parts.unsubscribe_url, about=parts.about)


def _takes_replies(notification: Notification, post: Post) -> bool:
    """Whether an answer to this mail comes to us, and reaches the other side."""
    channel = notification.channel
    is_mail = channel is None or channel.kind is ChannelKind.EMAIL
    return post.takes_mail and is_mail and notification.topic in _CONVERSATIONS


def _render(topic: Topic, parts: _Parts, reader: Reader) -> Composed:
    subject, _, plain = _fill(topic, Plain(), parts, reader)
    subject = " ".join(subject.split())[:_SUBJECT_AT_MOST]
    _, preview, html = _fill(topic, Html(), parts, reader)
    _, _, chat = _fill(topic, Chat(), parts, reader)
    foot = reader.say("%(sender)s: people say what they want to buy, and those who sell it answer.", sender=_SENDER)
    around = Around(subject, preview, foot, str(parts.words["home"]), reader.locale)
    return Composed(
        topic=topic,
        subject=subject,
        plain=Plain.page(plain, around),
        html=Html.page(html, around),
        chat=re.sub(r"\n{2,}", "\n", chat).strip(),
        links=tuple(parts.links),
        data=parts.data,
        unsubscribe_url=parts.unsubscribe_url,
        replies=bool(parts.words["replies"]),
        about=parts.about,
    )


@cache
def _texts(language: str, *, is_html: bool) -> Environment:
    """The templates of messages/ in a language."""
    made = Environment(
        loader=_LOADER,
        undefined=StrictUndefined,
        autoescape=is_html,  # noqa: S701 - What is not HTML is not escaped.
        extensions=["jinja2.ext.i18n"],
    )
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined] # i18n's.
    return made


def _fill(topic: Topic, shape: Shape, parts: _Parts, reader: Reader) -> tuple[str, str, str]:
    """Subject, what an inbox shows beside it, and text."""
    template = _texts(reader.locale, is_html=isinstance(shape, Html)).get_template(f"{topic}.jinja")
    text = template.make_module({"say": shape, "links": parts.links, **parts.words})
    return str(getattr(text, "subject", "")), getattr(text, "preview", ""), str(text)


# --- To a channel, about itself -------------------------------------------------------------------


def _of_channel(session: Session, notification: Notification, post: Post, reader: Reader) -> _Parts | None:
    channel = notification.channel
    if channel is not None and notification.topic is Topic.CHANNEL_OFF:
        off = _off(session, notification)
        kind = KINDS[off.kind]
        about = {"kind": off.kind.value, "place": kind.shown(off.target), "because": off.switched_off_because or ""}
        page = links.channels_url(post.base_url)
        words = {"vendor": off.vendor.name, **about, "kind": kind.name}
        return _Parts(
            words, [Link(reader.say("Look at the channel"), page)], {"channel": {"id": off.code, **about}, "url": page}
        )
    if channel is None or notification.topic not in (Topic.CHALLENGE, Topic.TEST):
        return None
    name = channel.vendor.name
    if notification.topic is Topic.TEST:
        page = links.channels_url(post.base_url)
        sample = _sample(reader)
        return _Parts(
            {"vendor": name, "want": sample},
            [Link(button.label, page) for button in links.answers(page, reader)],
            {"test": True, "lead": {"code": "sample", "url": page, "why": "You asked for a test."}}
            | {"intent": {"code": "sample", "title": sample.title, "body": sample.body}, "answer_url": page}
            | {"sequence": 0},
        )
    url = links.verify_url(post.base_url, post.signer, channel)
    return _Parts(
        {"vendor": name, "code": channel.challenge},
        [Link(reader.say("Yes, tell us here"), url)],
        {"challenge": channel.challenge},
    )


def _sample(reader: Reader) -> Want:
    return Want(
        title=reader.say("Toyota Yaris, 2015 or newer"),
        body=reader.say("This is a sample, so that you see how a want looks. Nobody is waiting for an answer."),
        place="Leeds, England, United Kingdom",
        town="Leeds",
        category=reader.say("Cars"),
        budget=reader.say("up to %(high)s", high=Money(1_200_000, "GBP").text(reader.locale)),
        condition=reader.say("used"),
        pieces="",
        needed_by="",
        ends="",
    )


# --- To a channel, about many leads ---------------------------------------------------------------


def _of_digest(session: Session, notification: Notification, post: Post, reader: Reader) -> _Parts:
    channel, found = notification.channel, bundle.items(session, notification.id)
    if channel is None or not found:
        raise NotFound("Nothing of what this was about is of use any more.")
    said, data, buttons = [], [], []
    for item in found:
        lead = item.lead
        answer = links.answer_url(post.base_url, post.signer, lead, channel)
        want, why = facts.want_of(session, lead.intent, reader), facts.why(session, lead)
        what = reader.say(_GATHERED[item.topic][0])
        url = links.lead_url(post.base_url, lead)
        is_over = item.topic is Topic.LEAD_WITHDRAWN
        label = reader.say("See the want") if is_over else reader.say("Read it and answer")
        said.append({"what": what, "want": want, "links": [Link(label, answer)]})
        buttons.append(Link(calm(f"{what}: {want.title}"), answer))
        intent = {name: value for name, value in facts.intent_json(session, lead.intent).items() if name != "body"}
        about = {"lead": {"code": lead.code, "url": url, "why": why}, "intent": intent, "answer_url": answer}
        data.append({"type": item.topic.value, **about, "sequence": lead.intent.revision})
    counts = Counter(item.topic for item in found)
    words = {
        "vendor": channel.vendor.name,
        "items": said,
        "summary": ", ".join(
            reader.say(count, num=counts[topic]) for topic, (_, count) in _GATHERED.items() if counts[topic]
        ),
        "stop": [Link(reader.say("Stop these messages"), f"{buttons[0].url}?do=stop")],
    }
    ids = tuple(id_ for item in found for id_ in item.ids)
    return _Parts(words, buttons, {"wants": data}, links.unsubscribe_url(buttons[0].url), ids)


# --- To a channel, about a lead -------------------------------------------------------------------


def _of_lead(session: Session, notification: Notification, post: Post, reader: Reader) -> _Parts:
    lead = session.get(Lead, (notification.intent_id, notification.vendor_id))
    channel = notification.channel
    if lead is None or channel is None:
        raise NotFound("The lead that this was about is gone.")
    answer = links.answer_url(post.base_url, post.signer, lead, channel)
    why = facts.why(session, lead)
    arm = session.get(Assignment, lead.intent_id)
    words: dict[str, Any] = {"vendor": lead.vendor.name, "terms": lead.intent.terms}
    words["opening"] = arm.opening if arm is not None else ""
    if not _is_for_a_program(channel):
        words["want"] = facts.want_of(session, lead.intent, reader)
        words["why"] = facts.why(session, lead, reader=reader)
    more, data, buttons = _about(session, notification, lead, answer, reader)
    want = facts.intent_json(session, lead.intent)
    data = facts.lead_json(lead, want, why, url=links.lead_url(post.base_url, lead), answer_url=answer) | data
    return _Parts(words | more, buttons, data, links.unsubscribe_url(answer))


def _about(
    session: Session, notification: Notification, lead: Lead, answer: str, reader: Reader
) -> tuple[dict[str, Any], dict[str, Any], Sequence[Link]]:
    """What a topic adds to a lead: words, data, and its buttons."""
    buttons = links.answers(answer, reader)
    stop = buttons[-1]
    intent, say = lead.intent, reader.say
    match notification.topic:
        case Topic.LEAD_CREATED:
            return {}, {}, buttons
        case Topic.LEAD_UPDATED:
            revision = session.get(Revision, (intent.id, notification.occasion))
            change = revision.change if revision is not None else Change.AMENDED
            sentence = _CHANGES.get(change, _CHANGES[Change.AMENDED])
            data = {"change": change.value, "sequence": notification.occasion, "matches": lead.unmatched_at is None}
            return {"change": say(sentence), "left": say(_LEFT) if lead.unmatched_at is not None else ""}, data, buttons
        case Topic.LEAD_WITHDRAWN:
            outcome = intent.outcome or Outcome.WITHDRAWN
            return (
                {"ending": say(_ENDINGS[outcome])},
                {"outcome": outcome.value, "sequence": notification.occasion},
                [Link(say("See the want"), answer), stop],
            )
        case Topic.LEAD_REVEALED:
            if lead.revealed_at is None:
                raise NotFound("The customer has not shown their contact details.")
            person = {"name": intent.account.name, "email": intent.account.email, "phone": intent.account.phone}
            return {"person": person}, {"customer": person}, buttons
        case Topic.MESSAGE_CREATED:
            message = session.get(Message, notification.occasion)
            if message is None:
                raise NotFound("The message is gone.")
            return (
                {"message": message.body},
                {"message": {"body": message.body, "at": message.at.astimezone(UTC).isoformat()}},
                [Link(say("Reply"), f"{answer}?do=reply"), *buttons],
            )
        case _:
            raise NotFound(f"There is no text for {notification.topic}.")


# --- Letters to people ----------------------------------------------------------------------------


def _of_account(session: Session, notification: Notification, post: Post, reader: Reader) -> _Parts | None:
    if notification.account is None:
        return None
    params = notification.params
    match notification.topic:
        case Topic.SIGN_IN | Topic.VERIFY:
            is_sign_in = notification.topic is Topic.SIGN_IN
            path, label = ("sign-in", reader.say("Sign in")) if is_sign_in else ("verify", reader.say("Confirm"))
            url = links.one_time_url(post.base_url, path, str(params["secret"]))
            return _Parts({"minutes": int(LINK_LASTS.total_seconds() // 60)}, [Link(label, url)])
        case Topic.ASK_ENTRY | Topic.ASK_VANISHED:
            return _of_entry(session, notification, post, reader)
        case Topic.ANSWERED:
            response = session.get(Response, notification.occasion)
            if response is None:
                raise NotFound("The answer is gone.")
            intent = response.lead.intent
            return _Parts(
                {"title": intent.title, "said": facts.said_of(response, reader), "vendor": response.lead.vendor.name},
                [Link(reader.say("See it and answer"), links.board_url(post.base_url, intent))],
            )
        case Topic.MODERATION:
            decided = decision(session, params, post, reader)
            return _Parts({"decided": decided}, [Link(decided.label, decided.url)])
        case Topic.OFF_LETTER:
            channel = _off(session, notification)
            kind = KINDS[channel.kind]
            words = {
                "vendor": channel.vendor.name,
                "kind": kind.name,
                "place": kind.shown(channel.target),
                "because": channel.switched_off_because or "",
            }
            return _Parts(words, [Link(reader.say("Look at the channel"), links.channels_url(post.base_url))])
        case _:
            raise NotFound(f"There is no letter for {notification.topic}.")


def _off(session: Session, notification: Notification) -> Channel:
    channel = session.get(Channel, int(notification.params.get("channel", 0)))
    if channel is None:
        raise NotFound("The channel is gone.")
    return channel


def _of_entry(session: Session, notification: Notification, post: Post, reader: Reader) -> _Parts:
    entry = session.get(Entry, notification.occasion)
    if entry is None or entry.intent is None:
        raise NotFound("The post that this was about is gone.")
    words = {
        "entry_title": entry.title,
        "entry_url": entry.url,
        "want": facts.want_of(session, entry.intent, reader),
        "published": entry.intent.opened_at is not None,
    }
    return _Parts(
        words, [Link(reader.say("Look at it and decide"), links.entry_url(post.base_url, post.signer, entry))]
    )
