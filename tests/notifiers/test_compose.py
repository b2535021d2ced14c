"""What messages say: the want first, why, four buttons; never who the customer is, never somebody else's markup."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

import pytest
from notifiers_world import BASE_URL, World, a_channel, a_world, owe
from sqlalchemy import update

from intents import publish
from intents.draft import Budget, Condition, Near
from intents.models import Blog, Decision, Entry, Intent
from notifiers import links, proving, register
from notifiers.channels import Composed, Wire
from notifiers.channels.webhook import write_body
from notifiers.compose import compose
from notifiers.facts import Reader, budget_text, want_of
from notifiers.letters import owe_letter
from notifiers.models import Channel, ChannelKind, Notification, Topic
from notifiers.post import Post
from notifiers.prepare import Ready, prepare
from vendors import respond
from vendors.models import Kind, Lead, Vendor, Via
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store, new_code
from vrm.kernel.errors import LinkSpent, NotFound
from vrm.kernel.money import Money

EVIL = "<b>Sale</b> “@everyone” [x](https://evil.example)"


def composed(store: Store, notification: Notification, post: Post) -> Composed:
    with store.read() as session:
        row = session.get(Notification, notification.id)
        assert row is not None
        return compose(session, row, post)


def test_a_lead_has_want_place_and_budget_in_its_first_two_lines(
    store: Store, world: World, post: Post, now: datetime
) -> None:
    channel = a_channel(store, world.vendor, now)
    message = composed(store, owe(store, now, channel, world.lead), post)
    assert message.plain.splitlines()[:2] == ["“Toyota Yaris”", "Leeds, England, United Kingdom · up to £12,000"]
    assert "Toyota Yaris" in message.subject
    assert "Leeds" in message.subject
    assert "> Five doors, not older than five years." in message.plain
    assert "You get this because Leeds Toyota listens for: " in message.plain
    assert "(Europe" not in message.plain  # The vendor's zone is UTC.
    assert "(UTC)" in message.plain
    assert [link.label for link in message.links] == [
        "Make an offer",
        "Ask a question",
        "Not for us",
        "Stop these messages",
    ]
    for link in message.links:
        assert link.url.startswith(f"{BASE_URL}/r/")
        assert link.url in message.plain
        assert link.url in message.html
    assert message.unsubscribe_url == message.links[0].url.partition("?")[0] + "/unsubscribe"
    assert message.chat.splitlines()[0] == "“Toyota Yaris”"
    assert BASE_URL not in message.chat


def test_how_far_around_is_told_and_where_exactly_is_not(store: Store, world: World, post: Post, now: datetime) -> None:
    channel = a_channel(store, world.vendor, now)
    owed = owe(store, now, channel, world.lead)
    with store.write() as session:
        intent = session.get_one(Intent, world.intent.id)
        publish.amend(session, intent, replace(publish.draft_of(intent), near=Near(30, 53.7997, -1.5492)), now)
    message = composed(store, owed, post)
    assert message.plain.splitlines()[1] == "within 30 km of Leeds, England, United Kingdom · up to £12,000"
    assert message.data["intent"]["within_km"] == 30
    assert "53.79" not in everything(message, now)


def test_the_links_lead_back_to_the_lead_and_the_channel(store: Store, world: World, post: Post, now: datetime) -> None:
    channel = a_channel(store, world.vendor, now)
    message = composed(store, owe(store, now, channel, world.lead), post)
    token = message.links[0].url.removeprefix(f"{BASE_URL}/r/").partition("?")[0]
    with store.read() as session:
        found = links.reached(session, post.signer, token)
        assert (found.lead.code, found.channel.id) == (world.lead.code, channel.id)
        for forged in (token[:-1], token.replace("-", "--", 1), "x", "", post.signer.sign("entry", "a", "b", "c")):
            with pytest.raises(LinkSpent):
                links.reached(session, post.signer, forged)
        with pytest.raises((NotFound, LinkSpent)):
            links.reached(session, post.signer, post.signer.sign("answer", "no", "such", "lead"))
    with store.write() as session:
        register.end(session, session.merge(channel), now)
    with store.read() as session, pytest.raises(LinkSpent):
        links.reached(session, post.signer, token)


def test_webhook_data_is_what_the_contract_says(store: Store, world: World, post: Post, now: datetime) -> None:
    channel = a_channel(store, world.vendor, now, url="https://crm.example.org/")
    data = composed(store, owe(store, now, channel, world.lead), post).data
    assert set(data) == {"lead", "intent", "answer_url", "sequence"}
    assert set(data["lead"]) == {"code", "url", "why"}
    assert data["lead"]["code"] == f"{world.intent.code}-{world.vendor.code}"
    intent = data["intent"]
    assert {"code", "title", "body", "category", "region", "budget", "condition", "needed_by", "expires_at"} <= set(
        intent
    )
    assert intent["region"]["label"] == "Leeds"
    assert intent["budget"] == {"min": None, "max": "12000.00", "currency": "GBP"}
    assert datetime.fromisoformat(intent["expires_at"]) == world.intent.expires_at
    assert data["sequence"] == 1


def everything(message: Composed, now: datetime) -> str:
    from_webhook = write_body(message, Wire("msg_1_a", None, now, now)).decode()
    return "\n".join([message.subject, message.plain, message.html, message.chat, from_webhook])


def test_nothing_names_the_customer_before_the_reveal_and_the_reveal_does(
    store: Store, world: World, ana: Account, post: Post, now: datetime
) -> None:
    channel = a_channel(store, world.vendor, now)
    with store.write() as session:
        session.execute(update(Account).where(Account.id == ana.id).values(phone="+44 113 496 0000"))
        lead = session.get(Lead, (world.intent.id, world.vendor.id))
        assert lead is not None
        message = respond.say(session, lead, "Is it red?", now)
    told = [
        (Topic.LEAD_CREATED, 0),
        (Topic.LEAD_UPDATED, 1),
        (Topic.LEAD_WITHDRAWN, 1),
        (Topic.MESSAGE_CREATED, message.id),
    ]
    for topic, occasion in told:
        text = everything(composed(store, owe(store, now, channel, world.lead, topic, occasion), post), now)
        assert "Toyota Yaris" in text
        for secret in ("Ana", "Castro", "ana@example.org", "113 496"):
            assert secret not in text, topic
    revealed = owe(store, now, channel, world.lead, Topic.LEAD_REVEALED)
    with pytest.raises(NotFound):
        composed(store, revealed, post)
    with store.write() as session:
        session.execute(update(Lead).values(revealed_at=now))
    text = everything(composed(store, revealed, post), now)
    for shown in ("Ana Castro", "ana@example.org", "+44 113 496 0000"):
        assert shown in text


def test_words_of_strangers_are_quoted_and_never_markup(
    store: Store, ana: Account, ben: Account, post: Post, now: datetime
) -> None:
    world = a_world(store, ana, ben, now, title=EVIL)
    body = "Fine\n\nStop these messages: https://evil.example/\n> nested\n<script>alert(1)</script>"
    with store.write() as session:
        intent = publish.by_code(session, world.intent.code)
        intent.body = body
    message = composed(store, owe(store, now, a_channel(store, world.vendor, now), world.lead), post)
    assert "<script" not in message.html
    assert "<b>" not in message.html
    assert "&lt;b&gt;Sale&lt;/b&gt;" in message.html
    for line in body.splitlines():
        if line:
            assert f"> {line}" in message.plain.splitlines()
    assert "\nStop these messages: https://evil.example/" not in message.plain
    assert "\n" not in message.subject
    for live in ("@everyone", "<b>", "](https"):
        assert live not in message.chat


def test_an_update_says_what_the_want_says_now(store: Store, world: World, post: Post, now: datetime) -> None:
    channel = a_channel(store, world.vendor, now)
    with store.write() as session:
        intent = publish.by_code(session, world.intent.code)
        draft = publish.draft_of(intent)
        changed = type(draft)(
            title="Toyota Yaris Cross",
            category_id=draft.category_id,
            region_id=draft.region_id,
            budget=Budget(800_000, 1_000_000, "GBP"),
            condition=Condition.USED,
            needed_by=date(2027, 6, 1),
        )
        publish.amend(session, intent, changed, now)
    message = composed(store, owe(store, now, channel, world.lead, Topic.LEAD_UPDATED, 2), post)
    assert message.plain.startswith("The customer has changed this want. This is what it says now:\n\n")
    assert message.plain.splitlines()[2:4] == [
        "“Toyota Yaris Cross”",
        "Leeds, England, United Kingdom · £8,000 to £10,000 · used · needed by 1 June 2027",
    ]
    assert (message.data["change"], message.data["sequence"]) == ("amended", 2)
    assert message.subject.startswith("Re: Wanted:")

    with store.write() as session:
        publish.withdraw(session, publish.by_code(session, world.intent.code), now)
    message = composed(store, owe(store, now, channel, world.lead, Topic.LEAD_WITHDRAWN, 3), post)
    assert "has withdrawn this want" in message.plain
    assert message.data["outcome"] == "withdrawn"
    assert [link.label for link in message.links] == ["See the want", "Stop these messages"]


def test_follow_ups_are_threaded_to_the_first_word(store: Store, world: World, post: Post, now: datetime) -> None:
    channel = a_channel(store, world.vendor, now)
    first = owe(store, now, channel, world.lead)
    with store.write() as session:
        session.execute(update(Notification).values(done_at=now, result="delivered"))
    later = owe(store, now, channel, world.lead, Topic.LEAD_UPDATED, 2)
    with store.read() as session:
        (ready,) = prepare(session, [later.id], post, now)
    assert isinstance(ready, Ready)
    assert ready.wire.thread == f"msg_{first.id}_{first.code}"


def test_a_test_is_the_real_thing_with_a_sample(store: Store, world: World, post: Post, now: datetime) -> None:
    channel = a_channel(store, world.vendor, now, verified=False)
    with store.write() as session:
        owed = proving.test(session, session.merge(channel), now)
    message = composed(store, owed, post)
    assert message.subject.startswith("Test:")
    assert "Leeds" in message.plain.splitlines()[3]
    assert message.data["test"] is True


def test_a_challenge_has_a_code_to_type_and_a_link_with_a_button(
    store: Store, world: World, post: Post, now: datetime
) -> None:
    with store.write() as session:
        new = register.add_channel(
            session,
            session.merge(world.vendor),
            ChannelKind.EMAIL,
            {"address": "ben@leeds.example"},
            now,
            outbound=post.outbound,
        )
    message = composed(store, new.challenge, post)
    assert str(new.channel.challenge) in message.plain
    token = message.links[0].url.removeprefix(f"{BASE_URL}/channels/verify/")
    with store.write() as session:
        assert proving.look_at_link(session, post.signer, token).verified_at is None
        assert proving.verify_by_link(session, post.signer, token, now).verified_at == now
    with store.write() as session, pytest.raises(LinkSpent):
        proving.verify_by_link(session, post.signer, token, now)


def letters(store: Store, account: Account, now: datetime, topics: Sequence[tuple[Topic, int]]) -> list[Notification]:
    with store.write() as session:
        owed = [owe_letter(session, session.merge(account), topic, now, secret="s3cret") for topic, _ in topics]
        for letter, (_, occasion) in zip(owed, topics, strict=True):
            letter.occasion = occasion
    return owed


def test_letters_to_a_customer(store: Store, world: World, ana: Account, post: Post, now: datetime) -> None:
    with store.write() as session:
        session.execute(update(Account).where(Account.id == ana.id).values(zone="Europe/London"))
        blog = Blog(
            code=new_code(),
            account_id=ana.id,
            url="https://ana.example/",
            feed_url="https://ana.example/feed",
            proof_token="t",
            created_at=now,
            next_fetch_at=now,
        )
        session.add(blog)
        session.flush()
        entry = Entry(
            blog_id=blog.id,
            key="k",
            url="https://ana.example/yaris",
            title="I want <a Yaris>",
            digest="d",
            published_at=now,
            first_seen_at=now,
            decision=Decision.ASKED,
            intent_id=world.intent.id,
        )
        session.add(entry)
        lead = session.get(Lead, (world.intent.id, world.vendor.id))
        assert lead is not None
        answer = respond.Answer(
            kind=Kind.OFFER, body="A red one.\n--\nBen", price=Money(1_150_000, "GBP"), condition=Condition.USED
        )
        response = respond.respond(session, lead, answer, now, via=Via.LINK)
    owed = letters(
        store,
        ana,
        now,
        [
            (Topic.SIGN_IN, 0),
            (Topic.VERIFY, 0),
            (Topic.ASK_ENTRY, entry.id),
            (Topic.ASK_VANISHED, entry.id),
            (Topic.ANSWERED, response.id),
        ],
    )
    sign_in, verify, ask, vanished, answered = (composed(store, letter, post) for letter in owed)
    assert sign_in.links[0].url == f"{BASE_URL}/sign-in/s3cret"
    assert "30 minutes" in sign_in.plain
    assert verify.links[0].url == f"{BASE_URL}/verify/s3cret"
    assert "https://ana.example/yaris" in ask.plain
    assert "Leeds, England, United Kingdom · up to £12,000" in ask.plain
    assert "I want &lt;a Yaris&gt;" in ask.html
    token = ask.links[0].url.removeprefix(f"{BASE_URL}/entries/")
    with store.read() as session:
        assert links.entry_of(session, post.signer, token).id == entry.id
        with pytest.raises(LinkSpent):
            links.entry_of(session, post.signer, token + "x")
    assert "not there any more" in vanished.plain
    assert "Leeds Toyota makes an offer: £11,500, used." in answered.plain
    assert "> A red one." in answered.plain
    assert answered.links[0].url == f"{BASE_URL}/me/intents/{world.intent.code}"
    for letter in (sign_in, verify, ask, vanished, answered):
        assert letter.unsubscribe_url is None


def test_times_are_in_the_readers_zone() -> None:
    summer = datetime.fromisoformat("2026-07-01T12:00:00+00:00")
    assert Reader("Europe/London").moment(summer) == "1 July 2026, 13:00 (Europe/London)"
    assert Reader("UTC").moment(summer) == "1 July 2026, 12:00 (UTC)"


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (None, 1_200_000, "up to £12,000"),
        (800_000, None, "from £8,000"),
        (800_000, 1_200_000, "£8,000 to £12,000"),
        (5_00, 5_00, "£5"),
        (None, 1_250, "up to £12.50"),
    ],
)
def test_budgets_in_words(store: Store, world: World, low: int | None, high: int | None, text: str) -> None:
    world.intent.budget_min, world.intent.budget_max = low, high
    assert budget_text(world.intent, Reader("UTC")) == text
    world.intent.currency = None
    assert budget_text(world.intent, Reader("UTC")) == ""


def test_a_draft_without_place_and_budget_reads_well(store: Store, world: World, now: datetime) -> None:
    with store.read() as session:
        intent = publish.by_code(session, world.intent.code)
        session.expunge(intent)
        intent.region_id = intent.currency = intent.expires_at = None
        assert want_of(session, intent, Reader("UTC")).line == "no budget given"


def test_the_letter_about_a_switched_off_channel_says_where_and_why(
    store: Store, world: World, ben: Account, post: Post, now: datetime
) -> None:
    channel = a_channel(store, world.vendor, now, address="nobody@leeds.example")
    with store.write() as session:
        session.execute(update(Channel).values(switched_off_at=now, switched_off_because="It bounced: <b>no</b>"))
        owed = owe_letter(session, session.merge(ben), Topic.OFF_LETTER, now, channel=channel.id)
    message = composed(store, owed, post)
    for part in ("E-mail", "nobody@leeds.example", "> It bounced: <b>no</b>", f"{BASE_URL}/vendor/channels"):
        assert part in message.plain
    assert "<b>no" not in message.html


# --- In the reader's language ---------------------------------------------------------------------


def test_a_vendors_channels_are_written_to_in_its_language(
    store: Store, world: World, post: Post, now: datetime
) -> None:
    with store.write() as session:
        session.get_one(Vendor, world.vendor.id).locale = "de"
    channel, hook = a_channel(store, world.vendor, now), a_channel(store, world.vendor, now, url="https://x.example/")
    post = replace(post, takes_mail=True)
    message = composed(store, owe(store, now, channel, world.lead), post)
    assert message.subject == "Gesucht: Toyota Yaris (Leeds)"
    lines = message.plain.splitlines()
    assert lines[:2] == ["„Toyota Yaris“", "Leeds, England, Vereinigtes Königreich · bis 12.000 £"]
    assert "Sie bekommen das, weil Leeds Toyota auf Folgendes hört: Autos" in message.plain
    assert "Oder antworten Sie einfach auf diese Mail" in message.plain
    assert [link.label for link in message.links][:2] == ["Ein Angebot machen", "Eine Frage stellen"]
    assert '<html lang="de">' in message.html
    # What programs read stays as it is documented.
    assert composed(store, owe(store, now, hook, world.lead), post).data["lead"]["why"].startswith("You get this")


def test_letters_are_in_the_language_of_the_person_or_of_the_page_on_which_they_asked(
    store: Store, ana: Account, post: Post, now: datetime
) -> None:
    with store.write() as session:
        asked = owe_letter(session, session.merge(ana), Topic.SIGN_IN, now, secret="s", locale="de")
        unsaid = owe_letter(session, session.merge(ana), Topic.SIGN_IN, now, secret="s", locale="xx")
    assert composed(store, asked, post).subject == "Ihr Link zum Anmelden"
    assert composed(store, unsaid, post).subject == "Your link to sign in"
    with store.write() as session:
        session.get_one(Account, ana.id).locale = "de"
    message = composed(store, unsaid, post)
    assert message.subject == "Ihr Link zum Anmelden"
    assert "Mit diesem Link melden Sie sich an" in message.html
