"""What browsers are told, what hosts are answered, and pages for what went wrong."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from addresses import Town, build, of_page, pages
from flask import Flask
from visiting import Clock, Visitor
from world import World, app_for, settings_for

from vrm.kernel.accounts import Passwords
from vrm.kernel.db import Store
from vrm.web.access import Who


def test_every_page_carries_its_headers(app: Flask, visitor: Callable[[], Visitor], town: Town) -> None:
    """Every page of every kind of person, refusals, redirects, files and the API's answers among them."""
    seen = set()
    for person in (visitor(), *(visitor().sign_in(getattr(town.world, name)) for name in ("ana", "ben", "olu"))):
        paths = [
            build(app, rule, dict.fromkeys(rule.arguments, "atom") if who is Who.LINK else of_page(town, rule))
            for rule, method, who in pages(app)
            if method == "GET"
        ]
        others = (
            "/nothing-here",
            f"/r/{town.world.links['answer']}",
            "/static/vrm.css",
            "/api/v1/openapi.json",
            "/api/v1/account",
        )
        for path in (*paths, *others):
            answer = person.client.get(path, base_url="https://localhost", buffered=True)
            headers = answer.headers
            seen.add(answer.status_code)
            assert "unsafe" not in headers["Content-Security-Policy"], path
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], path
            assert "default-src 'none'" in headers["Content-Security-Policy"], path
            assert headers["X-Content-Type-Options"] == "nosniff", path
            assert headers["Referrer-Policy"] == "same-origin", path
            assert headers["Cross-Origin-Opener-Policy"] == "same-origin", path
            assert "Cross-Origin-Resource-Policy" in headers, path
            assert "max-age=31536000" in headers["Strict-Transport-Security"], path
            assert "charset=utf-8" in headers.get("Content-Type", "charset=utf-8") or "text/" not in answer.mimetype
    assert seen >= {200, 303, 401, 403, 404, 410}, seen
    refused = visitor().client.post("/want", base_url="https://localhost", data={"title": "x" * 300_000})
    assert refused.headers["Referrer-Policy"] == "same-origin"


def test_no_page_needs_what_its_policy_forbids(visitor: Callable[[], Visitor], world: World) -> None:
    for page in (visitor().get("/"), visitor().get("/responsiveness"), visitor().sign_in(world.ana).get("/me/account")):
        assert "<style" not in page
        assert " style=" not in page
        assert " onclick=" not in page
        assert "https://cdn" not in page


def test_the_cookie_is_for_us_alone(store: Store, tmp_path: Path, clock: Clock, passwords: Passwords) -> None:
    settings = settings_for("sqlite:///unused", tmp_path, base_url="https://wants.example.org")
    client = app_for(settings, store, clock, passwords).test_client()
    cookie = client.get("/want", base_url="https://wants.example.org").headers["Set-Cookie"]
    for word in ("__Host-vrm=", "HttpOnly", "SameSite=Lax", "Secure", "Path=/"):
        assert word in cookie
    assert "Domain" not in cookie
    assert "Expires" not in cookie


