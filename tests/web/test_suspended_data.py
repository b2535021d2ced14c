"""Whoever is suspended, or acts for a vendor that is, takes their data along and erases it; nothing else works."""

import json
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from addresses import Town, ask, build, of_page, pages
from flask import Flask
from visiting import Clock, Visitor
from world import World

from vendors import team
from vendors.models import Membership, Role, Vendor
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.web.access import WHILE_SUSPENDED, Who

PROOF = {"email": "ana@example.org", "password": "a sentence is fine"}
WHY = "Three people say that you never pay."
OPERATORS = "vrm@localhost.localdomain"


@pytest.fixture
def ana(visitor: Callable[[], Visitor], world: World) -> Visitor:
    """Suspended, and signed in again."""
    visitor().sign_in(world.olu).press(f"/admin/accounts/{world.ana.id}/suspend", why=WHY)
    her = visitor()
    assert her.press("/sign-in/password", **PROOF, next="/me") == "/me/data"
    return her


def test_she_is_told_why_and_takes_everything_along(ana: Visitor) -> None:
    page = ana.get("/me/data")
    assert WHY in page
    assert OPERATORS in page
    shown = {path for path in re.findall(r'href="(/[^"]*)"', page) if "static" not in path} - {"/"}
    assert len(shown) == 4
    assert {ana.client.get(path).status_code for path in shown} == {200}  # No way is shown that leads nowhere.
    assert "/sign-out" in page
    assert json.loads(ana.get("/me/data/everything.json"))["account"][0]["email"] == "ana@example.org"
    assert ana.client.get("/me/data/everything.zip").mimetype == "application/zip"
    ana.press("/sign-out")
    ana.get("/intents")


def test_in_german_too(ana: Visitor) -> None:
    page = ana.client.get("/me/data", headers={"Accept-Language": "de"}).text
    assert "Konto gesperrt" in page
    assert OPERATORS in page
    assert "Until then" not in page


def test_nothing_else_works_on_any_page(ana: Visitor, app: Flask, town: Town) -> None:
    tried = 0
    for rule, method, who in pages(app):
        if rule.endpoint in WHILE_SUSPENDED or who in (Who.LINK, Who.NETWORK):
            continue
        answer = ask(ana, method, build(app, rule, of_page(town, rule)))
        assert answer.status_code == 403, (method, rule.rule, answer.status_code)
        assert WHY in answer.text, rule.rule
        assert OPERATORS in answer.text, rule.rule
        assert 'href="/me/data"' in answer.text, rule.rule
        tried += 1
    assert tried > 150


def test_words_that_were_typed_are_shown_to_be_copied(ana: Visitor) -> None:
    words = "A long sentence about a boat that took an hour to write."
    assert words in ana.refused("/want", 403, text=words)


def test_she_erases_everything_after_proving_who_she_is(ana: Visitor, world: World, store: Store, clock: Clock) -> None:
    clock.moment += timedelta(hours=1)
    asked = ana.send("/me/data/erase", email="ana@example.org")
    assert "Is it still you?" in asked.text
    assert ana.press("/me/signing-in/again/mail") == "/me/data"
    ana.client.get("/me/data")
    again = ana.send("/me/signing-in/again", proof=PROOF["password"])
    assert again.location == "/me/data"
    assert ana.press("/me/data/erase", email="ana@example.org") == "/"
    with store.read() as session:
        assert session.get_one(Account, world.ana.id).closed_at == clock()
    assert "/sign-in" in ana.client.get("/me/data").location


def test_nobody_else_gets_at_her_data(ana: Visitor, visitor: Callable[[], Visitor], world: World) -> None:
    for other in (world.ben, world.carol, world.olu):
        assert "ana@example.org" not in visitor().sign_in(other).get("/me/data/everything.json")
    assert visitor().client.get("/me/data/everything.json").status_code in (302, 303)
    stranger = visitor()
    stranger.refused("/sign-in/password", 422, email="ana@example.org", password="another sentence")
    assert "/sign-in" in stranger.client.get("/me/data").location
    ben = visitor().sign_in(world.ben)
    ben.refused("/me/data/erase", 422, email="ana@example.org")


def test_an_owner_who_is_suspended_does_not_hold_on_to_a_vendor(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    """Nobody else owns it, and whoever is suspended cannot name another owner: the member who is there longest is."""
    olu = visitor().sign_in(world.olu)
    olu.press(f"/admin/accounts/{world.ben.id}/suspend", why="Bad.")
    ben = visitor().sign_in(world.ben)
    assert f"{world.vendor.name} gets another owner" in ben.get("/me/data")
    assert ben.press("/me/data/erase", email=world.ben.email) == "/"
    with store.read() as session:
        assert session.get(Membership, (world.vendor.id, world.ben.id)) is None
        roles = [one.role for one in session.get_one(Vendor, world.vendor.id).memberships]
        assert Role.OWNER in roles


def test_who_acts_for_a_suspended_vendor_is_told_and_goes_with_their_data(
    visitor: Callable[[], Visitor], world: World, store: Store, clock: Clock
) -> None:
    with store.write() as session:
        team.suspend(session, session.get_one(Vendor, world.carols.id), clock(), why="Ovens that do not exist.")
    carol = visitor().sign_in(world.carol)
    page = carol.get("/vendor/carols-cakes")
    assert "Ovens that do not exist." in page
    assert OPERATORS in page
    assert "carol" in carol.get("/me/data/everything.json")
    assert carol.press("/me/data/erase", email=world.carol.email) == "/"
    with store.read() as session:
        assert session.get_one(Vendor, world.carols.id).closed_at is not None
