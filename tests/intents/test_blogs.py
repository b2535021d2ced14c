"""A customer's blogs: ten at most, one of each, theirs alone; and what the author says to a post."""

from datetime import datetime, timedelta

import pytest
from opening import want
from sqlalchemy.orm import Session
from together import at_once, meeting

from intents import blogs, publish
from intents.draft import IntentDraft
from intents.models import Blog, Decision, Entry, Origin, Outcome
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput, LimitReached, NotFound, WrongState

URL = "https://ana.example/"


def register(session: Session, account: Account, now: datetime, url: str = URL) -> Blog:
    return blogs.register(session, session.merge(account, load=False), url, now)


def asked_about(session: Session, blog: Blog, now: datetime, draft: IntentDraft | None) -> Entry:
    """A post that was read, with the draft that was made from it."""
    intent = publish.draft(session, blog.account, draft, now, origin=Origin.BLOG) if draft else None
    entry = Entry(
        blog_id=blog.id,
        key=f"k{now}",
        digest="d",
        published_at=now,
        first_seen_at=now,
        decision=Decision.ASKED if intent else Decision.SKIPPED,
        intent_id=intent.id if intent else None,
        ask_at=now if intent else None,
    )
    session.add(entry)
    session.flush()
    return entry


def test_a_new_blog_is_not_proven_and_is_due_once_it_is(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        blog = register(session, ana, now)
        assert (blog.url, blog.feed_url, blog.verified_at, blog.next_fetch_at) == (URL, URL, None, now)
        assert blog.proof_token.startswith("vrm-")
        assert not blog.publish_tagged
        assert blogs.by_code(session, ana, blog.code) is blog


def test_ten_blogs_are_the_most_and_removing_one_makes_room(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        mine = [register(session, ana, now, f"{URL}{number}") for number in range(blogs.AT_MOST)]
        with pytest.raises(LimitReached, match="10 blogs here; remove one"):
            register(session, ana, now, f"{URL}more")
        blogs.remove(session, mine[0], now)
        register(session, ana, now, f"{URL}more")


def test_the_same_blog_is_registered_once_but_another_person_may_say_it_is_theirs(
    store: Store, ana: Account, carol: Account, now: datetime
) -> None:
    with store.write() as session:
        register(session, ana, now)
        with pytest.raises(BadInput, match="registered this blog already") as refused:
            register(session, ana, now)
        assert list(refused.value.problems) == ["url"]
        register(session, carol, now)


def test_a_blog_that_was_removed_can_come_again_with_a_new_proof(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        first = register(session, ana, now)
        blogs.remove(session, first, now)
        blogs.remove(session, first, now + timedelta(days=1))
        assert first.ended_at == now
        again = register(session, ana, now + timedelta(days=2))
        assert again.proof_token != first.proof_token
        assert again.created_at == now + timedelta(days=2)
        assert blogs.blogs_of(session, ana) == [again]


def test_of_two_registrations_at_once_one_wins(store: Store, ana: Account, now: datetime) -> None:
    met = meeting(store)

    def press() -> str:
        with store.write() as session:
            met()
            return register(session, ana, now).code

    ends = at_once(press, press)
    assert sum(isinstance(end, BadInput) for end in ends) == 1
    with store.read() as session:
        assert [blog.code for blog in blogs.blogs_of(session, ana)] == [end for end in ends if isinstance(end, str)]


def test_homes_are_nodes_of_the_trees_and_a_bad_choice_leaves_nothing_behind(
    store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        trees = taxonomy.trees(session)
        account = session.merge(ana, load=False)
        with pytest.raises(BadInput) as refused:
            blogs.register(session, account, URL, now, home_category_id=0, home_region_id=2**70)
        assert set(refused.value.problems) == {"home_category", "home_region"}
        assert blogs.blogs_of(session, account) == []
        home = trees.regions.root.id
        blog = blogs.register(session, account, URL, now, publish_tagged=True, home_region_id=home)
        with pytest.raises(BadInput):
            blogs.choose(session, blog, publish_tagged=False, home_category_id=0, home_region_id=None)
        assert (blog.publish_tagged, blog.home_category_id, blog.home_region_id) == (True, None, home)


def test_carol_learns_nothing_of_anas_blogs(store: Store, ana: Account, carol: Account, now: datetime) -> None:
    with store.write() as session:
        blog = register(session, ana, now)
        entry = asked_about(session, blog, now, want(session))
        for code in (blog.code, "", "\x00", "\ud800", "x" * 10_000):
            with pytest.raises(NotFound, match="There is no such blog"):
                blogs.by_code(session, carol, code)
        for number in (entry.id, 0, -1, 2**63, 10**40):
            with pytest.raises(NotFound, match="There is no such post"):
                blogs.entry(session, carol, number)
        assert blogs.blogs_of(session, carol) == []
        assert blogs.entry(session, ana, entry.id) is entry
        blogs.remove(session, blog, now)
        with pytest.raises(NotFound):
            blogs.by_code(session, ana, blog.code)


def test_a_blog_that_ended_by_itself_is_still_shown_with_its_trouble(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        gone, removed = register(session, ana, now), register(session, ana, now, f"{URL}2")
        gone.ended_at, gone.trouble = now, "The blog says that it is gone for good."
        removed.trouble = "It did not answer."
        blogs.remove(session, removed, now)
        assert blogs.blogs_of(session, ana) == [gone]


def test_read_it_now_needs_proof_and_a_minute(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        blog = register(session, ana, now)
        with pytest.raises(WrongState, match="prove first"):
            blogs.read_soon(session, blog, now)
        blog.verified_at = blog.fetched_at = now
        blog.next_fetch_at = now + timedelta(hours=5)
        with pytest.raises(LimitReached, match="wait a minute") as refused:
            blogs.read_soon(session, blog, now + timedelta(seconds=59))
        assert refused.value.retry_after_s == 60
        blogs.read_soon(session, blog, now + timedelta(seconds=60))
        assert blog.next_fetch_at == now + timedelta(seconds=60)


def test_the_newest_posts_come_first(store: Store, ana: Account, now: datetime) -> None:
    with store.write() as session:
        blog = register(session, ana, now)
        posts = [asked_about(session, blog, now + timedelta(hours=hour), None) for hour in range(4)]
        assert blogs.entries_of(session, blog, limit=3) == posts[:0:-1]


# --- What the author says -------------------------------------------------------------------------


def test_confirming_publishes_the_draft_and_confirming_again_changes_nothing(
    store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        entry = asked_about(session, register(session, ana, now), now, want(session))
        intent = blogs.confirm(session, entry, now)
        assert blogs.confirm(session, entry, now + timedelta(days=1)) is intent
        assert (intent.state, intent.opened_at, intent.revision) == ("open", now, 1)
        assert (entry.decision, entry.ask_at) == (Decision.PUBLISHED, None)


def test_confirming_what_is_incomplete_says_what_is_missing_and_goes_on_asking(
    store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        entry = asked_about(session, register(session, ana, now), now, IntentDraft(title="Something"))
        with pytest.raises(BadInput) as refused:
            blogs.confirm(session, entry, now)
        assert set(refused.value.problems) == {"category", "region"}
        assert (entry.decision, entry.ask_at) == (Decision.ASKED, now)


def test_there_is_nothing_to_confirm_in_a_post_that_is_no_want_or_was_dismissed(
    store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        blog = register(session, ana, now)
        with pytest.raises(WrongState, match="No want was read"):
            blogs.confirm(session, asked_about(session, blog, now, None), now)
        entry = asked_about(session, blog, now + timedelta(seconds=1), want(session))
        blogs.dismiss(session, entry, now)
        with pytest.raises(WrongState, match="closed"):
            blogs.confirm(session, entry, now)


def test_dismissing_throws_the_draft_away_or_withdraws_what_was_published(
    store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        blog = register(session, ana, now)
        draft = asked_about(session, blog, now, want(session))
        published = asked_about(session, blog, now + timedelta(seconds=1), want(session))
        blogs.confirm(session, published, now)
        for entry in (draft, published, draft, published):
            blogs.dismiss(session, entry, now)
        for entry in (draft, published):
            assert entry.intent is not None
            assert entry.intent.outcome is Outcome.WITHDRAWN
            assert entry.ask_at is None
        assert (draft.decision, draft.reason) == (Decision.SKIPPED, "You said that this is not a want.")
        assert published.decision is Decision.PUBLISHED


def test_keeping_a_want_whose_post_is_gone_ends_the_question_and_nothing_else(
    store: Store, ana: Account, now: datetime
) -> None:
    with store.write() as session:
        entry = asked_about(session, register(session, ana, now), now, want(session))
        intent = blogs.confirm(session, entry, now)
        entry.ask_at = entry.vanished_at = now
        blogs.keep(session, entry)
        assert (entry.ask_at, intent.state) == (None, "open")
