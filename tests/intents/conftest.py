"""A host on loopback, a clock that is set, and a harvester that may reach the one and reads the other."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from ipaddress import ip_network

import pytest
from hosting import BlogHost, Time, blog_host

from intents.feed import FeedReader
from intents.fetching import Harvester
from vrm.kernel.db import Store
from vrm.kernel.outbound import Outbound

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
HOME = "https://wants.example.org"


@pytest.fixture(scope="module")
def reader() -> Iterator[FeedReader]:
    reader = FeedReader()
    yield reader
    reader.close()


@pytest.fixture(scope="module")
def server() -> Iterator[BlogHost]:
    with blog_host() as host:
        yield host


@pytest.fixture
def host(server: BlogHost) -> BlogHost:
    server.says.clear()
    server.heard.clear()
    server.posted.clear()
    return server


@pytest.fixture
def time(now: datetime) -> Time:
    return Time(now)


@pytest.fixture
def harvester(store: Store, reader: FeedReader, time: Time) -> Harvester:
    return Harvester(store, Outbound([ip_network("127.0.0.0/8")]), reader, time, HOME, texts=lambda name: ())
