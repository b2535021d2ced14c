"""What a browser is allowed to do with our pages: cookies, hosts, forged forms, what it keeps; small static files."""

import gzip
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, Request, Response, g, request, session, url_for
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_wtf.csrf import CSRFProtect  # type: ignore[import-untyped] # It ships no types.
from werkzeug.exceptions import RequestEntityTooLarge, RequestURITooLarge, UnsupportedMediaType
from werkzeug.middleware.proxy_fix import ProxyFix

from vrm.config import Settings
from vrm.web import api
from vrm.web.desk import SAFE
from vrm.web.edge import YEAR_S, Edge

csrf = CSRFProtect()

_LONGEST_QUERY = 100_000  # Bytes: a long sentence that is handed on in an address, each letter of it nine.
_MOST_FIELDS = 1_000  # As Werkzeug takes parts. Pages that carry on what was typed would be many times as long.
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_PACKED = ("text/css", "text/javascript", "image/svg+xml")


class _Cookies(SecureCookieSessionInterface):
    """Flask's, but who brings no cookie and gets none costs nothing: most who read a public page or its JSON."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """What the cookie holds."""
        if self.get_cookie_name(app) not in request.cookies:
            return SecureCookieSession()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Send what is new. Whether a page differs by its cookie is said by `_add_headers`."""
        if session or session.modified:
            super().save_session(app, session, response)


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
        WTF_CSRF_CHECK_DEFAULT=False,  # `_refuse` asks, and not for what only reads.
    )
    app.session_interface = _Cookies()
    csrf.init_app(app)
    csrf.exempt(api.blueprint)  # It takes bearer tokens, which no browser sends by itself.
    app.before_request(_refuse)
    app.after_request(_add_headers)
    app.wsgi_app = Edge(app.wsgi_app)  # type: ignore[method-assign] # Flask's documented way to wrap it.
    app.jinja_env.globals["static_url"] = _static_url
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign] # Flask's documented way to wrap it.


def _refuse() -> None:
    """What is built to be large where it is opened, and buttons that another site's page presses."""
    if len(request.query_string) > _LONGEST_QUERY:
        raise RequestURITooLarge
    if request.mimetype in _FORMS and request.blueprint != "api":
        if "Content-Encoding" in request.headers:
            raise UnsupportedMediaType
        if sum(map(len, request.form.listvalues())) > _MOST_FIELDS:
            raise RequestEntityTooLarge
    if request.method not in SAFE:
        csrf.protect(apply_exemptions=True)


def _add_headers(response: Response) -> Response:
    if request.endpoint in ("static", "bootstrap.static"):
        _pack(response)
    elif "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = _how_long()
        response.headers["Vary"] = ", ".join(filter(None, (response.headers.get("Vary"), "Accept-Language", "Cookie")))
        if response.mimetype == "text/html" and not session:
            _pack_page(response)
    if "signed_out" in g:
        # Answers to buttons, which show what was typed. Back finds them no more (Vary: Cookie); the disk has them.
        response.headers["Clear-Site-Data"] = '"cache"'
    return response


def _how_long() -> str:
    """What of a page a browser may keep (ASVS 5.0 §14.3.2).

    Nothing while somebody is signed in, or Back would show it after they signed out; seen in Chromium, which brings
    back what was typed all the same, and in Firefox, where vrm.js does. But an answer to a button cannot be fetched
    again: without a copy, Back to a form that was refused is a page of the browser's own, and what was typed is gone.
    """
    return "no-store" if "_user_id" in session and request.method in SAFE else "private, no-cache"


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
        response.headers["Cache-Control"] = f"public, max-age={YEAR_S}, immutable"
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
