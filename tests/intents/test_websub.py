"""Hubs: asked, confirmed, heard only with their signature, renewed before the lease ends; without one, polling."""

import hmac
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hosting import BlogHost, Said, Time, blog_of, item, register, rss
from sqlalchemy import select

from intents import websub
from intents.fetching import Harvester
from intents.harvest import harvest
from intents.models import HubLease
from intents.websub import POLL_ANYWAY, renew
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import NotFound

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def lease_of(store: Store) -> HubLease:
    with store.read() as session:
        return session.scalars(select(HubLease)).one()


def signature(lease: HubLease, body: bytes, method: str = "sha256") -> str:
    return f"{method}={hmac.new(lease.secret.encode(), body, method).hexdigest()}"


@pytest.fixture
def blog_id(store: Store, ana: Account, host: BlogHost, now: datetime) -> int:
    links = f'<{host.url("/hub")}>; rel="hub", <{host.url("/feed")}>; rel=self'
    host.says["/feed"] = Said(rss(item("1", now)), headers={"Link": links, "ETag": '"1"'})
    host.says["/hub"] = Said(status=202)
    return register(store, ana, host.url("/feed"), now)


def test_a_hub_that_the_feed_names_is_asked_confirmed_heard_and_asked_again_before_the_end(
    harvester: Harvester, store: Store, host: BlogHost, time: Time, now: datetime, blog_id: int
) -> None:
    harvest(harvester)
    assert renew(harvester) == 1
    lease = lease_of(store)
    asked = {
        "hub.callback": f"https://wants.example.org/websub/{lease.code}",
        "hub.mode": "subscribe",
        "hub.topic": host.url("/feed"),
        "hub.lease_seconds": str(10 * 24 * 3600),
        "hub.secret": lease.secret,
    }
    assert host.posted == [("/hub", asked)]
    assert renew(harvester) == 0
    with store.write() as session:
        websub.confirm(websub.lease_of(session, lease.code), topic=lease.topic, lease_seconds="86400", now=now)
    # From now on the hub tells, and a look of our own is rare.
    time.now = blog_of(store, blog_id).next_fetch_at
    harvest(harvester)
    assert blog_of(store, blog_id).next_fetch_at == time.now + POLL_ANYWAY
    time.now += HOUR
    with store.write() as session:
        mine = websub.lease_of(session, lease.code)
        for wrong in ("", "sha256=", signature(lease, b"other"), signature(lease, b"new", "sha1")):
            assert not websub.hear(session, mine, body=b"new", signature=wrong, now=time.now)
        assert not websub.hear(session, mine, body=b"new", signature=signature(lease, b"new"), now=now + 2 * DAY)
    assert blog_of(store, blog_id).next_fetch_at > time.now
    with store.write() as session:
        mine = websub.lease_of(session, lease.code)
        assert websub.hear(session, mine, body=b"new", signature=signature(lease, b"new"), now=time.now)
    assert blog_of(store, blog_id).next_fetch_at == time.now
    assert harvest(harvester) == 1
    time.now = now + timedelta(hours=21.5)
    assert renew(harvester) == 0
    time.now = now + timedelta(hours=21.7)
    assert renew(harvester) == 1
    assert len(host.posted) == 2


def test_only_what_we_asked_for_is_confirmed(harvester: Harvester, store: Store, now: datetime, blog_id: int) -> None:
    harvest(harvester)
    code, topic = lease_of(store).code, lease_of(store).topic
    with store.write() as session, pytest.raises(NotFound):
        websub.confirm(websub.lease_of(session, code), topic=topic, lease_seconds="60", now=now)
    renew(harvester)
    with store.write() as session, pytest.raises(NotFound):
        websub.confirm(websub.lease_of(session, code), topic="https://other.example/", lease_seconds="60", now=now)
    with store.read() as session, pytest.raises(NotFound):
        websub.lease_of(session, "nonsense")


def test_a_hub_that_fails_or_refuses_leaves_the_blog_to_polling(
    harvester: Harvester, store: Store, host: BlogHost, time: Time, now: datetime, blog_id: int
) -> None:
    host.says["/hub"] = Said(status=500)
    harvest(harvester)
    renew(harvester)
    assert (lease_of(store).trouble, lease_of(store).ask_at) == ("The hub answered 500.", now + HOUR)
    with store.write() as session:
        lease = websub.lease_of(session, lease_of(store).code)
        websub.deny(lease, topic=lease.topic, reason="no room")
    assert (lease_of(store).ask_at, lease_of(store).trouble) == (None, "The hub refused: no room")
    time.now = blog_of(store, blog_id).next_fetch_at
    harvest(harvester)
    assert blog_of(store, blog_id).next_fetch_at < time.now + POLL_ANYWAY


def test_a_feed_that_names_no_hub_any_more_is_polled(
    harvester: Harvester, store: Store, host: BlogHost, time: Time, blog_id: int
) -> None:
    harvest(harvester)
    host.says["/feed"] = Said(rss())
    time.now = blog_of(store, blog_id).next_fetch_at
    harvest(harvester)
    with store.read() as session:
        assert session.scalars(select(HubLease)).all() == []


def test_no_hub_is_asked_to_call_a_broker_that_is_not_public(
    harvester: Harvester, host: BlogHost, blog_id: int
) -> None:
    at_home = replace(harvester, home_url="http://broker.internal:8000x")
    harvest(at_home)
    assert renew(at_home) == 0
    assert host.posted == []
