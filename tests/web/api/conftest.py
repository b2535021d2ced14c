"""Ana's want, Ben's shop that was told of it, Carol who is nobody here, and a program with a token for each."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path

import pytest
from flask import Flask
from programs import Hands, Program, Scene
from rooms import person, publish_want, route_all, start_vendor
from world import settings_for

from notifiers import proving, register
from notifiers.models import ChannelKind
from vendors.models import Lead
from vrm.app import desk_of
from vrm.kernel import accounts
from vrm.kernel.accounts import OF_EVERYBODY, Account, Passwords, Scope
from vrm.kernel.db import Store


@pytest.fixture
def clock(now: datetime) -> Hands:
    return Hands(now)


@pytest.fixture
def app(house: Flask, store: Store, store_url: str, clock: Hands, passwords: Passwords, tmp_path: Path) -> Flask:
    settings = replace(settings_for(store_url, tmp_path), allow_private=(ip_network("127.0.0.0/8"),))
    house.extensions["vrm"] = desk_of(settings, store=store, clock=clock, passwords=passwords)
    return house


@pytest.fixture
def olu(store: Store) -> Account:
    """An operator."""
    return person(store, "olu@example.com", operator=True)


Connect = Callable[..., Program]


@pytest.fixture
def program(app: Flask, store: Store, now: datetime) -> Connect:
    """A program with a fresh token of an account; of nobody without one."""

    def connect(account: Account | None, scopes: Iterable[str] = ()) -> Program:
        if account is None:
            return Program(app, None)
        with store.write() as session:
            every = tuple(Scope) if account.is_operator else OF_EVERYBODY
            made = accounts.make_token(session, account, now, name="test", scopes=scopes or every)
        return Program(app, made.secret)

    return connect


@pytest.fixture
def scene(app: Flask, store: Store, ana: Account, ben: Account, now: datetime, program: Connect) -> Scene:
    """Ana wants a Yaris in Leeds; Ben's shop sells cars there, and has been told."""
    with store.write() as session:
        vendor = start_vendor(session, ben, now, wish=("cars-trucks-vans", "gb-lds"))
        channel = register.add_channel(
            session,
            vendor,
            ChannelKind.EMAIL,
            {"address": "ben@leeds-toyota.example"},
            now,
            outbound=app.extensions["vrm"].post.outbound,
        ).channel
        proving.mark_verified(session, channel, now)
        intent = publish_want(session, ana, now)
    with store.write() as session:
        route_all(session, now)
    with store.read() as session:
        lead = session.get_one(Lead, (intent.id, vendor.id)).code
    subscriptions = program(ben).get(f"/vendors/{vendor.slug}/subscriptions").get_json()["items"]
    blog = program(ana).post("/blogs", {"url": "https://ana.example.org/"}).get_json()
    return Scene(intent.code, vendor.slug, subscriptions[0]["id"], channel.code, lead, blog["id"])
