"""How an account signs in: sessions that end, second proofs, and asking again before what hurts."""

import re
from collections.abc import Callable
from datetime import timedelta

import pyotp
from test_door import secret_of
from visiting import Clock, Visitor
from world import World

from vrm.kernel.db import Store

HERE = "/me/signing-in"
ANAS = {"email": "ana@example.org", "password": "a sentence is fine"}


def with_app(ana: Visitor) -> tuple[pyotp.TOTP, list[str]]:
    """Set an app up; what it holds, and the recovery codes that were shown."""
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", ana.refused(f"{HERE}/app", 200))
    assert secret
    app = pyotp.TOTP(secret[1])
    page = ana.refused(f"{HERE}/app/confirm", 200, code=app.at(ana.app.extensions["vrm"].clock()))
    one_a_line = re.search(r"<code>((?:[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}\s){10})", page.replace("</code>", "\n"))
    assert one_a_line
    return app, one_a_line[1].splitlines()


def test_one_sees_where_one_is_signed_in_and_ends_it_there(visitor: Callable[[], Visitor], world: World) -> None:
    here, there = visitor().sign_in(world.ana), visitor().sign_in(world.ana)
    assert "Firefox on Android" in here.get(HERE)
    here.press(f"{HERE}/sessions/{world.browser.code}/end")
    assert "Firefox on Android" not in here.get(HERE)
    here.press(f"{HERE}/sessions/end-others")
    there.get(HERE, 303)
    here.get(HERE)


def test_a_copy_of_the_cookie_is_worth_nothing_after_signing_out(visitor: Callable[[], Visitor], world: World) -> None:
    ana, thief = visitor().sign_in(world.ana), visitor()
    with ana.client.session_transaction() as session:
        stolen = session["_user_id"]
    with thief.client.session_transaction() as session:
        session["_user_id"] = stolen
    thief.get("/me")
    ana.press("/sign-out")
    thief.get("/me", 303)


def test_a_session_ends_by_itself(visitor: Callable[[], Visitor], world: World, clock: Clock) -> None:
    idle, busy = visitor().sign_in(world.ana), visitor().sign_in(world.ana)
    for _ in range(2):
        clock.moment += timedelta(days=20)
        busy.get("/me")
    idle.get("/me", 303)
    for _ in range(7):
        clock.moment += timedelta(days=20)
        busy.client.get("/me")
    busy.get("/me", 303)


def test_with_an_app_neither_mail_nor_password_alone_signs_in(
    visitor: Callable[[], Visitor], world: World, clock: Clock, store: Store
) -> None:
    app, codes = with_app(visitor().sign_in(world.ana))
    assert len(codes) == 10
    ana = visitor()
    page = ana.refused("/sign-in/password", 200, **ANAS, next="/me/blogs")
    assert "One more proof" in page
    ana.get("/me", 303)
    assert "does not fit" in ana.refused("/sign-in/second", 422, code="000000", next="/me/blogs")
    # The code that confirmed the app is spent; nobody who looked over a shoulder can use it.
    ana.refused("/sign-in/second", 422, code=app.at(clock()), next="/me/blogs")
    clock.moment += timedelta(seconds=30)
    assert ana.press("/sign-in/second", code=app.at(clock()), next="/me/blogs") == "/me/blogs"

    by_mail = visitor()
    by_mail.send("/sign-in", email="ana@example.org")
    assert "One more proof" in by_mail.refused(f"/sign-in/{secret_of(store)}", 200)
    assert by_mail.press("/sign-in/second", code=codes[0].upper()) == "/me"
    assert "9 recovery codes are left" in by_mail.get(HERE)
    again = visitor()
    again.refused("/sign-in/password", 200, **ANAS)
    again.refused("/sign-in/second", 422, code=codes[0])


def test_a_second_proof_is_no_good_without_the_first_and_is_not_guessed(
    visitor: Callable[[], Visitor], world: World, clock: Clock
) -> None:
    app, _codes = with_app(visitor().sign_in(world.ana))
    clock.moment += timedelta(seconds=30)
    assert "begin again" in visitor().refused("/sign-in/second", 422, code=app.at(clock()))
    ana = visitor()
    ana.refused("/sign-in/password", 200, **ANAS)
    for _ in range(10):
        ana.refused("/sign-in/second", 422, code="000000")
    ana.refused("/sign-in/second", 429, code=app.at(clock()))
    late = visitor()
    late.refused("/sign-in/password", 200, **ANAS)
    clock.moment += timedelta(minutes=16)
    late.refused("/sign-in/second", 422, code=app.at(clock()))


def test_what_hurts_asks_again_and_then_goes_on(visitor: Callable[[], Visitor], world: World, clock: Clock) -> None:
    ana = visitor().sign_in(world.ana)
    clock.moment += timedelta(minutes=30)
    typed = {"token_name": "My second script", "scopes": "intents:read", "lasts": "30"}
    page = ana.refused("/me/account/tokens", 200, **typed)
    assert "Is it still you?" in page
    kept = re.search(r'name="kept" value="([^"]+)"', page)
    assert kept
    assert "does not fit" in ana.refused(f"{HERE}/again", 422, proof="a wrong sentence", kept=kept[1])
    page = ana.refused(f"{HERE}/again", 200, proof="a sentence is fine", kept=kept[1])
    assert "My second script" in page
    assert "vrm_" in ana.refused("/me/account/tokens", 200, **typed)


def test_an_unknown_or_broken_passkey_is_refused_in_words(visitor: Callable[[], Visitor], world: World) -> None:
    for broken in ("", "null", "[]", "{", '{"rawId": "YW5hJ3M"}', '{"rawId": 5, "response": {}}', "\x00"):
        assert "not known here" in visitor().refused("/sign-in/passkey", 422, credential=broken)
    ana = visitor().sign_in(world.ana)
    ana.refused(f"{HERE}/passkeys", 422, credential="{}", passkey_name="Mine")
    ana.press(f"{HERE}/passkeys/{world.passkey.id}/remove")
    assert "Telephone" not in ana.get(HERE)
