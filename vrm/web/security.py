"""What a browser is allowed to do with our pages: headers, cookies, hosts, forged forms, and small static files."""

import gzip
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Request, Response, request, session, url_for
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_wtf.csrf import CSRFProtect  # type: ignore[import-untyped] # It ships no types.
from werkzeug.middleware.proxy_fix import ProxyFix

from vrm.config import Settings
from vrm.web import api

csrf = CSRFProtect()

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # Bootstrap's own stylesheet draws its ticks and arrows as data.
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_YEAR_S = 31_536_000
_HEADERS = [
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    # The address of an answer link is a key: no other site may learn it.
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
]
# This host only: what its neighbours speak is not ours to say.
_HEADERS_OVER_TLS = [*_HEADERS, ("Strict-Transport-Security", f"max-age={_YEAR_S}")]
_NAMES = frozenset(name for name, _value in _HEADERS_OVER_TLS)
_PACKED = ("text/css", "text/javascript", "image/svg+xml")


class _Cookies(SecureCookieSessionInterface):
    """Flask's, but who brings no cookie costs no keys: most who read a public page or its JSON bring none."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """What the cookie holds."""
        if self.get_cookie_name(app) not in request.cookies:
            return SecureCookieSession()
        return super().open_session(app, request)


def install(app: Flask, settings: Settings) -> None:
    """Set cookies, hosts and headers as `settings` say."""
    base = urlsplit(settings.base_url)
    secure = base.scheme == "https"
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SECRET_KEY_FALLBACKS=list(settings.old_secret_keys),
        # With the prefix a browser takes the cookie only from this very host (RFC 6265bis §4.1.3.2).
        SESSION_COOKIE_NAME="__Host-vrm" if secure else "vrm",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_PATH="/",
        TRUSTED_HOSTS=[str(base.hostname), "localhost", "127.0.0.1"],
        MAX_CONTENT_LENGTH=256 * 1024,
        MAX_FORM_MEMORY_SIZE=256 * 1024,
        WTF_CSRF_TIME_LIMIT=None,  # As long as the session.
        # Some browsers send no Referer; the token and the cookie's SameSite do the work.
        WTF_CSRF_SSL_STRICT=False,
    )
    app.session_interface = _Cookies()
    csrf.init_app(app)
    csrf.exempt(api.blueprint)  # It takes bearer tokens, which no browser sends by itself.
    app.after_request(_add_headers)
    app.wsgi_app = _Told(app.wsgi_app)  # type: ignore[method-assign] # Flask's documented way to wrap it.
    app.jinja_env.globals["static_url"] = _static_url
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign] # Flask's documented way to wrap it.


class _Told:
    """Every answer tells the browser the same, unless it says something narrower itself (a picture's policy)."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        headers = _HEADERS_OVER_TLS if environ["wsgi.url_scheme"] == "https" else _HEADERS

        def begin(status: str, said: list[tuple[str, str]], *error: Any) -> Any:
            own = [name for name, _value in said if name in _NAMES]
            said += [each for each in headers if each[0] not in own] if own else headers
            return start_response(status, said, *error)

        return self._app(environ, begin)


def _add_headers(response: Response) -> Response:
    if request.endpoint in ("static", "bootstrap.static"):
        _pack(response)
    elif "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "private, no-cache"
        response.headers["Vary"] = ", ".join(filter(None, (response.headers.get("Vary"), "Accept-Language", "Cookie")))
        if response.mimetype == "text/html" and not session:
            _pack_page(response)
    return response


def _pack_page(response: Response) -> None:
    """Compress a page that is nobody's own: with no session it holds no token that its length could betray."""
    response.vary.add("Accept-Encoding")
    if response.status_code == 200 and request.accept_encodings.quality("gzip") > 0:
        response.set_data(gzip.compress(response.get_data(), 6, mtime=0))
        response.headers["Content-Encoding"] = "gzip"


def _pack(response: Response) -> None:
    """Compress a static file, which holds no secret that its length could betray."""
    if response.status_code != 200 or response.mimetype not in _PACKED:
        return
    response.headers["Vary"] = "Accept-Encoding"
    if "v" in request.args:
        response.headers["Cache-Control"] = f"public, max-age={_YEAR_S}, immutable"
    if request.accept_encodings.quality("gzip") > 0:
        response.direct_passthrough = False
        response.set_data(_gzipped(response.get_data()))
        response.headers["Content-Encoding"] = "gzip"


@lru_cache(maxsize=8)
def _gzipped(plain: bytes) -> bytes:
    return gzip.compress(plain, 9, mtime=0)


@lru_cache(maxsize=64)
def _version(path: Path) -> str:
    return format(path.stat().st_mtime_ns // 1_000_000, "x")


def _static_url(filename: str) -> str:
    """The address of one of our static files, which changes when the file does."""
    return url_for("static", filename=filename, v=_version(Path(__file__).parent.parent / "static" / filename))
