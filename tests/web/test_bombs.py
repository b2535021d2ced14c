"""Requests that are built to be large where they are opened: answered soon, from little memory, with a sentence."""

import gzip
import io
import json
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from addresses import Town, of_operation
from flask import Flask
from hand import SLOWEST_S
from test_attack_api import BASES, caller_of, tokens
from visiting import Visitor
from werkzeug.test import TestResponse, create_environ, run_wsgi_app

from vrm.kernel.db import Store
from vrm.web.api import OPERATIONS

MOST = 40_000_000  # Bytes that one request may take while it is answered.
MB = 1_000_000


@contextmanager
def cheaply(what: object) -> Iterator[None]:
    """Soon, and from little memory."""
    tracemalloc.start()
    begun = time.process_time()
    try:
        yield
        took, peak = time.process_time() - begun, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert took < 2 * SLOWEST_S, (what, took)  # Watching memory doubles it.
    assert peak < MOST, (what, peak)


def says(answer: TestResponse, *statuses: int) -> None:
    """Refused kindly, and no longer than a page is."""
    assert answer.status_code in statuses, (answer.status_code, answer.text[:500])
    assert len(answer.data) < 600_000, len(answer.data)
    assert "Traceback" not in answer.text


def multipart(parts: int, size: int = 1, *, name: str = "a", file: bool = False) -> bytes:
    head = b'--x\r\nContent-Disposition: form-data; name="%s"' + (b'; filename="a"' if file else b"") + b"\r\n\r\n"
    return b"".join(head % name.encode() + b"x" * size + b"\r\n" for _ in range(parts)) + b"--x--\r\n"


_FORM, _PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
_BODIES: dict[str, tuple[bytes, str, dict[str, str]]] = {
    "packed form": (gzip.compress(b"title=" + b"x" * 50 * MB, mtime=0), _FORM, {"Content-Encoding": "gzip"}),
    "deflated form": (zlib.compress(b"title=" + b"x" * 50 * MB), _FORM, {"Content-Encoding": "deflate"}),
    "fields": (b"a=&" * 85_000, _FORM, {}),
    "named fields": (b"&".join(b"a%d=1" % n for n in range(30_000)), _FORM, {}),
    "escapes": (b"title=" + b"%41" * 80_000, _FORM, {}),
    "ampersands": (b"&" * 250_000, _FORM, {}),
    "parts": (multipart(3_000), _PARTS, {}),
    "files": (multipart(900, 100, file=True), _PARTS, {}),
    "one long name": (multipart(1, name="n" * 200_000), _PARTS, {}),
    "no end": (b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"x" * 200_000, _PARTS, {}),
    "long head of a part": (b"--x\r\n" + b"A: b\r\n" * 40_000 + b"\r\nx\r\n--x--\r\n", _PARTS, {}),
    "no boundary": (b"--\r\n" * 60_000, "multipart/form-data; boundary=" + "-" * 2_000, {}),
    "too long": (b"title=" + b"x" * 6 * MB, _FORM, {}),
}


@pytest.mark.parametrize("kind", _BODIES)
@pytest.mark.parametrize("path", ["/want", "/want/author", "/vendor", "/sign-in", "/me/account", "/channels/verify/x"])
def test_a_form_that_is_built_to_be_large_is_refused(
    kind: str, path: str, app: Flask, visitor: Callable[[], Visitor]
) -> None:
    body, content_type, headers = _BODIES[kind]
    here = {"Sec-Fetch-Site": "same-origin", **headers}  # So that what was typed is kept, which costs as well.
    for person in (visitor(), visitor()):
        person.get("/want")
        with cheaply((kind, path)):
            says(person.client.post(path, data=body, content_type=content_type, headers=here), 400, 401, 413, 415)


