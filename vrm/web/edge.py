"""What every request and every answer have, put on before Flask begins and after it has ended: an id, a line, headers.

Flask's own hooks can do the same, at three times the cost; a small answer notices.
"""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from vrm.kernel import logs

_log = logging.getLogger(__name__)

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
YEAR_S = 31_536_000
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
_HEADERS_OVER_TLS = [*_HEADERS, ("Strict-Transport-Security", f"max-age={YEAR_S}")]
_NAMES = frozenset(name for name, _value in _HEADERS_OVER_TLS)


class Edge:
    """A WSGI app whose every answer says the same, unless it says something narrower itself (a picture's policy)."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        began = time.monotonic()
        request_id = logs.request_id(environ.get("HTTP_X_REQUEST_ID"))
        logs.begin(request=request_id)
        headers = _HEADERS_OVER_TLS if environ["wsgi.url_scheme"] == "https" else _HEADERS

        def begin(status: str, said: list[tuple[str, str]], *error: Any) -> Any:
            own = [name for name, _value in said if name in _NAMES]
            said += [each for each in headers if each[0] not in own] if own else headers
            said.append(("X-Request-ID", request_id))
            if _log.isEnabledFor(logging.INFO):
                _tell(environ, status, began)
            return start_response(status, said, *error)

        return self._app(environ, begin)


def _tell(environ: dict[str, Any], status: str, began: float) -> None:
    """One line for each request, by its route and not by its address: an address may be a key."""
    request = environ.get("werkzeug.request")
    facts = {
        "method": environ["REQUEST_METHOD"],
        "route": request.endpoint if request is not None else None,
        "status": int(status[:3]),
        "took_ms": round((time.monotonic() - began) * 1000),
    }
    _log.info("answered", extra=facts)
