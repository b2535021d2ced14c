"""A feed as it now is: what becomes a want, what is only asked, what an edit or a missing post leads to."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from intents import blogs, publish
from intents.entries import PER_BLOG_AND_DAY, take
from intents.feed import Feed, FeedEntry
from intents.models import Blog, Change, Decision, Entry, Intent
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def post(now: datetime, key: str = "1", **fields: Any) -> FeedEntry:
    """A post that says a complete want, tagged."""
    said = {
        "title": f"I want a Toyota Yaris near Leeds, number {key}",
        "text": "Under £12,000 please.",
        "tags": ("wanttobuy",),
        "published_at": now + MINUTE,
    }
    rest = {"key": key, "url": f"https://ana.example/{key}", "author": "Ana", "updated_at": None, "language": "en"}
    return FeedEntry(**(said | rest | fields))


def feed(*entries: FeedEntry, title: str = "Ana writes") -> Feed:
    return Feed(title=title, url="https://ana.example/", entries=entries, warnings=())


def ana_writes(session: Session, ana: Account, now: datetime, *, looked: bool = True, **choices: Any) -> Blog:
    """A proven blog; `looked`: it was read once, before the posts of the test."""
    blog = blogs.register(session, session.merge(ana, load=False), "https://ana.example/", now, **choices)
    blog.verified_at = now
    blog.fetched_at = now if looked else None
    session.flush()
    return blog


def only(session: Session, blog: Blog, key: str = "1") -> Entry:
    return session.scalars(select(Entry).where(Entry.blog_id == blog.id, Entry.key == key)).one()


def intent_of(session: Session, blog: Blog, key: str = "1") -> Intent:
    intent = only(session, blog, key).intent
    assert intent is not None
    return intent


def intents(session: Session) -> list[Intent]:
    return list(session.scalars(select(Intent).order_by(Intent.id)))


# --- New posts ------------------------------------------------------------------------------------


def test_a_want_on_a_blog_is_a_draft_until_its_author_confirms_it(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now)
        assert take(session, blog, feed(post(now)), now + 2 * MINUTE)
        entry, intent = only(session, blog), intent_of(session, blog)
        assert (entry.decision, entry.ask_at, entry.first_seen_at) == (
            Decision.ASKED,
            now + 2 * MINUTE,
            now + 2 * MINUTE,
        )
        assert (intent.state, intent.origin.value, intent.account_id) == ("draft", "blog", ana.id)
        trees = taxonomy.trees(session)
        assert intent.region_id is not None
        assert trees.regions.label(intent.region_id) == "Leeds"
        assert (intent.budget_max, intent.currency) == (1_200_000, "GBP")


def test_what_is_tagged_and_complete_is_published_where_the_author_chose_that(
    store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now, publish_tagged=True)
        untagged = post(now, "untagged", tags=())
        nowhere = post(now, "nowhere", title="I want a Toyota Yaris", text="")
        essay = post(now, "essay", tags=("vrm",))  # Also what a movement is called: its author is asked.
        take(session, blog, feed(post(now), untagged, nowhere, essay), now + 2 * MINUTE)
        assert (only(session, blog).decision, only(session, blog).ask_at) == (Decision.PUBLISHED, None)
        assert intent_of(session, blog).state == "open"
        for key in ("untagged", "nowhere", "essay"):
            assert (only(session, blog, key).decision, intent_of(session, blog, key).state) == (Decision.ASKED, "draft")


def test_the_homes_of_a_blog_stand_in_for_what_a_post_does_not_say(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        trees = taxonomy.trees(session)
        leeds, cars = trees.regions.by_slug("gb-lds"), trees.categories.by_slug("cars-trucks-vans")
        assert leeds is not None
        assert cars is not None
        homes = {"home_region_id": leeds.id, "home_category_id": cars.id}
        blog = ana_writes(session, ana, now, publish_tagged=True, **homes)
        take(session, blog, feed(post(now, title="I want the thing of my dreams", text="")), now + 2 * MINUTE)
        intent = intent_of(session, blog)
        assert (intent.state, intent.region_id, intent.category_id) == ("open", leeds.id, cars.id)


def test_a_post_that_is_no_want_is_noted_with_the_reason(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now)
        take(session, blog, feed(post(now, title="My holiday", text="It rained.", tags=())), now + 2 * MINUTE)
        entry = only(session, blog)
        assert (entry.decision, entry.intent_id, entry.ask_at) == (Decision.SKIPPED, None, None)
        assert "tag it #intent" in entry.reason


def test_the_same_feed_again_makes_nothing_again(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now)
        for minute in range(2, 5):
            take(session, blog, feed(post(now), post(now, "2")), now + minute * MINUTE)
        assert len(intents(session)) == 2


def test_two_posts_with_one_key_are_one_post(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now)
        newer = post(now, title="I want a Toyota Aygo near Leeds")
        take(session, blog, feed(newer, post(now)), now + 2 * MINUTE)
        (intent,) = intents(session)
        assert intent.title.startswith("Toyota Aygo")


def test_a_bad_field_that_the_post_brings_is_told_and_the_other_posts_are_read(
    store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now)
        bad = post(now, "bad", language="klingon!")
        take(session, blog, feed(bad, post(now)), now + 2 * MINUTE)
        assert only(session, blog, "bad").reason == "Write the language as a tag, such as en or de-CH."
        assert len(intents(session)) == 1


def test_an_author_whose_own_day_is_full_is_asked_instead(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now, publish_tagged=True)
        for number in range(publish.PER_DAY):
            take(session, blog, feed(post(now, f"a{number}")), now + MINUTE)
        other = blogs.register(session, blog.account, "https://ana.example/2", now, publish_tagged=True)
        other.fetched_at = now
        take(session, other, feed(post(now)), now + 2 * MINUTE)
        entry = only(session, other)
        assert entry.decision is Decision.ASKED
        assert "20 wants in 24 hours" in entry.reason


# --- Old posts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"published_at": -timedelta(microseconds=1)},
        {"published_at": -300 * DAY},
        {"published_at": None},
        {"published_at": MINUTE, "date_replaced": True},
    ],
)
def test_nothing_that_stood_there_before_the_registration_is_read_at_the_first_look(
    store: Store, ana: Account, now: datetime, fields: dict[str, Any]
) -> None:
    shift = fields["published_at"]
    old = post(now, **(fields | {"published_at": None if shift is None else now + shift}))
    with store.write() as session:
        blog = ana_writes(session, ana, now, looked=False, publish_tagged=True)
        take(session, blog, feed(old), now + 2 * MINUTE)
        entry = only(session, blog)
        assert (entry.decision, entry.intent_id) == (Decision.SKIPPED, None)
        assert entry.reason.startswith("Older than the registration of the blog")
        take(session, blog, feed(replace(old, text="Edited.")), now + 3 * MINUTE)
        assert intents(session) == []


def test_a_post_that_comes_later_without_a_date_is_as_new_as_its_coming(
    store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now, publish_tagged=True)
        take(session, blog, feed(post(now, published_at=None)), now + DAY)
        assert only(session, blog).published_at == now + DAY
        assert intent_of(session, blog).state == "open"


@pytest.mark.parametrize(
    "fields", [{"published_at": -timedelta(hours=12)}, {"published_at": timedelta(0), "date_replaced": True}]
)
def test_a_later_post_that_may_be_older_than_it_seems_is_asked_about_and_never_published_unasked(
    store: Store, ana: Account, now: datetime, fields: dict[str, Any]
) -> None:
    """A blog that dates by day says midnight of what was written after noon."""
    with store.write() as session:
        blog = ana_writes(session, ana, now, publish_tagged=True)
        item = post(now, **(fields | {"published_at": now + fields["published_at"]}))
        take(session, blog, feed(item), now + MINUTE)
        assert (only(session, blog).decision, intent_of(session, blog).state) == (Decision.ASKED, "draft")


def test_a_later_post_that_is_clearly_older_is_old(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now)
        take(session, blog, feed(post(now, published_at=now - 2 * DAY)), now + MINUTE)
        assert intents(session) == []


# --- The day's limit ------------------------------------------------------------------------------


def test_twenty_of_a_blog_in_a_day_and_the_rest_the_next(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now)
        posts = [post(now, f"{number}", published_at=now + number * MINUTE) for number in range(PER_BLOG_AND_DAY + 5)]
        assert not take(session, blog, feed(*posts[::-1]), now + 60 * MINUTE)
        assert len(intents(session)) == PER_BLOG_AND_DAY
        assert set(session.scalars(select(Entry.key))) == {f"{number}" for number in range(PER_BLOG_AND_DAY)}
        assert not take(session, blog, feed(*posts[::-1]), now + DAY)
        assert take(session, blog, feed(*posts[::-1]), now + DAY + 60 * MINUTE)
        assert len(intents(session)) == PER_BLOG_AND_DAY + 5


def test_posts_that_are_no_wants_do_not_count(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now)
        chatter = [post(now, f"c{number}", title="Rain", text="", tags=()) for number in range(40)]
        assert take(session, blog, feed(*chatter, post(now)), now + 2 * MINUTE)
        assert len(intents(session)) == 1


def test_editing_old_chatter_into_wants_does_not_get_round_the_limit(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now)
        keys = [f"{number}" for number in range(PER_BLOG_AND_DAY + 3)]
        take(session, blog, feed(*(post(now, key, title="Rain", text="", tags=()) for key in keys)), now + 2 * MINUTE)
        wants = feed(*(post(now, key) for key in keys))
        assert not take(session, blog, wants, now + 2 * DAY)
        assert not take(session, blog, wants, now + 2 * DAY + MINUTE)
        assert len(intents(session)) == PER_BLOG_AND_DAY
        assert take(session, blog, wants, now + 3 * DAY)
        assert len(intents(session)) == PER_BLOG_AND_DAY + 3


# --- Edits ----------------------------------------------------------------------------------------


def published(session: Session, blog: Blog, now: datetime) -> Intent:
    take(session, blog, feed(post(now)), now + 2 * MINUTE)
    return blogs.confirm(session, only(session, blog), now + 3 * MINUTE)


def test_an_edited_post_is_a_revision_and_never_a_second_intent(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now)
        intent = published(session, blog, now)
        intent.routed_at = now
        edited = post(now, title="I want a Toyota Yaris near Leeds, red", text="Under £10,000.")
        take(session, blog, feed(edited), now + 9 * MINUTE)
        assert intents(session) == [intent]
        assert [each.change for each in intent.revisions] == [Change.OPENED, Change.AMENDED]
        assert (intent.title, intent.body) == ("Toyota Yaris near Leeds, red", "Under £10,000.")
        assert (intent.budget_max, intent.routed_at) == (1_000_000, None)


def test_an_edit_does_not_undo_what_the_author_corrected_on_the_page(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now)
        intent = published(session, blog, now)
        root = taxonomy.trees(session).regions.root.id
        corrected = replace(publish.draft_of(intent), region_id=root, quantity=2, terms="Be kind.")
        publish.amend(session, intent, corrected, now + 4 * MINUTE)
        take(session, blog, feed(post(now, text="Under £12,000. Any colour.")), now + 9 * MINUTE)
        assert (intent.region_id, intent.quantity, intent.terms) == (root, 2, "Be kind.")
        assert intent.body == "Under £12,000. Any colour."


def test_a_tag_that_was_removed_is_asked_about_and_putting_it_back_ends_the_question(
    store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now)
        tagged = post(now, title="Toyota Yaris near Leeds")
        take(session, blog, feed(tagged), now + 2 * MINUTE)
        intent = blogs.confirm(session, only(session, blog), now + 3 * MINUTE)
        take(session, blog, feed(replace(tagged, tags=())), now + 4 * MINUTE)
        entry = only(session, blog)
        assert (entry.ask_at, intent.state) == (now + 4 * MINUTE, "open")
        assert entry.reason.startswith("After your edit this no longer reads as a want: Nothing says")
        take(session, blog, feed(tagged), now + 5 * MINUTE)
        assert (entry.ask_at, entry.reason) == (None, "")


def test_chatter_that_is_edited_into_a_want_becomes_one(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now)
        take(session, blog, feed(post(now, title="Rain", text="", tags=())), now + 2 * MINUTE)
        take(session, blog, feed(post(now)), now + 3 * MINUTE)
        entry = only(session, blog)
        assert (entry.decision, entry.reason, entry.ask_at) == (Decision.ASKED, "", now + 3 * MINUTE)
        assert intent_of(session, blog).state == "draft"


def test_an_edit_after_the_want_was_closed_says_what_to_do(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now)
        intent = published(session, blog, now)
        publish.withdraw(session, intent, now + 4 * MINUTE)
        take(session, blog, feed(post(now, text="Still looking!")), now + 5 * MINUTE)
        entry = only(session, blog)
        assert "publish a new one if you still want it" in entry.reason
        assert (entry.ask_at, len(intents(session)), intent.revision) == (None, 1, 2)


def test_an_edit_of_a_draft_changes_the_draft(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now)
        take(session, blog, feed(post(now)), now + 2 * MINUTE)
        take(session, blog, feed(post(now, title="I want a Toyota Aygo near Leeds")), now + 3 * MINUTE)
        intent = intent_of(session, blog)
        assert (intent.title, intent.state, intent.revision) == ("Toyota Aygo near Leeds", "draft", 0)
        assert only(session, blog).ask_at is not None


def test_an_edit_that_cannot_be_taken_over_is_asked_about(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now)
        intent = published(session, blog, now)
        publish.amend(session, intent, replace(publish.draft_of(intent), needed_by=(now + DAY).date()), now)
        take(session, blog, feed(post(now, text="Any colour.")), now + 5 * DAY)
        entry = only(session, blog)
        assert "is over; please choose a day to come" in entry.reason
        assert entry.ask_at == now + 5 * DAY


# --- Posts that are gone --------------------------------------------------------------------------


def test_a_post_that_vanished_is_asked_about_once(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now)
        older = post(now, "older", title="Rain", tags=(), published_at=now)
        take(session, blog, feed(post(now), older), now + 2 * MINUTE)
        intent = blogs.confirm(session, only(session, blog), now + 3 * MINUTE)
        take(session, blog, feed(older), now + 4 * MINUTE)
        entry = only(session, blog)
        assert (entry.vanished_at, entry.ask_at, intent.state) == (now + 4 * MINUTE, now + 4 * MINUTE, "open")
        blogs.keep(session, entry)
        take(session, blog, feed(older), now + 5 * MINUTE)
        assert entry.ask_at is None


def test_a_post_that_came_back_before_the_mail_went_is_not_asked_about(
    store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now)
        published(session, blog, now)
        take(session, blog, feed(), now + 4 * MINUTE)
        assert only(session, blog).ask_at == now + 4 * MINUTE
        take(session, blog, feed(post(now)), now + 5 * MINUTE)
        entry = only(session, blog)
        assert (entry.vanished_at, entry.ask_at) == (None, None)


def test_a_post_that_only_scrolled_off_the_end_of_the_feed_is_not_gone(
    store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now)
        published(session, blog, now)
        newer = [post(now, f"n{number}", title="Rain", tags=(), published_at=now + DAY) for number in range(3)]
        take(session, blog, feed(*newer), now + 2 * DAY)
        assert (only(session, blog).vanished_at, only(session, blog).ask_at) == (None, None)


def test_of_a_want_that_is_closed_nobody_asks(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now)
        publish.withdraw(session, published(session, blog, now), now + 4 * MINUTE)
        take(session, blog, feed(), now + 5 * MINUTE)
        assert (only(session, blog).vanished_at, only(session, blog).ask_at) == (None, None)


def test_the_blog_takes_its_title_from_the_feed_and_keeps_it(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        blog = ana_writes(session, ana, now)
        take(session, blog, feed(title="Ana writes"), now)
        take(session, blog, feed(title=""), now)
        assert blog.title == "Ana writes"