def test_a_want_with_thousands_of_fields_that_no_form_has_keeps_those_that_one_has(
    visitor: Callable[[], Visitor],
) -> None:
    """With a good token it is read; a page that carries what was typed carries no more than that."""
    strange = {f"a{number}": "1" for number in range(20_000)}
    want = {"title": "A used car", "category": "cars-trucks-vans", "region": "gb-lds"}
    somebody = visitor()
    with cheaply("fields"):
        page = somebody.send("/want", **want, **strange)
    says(page, 200, 413, 422)
    with cheaply("fields"):
        says(somebody.send("/vendor", name="Shop", **strange), 200, 401, 413, 422)


@pytest.mark.parametrize(
    "query",
    [
        "q=" + "x" * 500_000,
        "&".join("q=x" for _ in range(100_000)),
        "&".join(f"a{n}=1" for n in range(50_000)),
        "&" * 500_000,
        "q=" + "%" * 300_000,
        "category=" + "%F0%9F%9A%B2" * 20_000,
        "after=" + "A" * 300_000,
        "before=" + "9" * 100_000,
    ],
    ids=lambda query: query[:12],
)
def test_a_long_question_is_answered_or_refused(query: str, app: Flask, town: Town) -> None:
    olu = Visitor(app).sign_in(town.world.olu)
    cookie = olu.client.get_cookie("vrm")
    assert cookie is not None
    for path in (
        "/", "/want", "/intents", "/intents/feed.atom", "/sign-in", "/responsiveness", "/categories.json",
        "/regions.json", "/admin/audit", "/admin/accounts", f"/me/intents/{town.world.want.code}", "/api/v1/intents",
        "/api/v1/wants", f"/vendors/{town.world.vendor.slug}", "/responsiveness/figures/curve",
    ):  # fmt: skip
        olu.client.get(path)  # What a process does once.
        environ = create_environ(path, headers={"Cookie": f"vrm={cookie.value}"})
        environ["QUERY_STRING"] = query  # Past the client, which takes a multiple of it to write the address anew.
        with cheaply((path, query[:20])):
            parts, status, _headers = run_wsgi_app(app.wsgi_app, environ)
            length = sum(map(len, parts))
        assert status[:3] in ("200", "303", "400", "404", "414", "422"), (path, status)
        assert length < 3 * MB, (path, length)


def test_hundreds_of_cookies_and_of_headers_are_passed_over(app: Flask) -> None:
    client = app.test_client()
    client.get("/want")
    for headers in (
        [("Cookie", "; ".join(f"c{number}=x" for number in range(20_000)))],
        [("Cookie", f"vrm={'.' * 200_000}")],
        [("Cookie", "vrm=" + "eJ" * 50_000 + ".aaaa.bbbb")],  # A packed session that nobody signed is not opened.
        [("Cookie", "=" * 200_000)],
        [(f"X-A{number}", "x") for number in range(5_000)],
        [("Accept-Language", ",".join(f"x{number};q=0.{number}" for number in range(20_000)))],
        [("Accept", ",".join("*/*;q=0.1" for _ in range(20_000)))],
        [("Accept-Encoding", "gzip," * 30_000)],
        [("If-None-Match", ",".join(f'"{number}"' for number in range(20_000)))],
        [("Range", "bytes=" + ",".join("0-1" for _ in range(20_000)))],
        [("Authorization", "Bearer " + "x" * 200_000)],
        [("Authorization", "Basic " + "eA==" * 50_000)],
        [("X-Forwarded-For", ",".join("1.2.3.4" for _ in range(20_000)))],
        [("Referer", "http://localhost/" + "x" * 200_000)],
        [("User-Agent", "Firefox/" * 20_000)],
        [("Sec-Fetch-Site", "same-origin," * 10_000)],
        [("X-Request-ID", "x" * 200_000)],
    ):
        for path in ("/want", "/intents/feed.atom", "/static/vrm.css", "/api/v1/account", "/categories.json?q=car"):
            with cheaply((headers[0][0], path)):
                answer = client.get(path, headers=headers, buffered=True)
            assert answer.status_code in (200, 206, 304, 401, 416), (path, headers[0][0], answer.status_code)