def test_other_host_names_are_refused(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400
    for host in ("localhost", "localhost:8000", "127.0.0.1:8000"):
        assert client.get("/", headers={"Host": host}).status_code == 200


def test_forwarded_headers_count_only_behind_a_proxy(
    store: Store, tmp_path: Path, clock: Clock, passwords: Passwords
) -> None:
    settings = settings_for("sqlite:///unused", tmp_path, base_url="https://wants.example.org")
    headers = {"Host": "localhost", "X-Forwarded-Host": "wants.example.org", "X-Forwarded-Proto": "https"}
    alone = app_for(settings, store, clock, passwords).test_client()
    behind = app_for(replace(settings, trusted_proxies=1), store, clock, passwords).test_client()
    assert "http://localhost/api" in alone.get("/docs", headers=headers).text
    assert "https://wants.example.org/api" in behind.get("/docs", headers=headers).text


@pytest.mark.parametrize("hops", [0, 1])
def test_nobody_gets_more_tries_by_naming_other_addresses(
    hops: int, store: Store, tmp_path: Path, clock: Clock, passwords: Passwords
) -> None:
    """What is counted for an address is counted for the one that connects, or that our own proxy saw."""
    settings = replace(settings_for("sqlite:///unused", tmp_path), trusted_proxies=hops)
    stranger = Visitor(app_for(settings, store, clock, passwords))
    said = []
    for number in range(61):
        named = f"203.0.113.{number}" + (", 198.51.100.7" if hops else "")
        stranger.client.environ_base |= {"HTTP_X_FORWARDED_FOR": named, "HTTP_FORWARDED": f"for={named}"}
        stranger.client.environ_base |= {"HTTP_X_REAL_IP": named, "HTTP_CLIENT_IP": named}
        said.append(stranger.send("/sign-in", email=f"victim{number}@example.org").status_code)
    assert said == [200] * 60 + [429]


@pytest.mark.parametrize(
    "path", ["/nothing", "/intents/none", "/vendors/none", "/r/none", "/sign-in/none", "/api/none"]
)
def test_what_is_not_there_is_said_kindly(visitor: Callable[[], Visitor], path: str) -> None:
    answer = visitor().client.get(path)
    assert answer.status_code in (404, 410)
    assert "Traceback" not in answer.text


def test_a_wrong_method_a_huge_form_and_a_fault_are_pages_too(
    app: Flask, visitor: Callable[[], Visitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    somebody = visitor()
    answer = somebody.client.post("/research", data={"csrf_token": "x"})
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert somebody.send("/want", body="x" * 300_000).status_code == 413

    def broken() -> str:
        raise ZeroDivisionError

    monkeypatch.setitem(app.view_functions, "research.bench", broken)  # The app is shared with other tests.
    answer = somebody.client.get("/research")
    assert answer.status_code == 500
    assert "our fault, not yours" in answer.text
    assert "ZeroDivision" not in answer.text


def test_what_was_typed_is_shown_when_it_comes_too_late(visitor: Callable[[], Visitor], world: World) -> None:
    visitor().sign_in(world.ana).press(f"/me/intents/{world.want.code}/withdraw")
    page = visitor().refused(f"/r/{world.links['answer']}", 409, kind="question", body="Is it still wanted, perhaps?")
    assert "Is it still wanted, perhaps?" in page


def test_a_store_without_tables_is_not_ready(tmp_path: Path, clock: Clock, passwords: Passwords) -> None:
    settings = settings_for(f"sqlite:///{tmp_path / 'empty.db'}", tmp_path)
    empty = Store.open(settings.database_url)
    client = app_for(settings, empty, clock, passwords).test_client()
    assert (client.get("/healthz").status_code, client.get("/readyz").status_code) == (200, 503)
    empty.close()


def test_static_files_are_packed_and_kept(app: Flask) -> None:
    client = app.test_client()
    answer = client.get("/static/vrm.css?v=1", headers={"Accept-Encoding": "gzip"}, buffered=True)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "immutable" in answer.headers["Cache-Control"]
    assert client.get("/want").headers["Cache-Control"] == "private, no-cache"


def test_no_browser_keeps_a_page_of_whoever_is_signed_in(visitor: Callable[[], Visitor], world: World) -> None:
    """What that means in a real one is in test_back.py."""
    ana, ben = visitor().sign_in(world.ana), visitor().sign_in(world.ben)
    for page in ("/me", f"/me/intents/{world.want.code}", "/me/account", "/want", "/vendor", "/"):
        assert ana.client.get(page).headers["Cache-Control"] == "no-store", page
    assert ben.client.get(f"/vendor/{world.vendor.slug}").headers["Cache-Control"] == "no-store"
    assert ana.send("/want", title="x" * 300).headers["Cache-Control"] == "private, no-cache"
    left = ana.send("/sign-out")
    assert left.headers["Clear-Site-Data"] == '"cache"'
    assert "Clear-Site-Data" not in visitor().send("/sign-out").headers
    assert "Clear-Site-Data" not in ana.client.get("/").headers


def test_suggestions_are_names_with_their_paths(app: Flask) -> None:
    found = app.test_client().get("/regions.json?q=leeds").get_json()
    assert found[0]["label"] == "Leeds"
    assert "England" in found[0]["path"]
    assert app.test_client().get("/categories.json").status_code == 200
    assert app.test_client().get("/categories.json?q=" + "%00x" * 500).status_code == 200


def test_a_page_is_compressed_only_when_it_is_nobodys_own(app: Flask) -> None:
    client = app.test_client()
    zipped = {"Accept-Encoding": "gzip"}
    answer = client.get("/responsiveness", headers=zipped)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert gzip.decompress(answer.data) == client.get("/responsiveness").data
    # It has a token against forgery, whose letters must not be guessed from how well they repeat.
    form = client.get("/sign-in", headers=zipped)
    assert "csrf_token" in form.text
    assert "Content-Encoding" not in form.headers
    # And now this visitor has a session.
    assert "Content-Encoding" not in client.get("/responsiveness", headers=zipped).headers
