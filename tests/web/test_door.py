"""Signing in and out, and that nothing typed is lost on the way."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from visiting import Clock, Visitor
from world import World

from notifiers.models import Notification, Topic
from vendors.models import Vendor
from vrm.kernel.accounts import Account, Link
from vrm.kernel.db import Store


def secret_of(store: Store) -> str:
    """What the newest letter carries."""
    with store.read() as session:
        letter = session.scalars(select(Notification).order_by(Notification.id.desc())).first()
        assert letter is not None
        assert letter.topic in (Topic.SIGN_IN, Topic.VERIFY)
        return str(letter.params["secret"])


def test_a_link_signs_in_once_and_only_by_its_button(visitor: Callable[[], Visitor], store: Store) -> None:
    ana = visitor()
    assert "on its way" in ana.send("/sign-in", email="Ana@Example.org").text
    secret = secret_of(store)
    for _ in range(3):  # A mail scanner opens it, again and again.
        ana.get(f"/sign-in/{secret}")
    assert ana.press(f"/sign-in/{secret}") == "/me"
    ana.get("/me")
    with store.read() as session:
        assert session.scalars(select(Account)).one().verified_at is not None
    assert "used or is too old" in ana.refused(f"/sign-in/{secret}", 410)
    assert ana.press("/sign-out") == "/"
    ana.get("/me", 303)


def test_the_first_time_the_browser_says_by_which_clock_somebody_lives(
    visitor: Callable[[], Visitor], store: Store
) -> None:
    def zone_after(email: str, zone: str) -> str:
        somebody = visitor()
        somebody.send("/sign-in", email=email)
        somebody.press(f"/sign-in/{secret_of(store)}", zone=zone)
        with store.read() as session:
            return session.scalars(select(Account.zone).where(Account.email == email)).one()

    assert zone_after("ana@example.org", "Europe/Berlin") == "Europe/Berlin"
    assert zone_after("ana@example.org", "Asia/Tokyo") == "Europe/Berlin", "On a journey."
    assert zone_after("ben@example.org", "Mars/Olympus") == "UTC"


def test_a_link_leads_on_to_where_somebody_wanted_to_go(visitor: Callable[[], Visitor], store: Store) -> None:
    ana = visitor()
    ana.send("/sign-in", email="ana@example.org", next="/me/blogs")
    assert ana.press(f"/sign-in/{secret_of(store)}") == "/me/blogs"


def test_no_link_leads_to_another_site(visitor: Callable[[], Visitor], store: Store) -> None:
    ana = visitor()
    for number, elsewhere in enumerate(
        (
            "//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "///evil.example",
            "https:evil.example", "\\\\evil.example", "/\t/evil.example", "\t//evil.example", "/\n/evil.example",
            "\x01//evil.example", "data:text/html,x", "evil.example", "@evil.example", "",
        )
    ):  # fmt: skip
        ana.send("/sign-in", email=f"a{number}@example.org", next=elsewhere)
        assert ana.press(f"/sign-in/{secret_of(store)}") == "/me"
        ana.press("/sign-out")


def test_an_old_link_is_refused_kindly(visitor: Callable[[], Visitor], store: Store, clock: Clock) -> None:
    ana = visitor()
    ana.send("/sign-in", email="ana@example.org")
    clock.moment += timedelta(minutes=31)
    assert "Ask for a new one" in ana.get(f"/sign-in/{secret_of(store)}", 410)


def test_one_mailbox_gets_six_links_an_hour(visitor: Callable[[], Visitor], store: Store) -> None:
    somebody = visitor()
    for _ in range(6):
        assert somebody.send("/sign-in", email="ana@example.org").status_code == 200
    answer = somebody.send("/sign-in", email="ana@example.org")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3600")
    with store.read() as session:
        assert len(session.scalars(select(Link)).all()) == 6


def test_a_password_signs_in_and_a_wrong_one_says_the_same_for_everybody(
    visitor: Callable[[], Visitor], world: World
) -> None:
    ana = visitor()
    said = [
        re.sub(r'value="[^"]*"', "", ana.refused("/sign-in/password", 422, email=email, password="wrong password"))
        for email in ("ana@example.org", "nobody@example.org")
    ]
    assert said[0] == said[1]
    assert "do not belong together" in said[0]
    assert ana.press("/sign-in/password", email="ana@example.org", password="a sentence is fine") == "/me"


def test_each_proof_that_did_not_hold_is_a_line_of_the_log_without_what_was_typed(
    visitor: Callable[[], Visitor], world: World, caplog: pytest.LogCaptureFixture
) -> None:
    for email in ("ana@example.org", "nobody@example.org"):
        visitor().refused("/sign-in/password", 422, email=email, password="a wrong sentence")
    visitor().refused("/sign-in/passkey", 422, credential="{}")
    visitor().refused("/sign-in/used-or-cut-in-two", 410)
    ben = visitor().sign_in(world.ben)
    ben.refused("/me/signing-in/password", 422, old_password="a wrong one", password="another sentence")
    ben.refused("/me/signing-in/again", 422, proof="a wrong one")
    said = [(line.proof, line.account) for line in caplog.records if line.message == "a proof was refused"]
    assert said == [
        ("password", world.ana.id), ("password", None), ("passkey", None), ("link", None),
        ("password", world.ben.id), ("again", world.ben.id),
    ]  # fmt: skip
    assert "wrong" not in caplog.text
    assert "example.org" not in caplog.text


def test_signing_in_begins_a_new_session(app: Flask, visitor: Callable[[], Visitor], world: World) -> None:
    ana = visitor()
    with ana.client.session_transaction() as session:
        session["planted"] = "by somebody else"
    ana.press("/sign-in/password", email="ana@example.org", password="a sentence is fine")
    with ana.client.session_transaction() as session:
        assert "planted" not in session


def test_a_new_password_ends_every_other_session(visitor: Callable[[], Visitor], world: World) -> None:
    here, there = visitor().sign_in(world.ana), visitor().sign_in(world.ana)
    here.refused("/me/signing-in/password", 422, old_password="wrong", password="another sentence")
    here.press("/me/signing-in/password", old_password="a sentence is fine", password="another sentence")
    here.get("/me/account")
    there.get("/me/account", 303)


def test_what_was_typed_survives_signing_in_with_a_password(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    carol = visitor()
    typed = {"name": "Carol’s Vans", "category": "cars-trucks-vans", "region": "gb-lds", "email": "c@example.net"}
    page = carol.refused("/vendor", 401, **typed)
    kept = re.search(r'name="kept" value="([^"]+)"', page)
    assert kept
    answer = carol.send("/sign-in/password", email="carol@example.net", password="a sentence is fine", kept=kept[1])
    for value in typed.values():
        assert value in answer.text
    carol.press("/vendor", **typed)
    with store.read() as session:
        assert session.scalar(select(Vendor).where(Vendor.name == "Carol’s Vans")) is not None


def test_what_was_typed_waits_for_who_opens_the_link_and_for_nobody_else(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    there = visitor()
    typed = {"name": "Dora’s Vans", "category": "cars-trucks-vans", "region": "gb-lds", "email": "d@example.net"}
    page = there.refused("/vendor", 401, **typed)
    assert 'value="d@example.net"' in page  # She mostly signs in with the same.
    kept = re.search(r'name="kept" value="([^"]+)"', page)
    assert kept
    for stranger in (False, True):
        there.send("/sign-in", email="d@example.net", kept=kept[1])
        of_dora = secret_of(store)
        if stranger:
            there.send("/sign-in", email="carol@example.net")
            assert there.press(f"/sign-in/{secret_of(store)}") == "/me"
        else:
            answer = there.send(f"/sign-in/{of_dora}")
            assert "You are signed in" in answer.text
            assert all(value in answer.text for value in typed.values())
    there.press("/vendor", **typed)
    with store.read() as session:
        assert session.scalar(select(Vendor).where(Vendor.name == "Dora’s Vans")) is not None


def test_an_ended_session_loses_nothing_that_was_typed(visitor: Callable[[], Visitor], world: World) -> None:
    ana = visitor().sign_in(world.ana)
    answer = ana.client.post(
        f"/me/intents/{world.want.code}/vendors/{world.vendor.slug}/say",
        data={"csrf_token": "of another session", "body": "Is it red?", "password": "never shown"},
        headers={"Origin": "http://localhost"},
    )
    assert answer.status_code == 400
    assert 'value="Is it red?"' in answer.text
    assert "never shown" not in answer.text


def test_a_form_of_another_site_does_nothing_and_is_not_repeated(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    ana = visitor().sign_in(world.ana)
    path = f"/me/intents/{world.want.code}/withdraw"
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}):
        answer = ana.client.post(path, data={"why": "I say so"}, headers=headers)
        assert answer.status_code == 400
        assert "I say so" not in answer.text
    nobody = visitor().client.post(path, data={"why": "I say so"}, headers={"Origin": "https://evil.example"})
    assert "I say so" not in nobody.text
    assert 'name="kept"' not in nobody.text


def test_an_unproven_mailbox_can_be_proven_and_then_publish(
    visitor: Callable[[], Visitor], store: Store, now: datetime
) -> None:
    with store.write() as session:
        dora = Account(email="dora@example.org", created_at=now)
        session.add(dora)
    page = visitor().sign_in(dora)
    said = {"title": "A boat", "category": "cars-trucks-vans", "region": "gb-lds"}
    board = page.press("/want", **said)
    assert "confirm your e-mail address" in page.get(board)
    assert "confirm your mail address" in page.refused(f"{board}/publish", 403)
    page.press("/verify", next=board)
    assert page.press(f"/verify/{secret_of(store)}") == board
    assert page.press(f"{board}/publish") == board


def test_guessing_comes_to_an_end_wherever_a_password_is_asked_for(
    visitor: Callable[[], Visitor], world: World
) -> None:
    guesser = visitor()
    want = {"said": "A used Toyota Yaris", "title": "A used Toyota Yaris", "category": "Cars", "region": "Leeds"}
    for _ in range(10):
        guesser.refused("/want/author", 422, email="ana@example.org", password="a wrong sentence", **want)
    guesser.refused("/want/author", 429, email="ana@example.org", password="a sentence is fine", **want)
    guesser.refused("/sign-in/password", 429, email="ana@example.org", password="a sentence is fine")


def test_guessing_a_password_comes_to_an_end_and_a_link_still_works(
    visitor: Callable[[], Visitor], world: World, clock: Clock
) -> None:
    guesser = visitor()
    for _ in range(10):
        guesser.refused("/sign-in/password", 422, email="ana@example.org", password="a wrong sentence")
    # However it is spelt: a domain in wide letters is the same mailbox.
    for email in ("ana@example.org", "Ana@Example.org ", "ana@ｅｘａｍｐｌｅ.org", "ana@example。org"):
        page = guesser.refused("/sign-in/password", 429, email=email, password="a sentence is fine")
        assert "wait 15 minutes" in page
    # Whether or not there is such an account: nobody learns which.
    for _ in range(10):
        guesser.refused("/sign-in/password", 422, email="nobody@example.org", password="a wrong sentence")
    guesser.refused("/sign-in/password", 429, email="nobody@example.org", password="a wrong sentence")
    assert "on its way" in guesser.send("/sign-in", email="ana@example.org").text
    clock.moment += timedelta(minutes=16)
    assert guesser.press("/sign-in/password", email="ana@example.org", password="a sentence is fine") == "/me"


def test_one_mailbox_is_one_account_however_it_is_spelt(visitor: Callable[[], Visitor], store: Store) -> None:
    spellings = ("ana@bücher.example", "Ana@BÜCHER.example", "ana@xn--bcher-kva.EXAMPLE", " ana@ｂücher。example")
    for spelling in spellings:
        assert visitor().send("/sign-in", email=spelling).status_code == 200
    with store.read() as session:
        assert [account.email for account in session.scalars(select(Account))] == ["ana@xn--bcher-kva.example"]
        assert len(session.scalars(select(Link)).all()) == len(spellings)


def test_an_address_that_looks_like_anas_opens_nothing_of_hers(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    with store.read() as session:
        before = session.scalars(select(Account.id)).all()
    for alike in (
        "аna@example.org",
        "ana\u200b@example.org",
        "ana.@example.org",
        '"ana"@example.org',
        "ana@example.org.",
    ):
        for path, fields in (("/sign-in", {}), ("/sign-in/password", {"password": "a sentence is fine"})):
            visitor().refused(path, 422, email=alike, **fields)
    # A domain that looks like hers is another mailbox, and is shown by its other spelling.
    stranger = visitor()
    assert "xn--exmple-4nf.org" in stranger.send("/sign-in", email="ana@exаmple.org").text
    stranger.press(f"/sign-in/{secret_of(store)}")
    stranger.get(f"/me/intents/{world.want.code}", 404)
    with store.read() as session:
        assert len(session.scalars(select(Account.id)).all()) == len(before) + 1


def test_nobody_has_us_write_to_the_whole_world(visitor: Callable[[], Visitor], clock: Clock) -> None:
    """Each address that is named gets a mail and an account; from one place so many an hour, whichever page asks."""
    stranger = visitor()
    for number in range(60):
        assert stranger.send("/sign-in", email=f"victim{number}@example.org").status_code == 200
    assert "60 links an hour" in stranger.refused("/sign-in", 429, email="victim60@example.org")
    want = {"title": "A boat", "category": "vehicles", "region": "gb", "email": "victim61@example.org"}
    assert "60 links an hour" in stranger.refused("/want/author", 429, **want)
    clock.moment += timedelta(minutes=61)
    assert stranger.send("/sign-in", email="victim60@example.org").status_code == 200