# --- The API --------------------------------------------------------------------------------------


def numbers_of(about: dict[str, Any], known: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where a number stands in a body."""
    for given in about.get("anyOf") or about.get("oneOf") or [about]:
        kind = known[given["$ref"].rpartition("/")[2]] if "$ref" in given else given
        if kind.get("type") in ("integer", "number"):
            yield path
        for name, inner in kind.get("properties", {}).items():
            yield from numbers_of(inner, known, (*path, name))


@pytest.mark.slow
@pytest.mark.usefixtures("no_limits")
def test_no_number_of_any_body_is_too_large_to_be_refused(app: Flask, town: Town, store: Store, now: datetime) -> None:
    whose, tried = tokens(store, town, now), 0
    for operation in OPERATIONS:
        if operation.body is None:
            continue
        schema = operation.body.model_json_schema()
        for path in dict.fromkeys(numbers_of(schema, schema.get("$defs", {}))):
            if not path:
                continue
            for number in ("1" * 4_000, "9" * 19, "-1", "1e308", "1e999", "0." + "1" * 4_000, "1" * 200_000, "1E-4000"):
                text = number
                for name in reversed(path):
                    text = f'{{"{name}": {text}}}'
                base = json.dumps(BASES.get(operation.name, {}))
                whole = text if base == "{}" else f"{base[:-1]}, {text[1:]}"
                address = "/api/v1" + operation.path.format_map(of_operation(town, operation.path))
                headers = {"Authorization": f"Bearer {whose[caller_of(operation)]}", "Content-Type": "application/json"}
                answer = app.test_client().open(address, method=operation.method, data=whole, headers=headers)
                assert answer.status_code < 500, (operation.name, path, number[:20], answer.text[:500])
                tried += 1
    assert tried > 60


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 250_000, b'{"a":' * 50_000, b"[" * 120_000 + b"]" * 120_000, b"1" * 250_000, b"-" * 250_000,
        b'"' + b"\\\\u0041" * 35_000 + b'"', b'{"title":"' + b"x" * 250_000 + b'"}', b"[" + b"0," * 120_000 + b"0]",
        b"{" + b",".join(b'"a%d":1' % n for n in range(20_000)) + b"}", b'{"a":1,' * 30_000, b" " * 250_000,
        b"x" * 6 * MB,
        gzip.compress(b'{"title":"' + b"x" * 50 * MB, mtime=0), b"1E" + b"9" * 200_000,
        b"[" + b"1e-9," * 50_000 + b"1]",
    ],
    ids=lambda body: repr(body[:12]),
)  # fmt: skip
def test_a_body_that_is_built_to_be_large_is_refused(
    body: bytes, app: Flask, town: Town, store: Store, now: datetime
) -> None:
    token = tokens(store, town, now)["ana"]
    packed = {"Content-Encoding": "gzip"} if body.startswith(b"\x1f\x8b") else {}
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **packed}
    client = app.test_client()
    client.get("/api/v1/account", headers=headers)
    for path in ("/api/v1/intents", "/api/v1/understand", "/api/v1/explain"):
        with cheaply(body[:20]):
            answer = client.post(path, data=body, headers=headers)
        says(answer, 400, 404, 405, 413, 415, 422)


@pytest.mark.parametrize(
    "content", [gzip.compress(b"x" * 50 * MB, mtime=0), b"PK\x03\x04" + b"\0" * 200_000], ids=["gzip", "zip"]
)
def test_an_archive_instead_of_a_table_is_not_opened(
    content: bytes, visitor: Callable[[], Visitor], town: Town
) -> None:
    ben = visitor().sign_in(town.world.ben)
    with cheaply("archive"):
        answer = ben.send(
            f"/vendor/{town.world.vendor.slug}/subscriptions/import", file=(io.BytesIO(content), "a.csv"), do="look"
        )
    says(answer, 413, 422)
