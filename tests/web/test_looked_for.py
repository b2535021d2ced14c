"""What somebody must not learn is looked for in everything that they can read: pages, operations, messages, feeds."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

import pytest
from addresses import Town, build, of_operation, of_page, pages
from flask import Flask
from sqlalchemy import select
from test_attack_api import token_of
from visiting import Visitor

from notifiers import links
from notifiers.compose import compose
from notifiers.models import Channel, ChannelKind, Notification
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store, new_code
from vrm.kernel.errors import VrmError
from vrm.web.access import Who
from vrm.web.api import OPERATIONS

HERS = ("ana@example.org", "Castro", "496 0000", "ana.example.org/blog", "ana.example.org/feed", "social.example/@ana")


def read_by(person: Account | None, app: Flask, town: Town, store: Store, now: datetime) -> Iterator[tuple[str, str]]:
    """Where and what: every page and operation that only reads, about Ana's and Ben's things, as this person gets it.

    An archive is read like a text, in which nothing is found; the same is in a file beside it.
    """
    visitor = Visitor(app)
    headers = {}
    if person is not None:
        visitor.sign_in(person)
        headers = {"Authorization": f"Bearer {token_of(store, person, now)}"}
    for rule, method, who in pages(app):
        if method == "GET" and who is not Who.LINK:
            path = build(app, rule, of_page(town, rule))
            yield path, visitor.client.get(path, buffered=True).data.decode(errors="replace")
    for operation in OPERATIONS:
        if operation.method == "GET":
            path = "/api/v1" + operation.path.format_map(of_operation(town, operation.path))
            yield path, app.test_client().get(path, headers=headers).text


def written_to(vendor_id: int, app: Flask, store: Store) -> Iterator[tuple[str, str]]:
    """Each message that is owed to this vendor, as a mail, in a chat, and as a program gets it."""
    with store.read() as session:
        owed = select(Notification).join(Channel).where(Channel.vendor_id == vendor_id)
        for notification in session.scalars(owed).all():
            with suppress(VrmError):  # A challenge whose code is over.
                said = compose(session, notification, app.extensions["vrm"].post)
                yield notification.topic, repr(said)


@pytest.mark.slow
@pytest.mark.usefixtures("no_limits")
def test_before_the_reveal_a_vendor_reads_nothing_of_the_person_anywhere(
    app: Flask, town: Town, store: Store, now: datetime
) -> None:
    world, signer = town.world, app.extensions["vrm"].signer
    since = {"created_at": now, "verified_at": now}
    with store.write() as session:
        feed = Channel(
            code=new_code(), vendor_id=world.vendor.id, kind=ChannelKind.FEED, target={"secret": "x" * 32}, **since
        )
        session.add(feed)
        session.flush()
        addresses = [links.feed_url("", signer, feed, kind) for kind in ("atom", "json")]
    found = dict(read_by(world.ben, app, town, store, now))
    found |= {path: Visitor(app).get(path) for path in (*addresses, f"/r/{world.links['answer']}")}
    found |= dict(written_to(world.vendor.id, app, store))
    told = [where for where, words in found.items() if world.want.title in words]
    assert len(told) > 12, told  # Of the want he reads in all these places; of her nowhere.
    assert {path for path in addresses if path in told} == set(addresses)
    public = ("/docs", "/api/v1/openapi.json", "/me/blogs")  # Their examples are called like hers.
    leaks = [(where, word) for where, words in found.items() if where not in public for word in HERS if word in words]
    assert leaks == []
