"""What went wrong → a kind page with the right status, once for all views."""

import logging
from urllib.parse import urlsplit

from flask import Flask, Response, make_response, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError  # type: ignore[import-untyped] # It ships no types.
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, InternalServerError, SecurityError
from werkzeug.wrappers import Response as AnyResponse

from vrm.kernel import sessions
from vrm.kernel.db import store_down
from vrm.kernel.errors import (
    BadInput,
    LimitReached,
    LinkSpent,
    NotAllowed,
    NotFound,
    NotKept,
    OutsideError,
    StoreDown,
    VrmError,
    WrongState,
)
from vrm.web.desk import from_here, now, undo
from vrm.web.visitors import SignInNeeded, keep_typed, kept_typed, somebody, this_browser
from vrm.web.words import _, later

_log = logging.getLogger(__name__)

STATUS: dict[type[VrmError], int] = {
    BadInput: 422,
    NotFound: 404,
    NotAllowed: 403,
    WrongState: 409,
    LimitReached: 429,
    LinkSpent: 410,
    NotKept: 410,
    OutsideError: 502,
    StoreDown: 503,
}
_TITLES = {
    400: later("We could not read that"),
    403: later("Not yours to do"),
    404: later("There is nothing here"),
    405: later("That is not how this page works"),
    409: later("Too late for that"),
    410: later("This link does not work"),
    413: later("That is too much"),
    414: later("That is too much"),
    415: later("We could not read that"),
    422: later("Something does not fit"),
    429: later("A little slower, please"),
    502: later("The other side did not answer"),
    503: later("One moment, please"),
}
_SENTENCES = {
    400: later("Something is missing in what your browser sent. Go back, load the page again, and try once more."),
    404: later("The address may be mistyped, or what was here is gone or not for you to see."),
    405: later("Go back and use the button on the page."),
    413: later("One form can hold 256 kB and 1,000 fields. Go back and make it shorter."),
    414: later("No address of ours is that long. Go back and make it shorter."),
    415: later("A form is read as it is, not packed. Go back and use the button on the page."),
    500: later("This is our fault, not yours. It has been noted; try again in a minute."),
}


def status_of(error: VrmError) -> int:
    """The HTTP status that says what this error says."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return 500


def install(app: Flask) -> None:
    """Give the app these pages."""
    app.register_error_handler(VrmError, _refused)
    app.register_error_handler(SignInNeeded, _ask_to_sign_in)
    app.register_error_handler(CSRFError, _ask_again)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _broken)


def kind_page(status: int, sentence: str) -> Response:
    """A page that says what happened and what to do next, and shows the words that were typed, to be copied."""
    undo()
    title = _TITLES.get(status) or (_TITLES[400] if status < 500 else later("Something went wrong here"))
    # A form that is too large cannot be read, whoever asks.
    kept = kept_typed(keep_typed()) if status != 413 else None
    typed = [(name, value) for name, value in kept[1].items(multi=True) if len(value) > 20] if kept else []
    page = render_template(
        "error.html",
        title=title,
        sentence=sentence,
        status=status,
        typed=typed,
        back=_page_before(),
        onward=_onward(status),
    )
    return make_response(page, status)


def _page_before() -> str | None:
    """The page of ours whose button was pressed; None for a page that was asked for, and for buttons elsewhere."""
    before = urlsplit(request.referrer or "")
    return before.path if request.method == "POST" and before.netloc == request.host else None


def _onward(status: int) -> tuple[str, str] | None:
    """What the one who came here would press next, and where that leads."""
    if status == 410 and request.blueprint == "door":
        return _("Ask for a new link"), url_for("door.sign_in")
    if status == 403 and request.view_args and "slug" in request.view_args:
        return _("Your vendors"), url_for("vendor.home")
    if status >= 500 and request.method == "GET":
        return _("Try again"), request.full_path.rstrip("?")
    return None


def _refused(error: VrmError) -> Response:
    status = status_of(error)
    if status == 500:
        _log.error("A request failed: %s", error)
    response = kind_page(status, str(error))
    if isinstance(error, LimitReached) and error.retry_after_s is not None:
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def _ask_to_sign_in(_error: SignInNeeded) -> AnyResponse:
    undo()
    here = request.full_path.rstrip("?")
    if request.method in ("GET", "HEAD"):
        return redirect(url_for("door.sign_in", next=here), 303)
    kept = keep_typed()
    page = render_template("door/sign_in.html", kept=kept, next=None, email=_mailbox_typed(), problems={}, waiting=True)
    return make_response(page, 401)


def _mailbox_typed() -> str:
    """The mail address that stands in the form: whoever sent it mostly signs in with the same."""
    return request.form.get("email", "")


def _ask_again(_error: CSRFError) -> Response:
    undo()
    if not from_here():
        return kind_page(400, _("The form did not come from one of our pages. Open the page here and try again."))
    kept = kept_typed(keep_typed())
    path, fields = kept if kept else (request.path, None)
    # Whoever has just signed in, in another window, knows why: nothing ended.
    entered = somebody() is not None and sessions.is_fresh(this_browser(), now())
    page = render_template("press_again.html", path=path, fields=fields, entered=entered)
    return make_response(page, 400)


def down_of(error: Exception) -> StoreDown | None:
    """That the store failed, when this is what went wrong; also behind the error of a commit as the answer left."""
    inner = error.original_exception if isinstance(error, InternalServerError) else error
    return store_down(inner)


def _without_store(down: StoreDown, error: Exception) -> Response:
    inner = error.original_exception if isinstance(error, InternalServerError) else error
    _log.error("The store failed: %s", inner)
    try:
        response = kind_page(503, str(down))
    except SQLAlchemyError:  # The page says who is signed in, and even that cannot be read.
        response = Response(f"{down}\n", 503, mimetype="text/plain")
    response.headers["Retry-After"] = "60"
    return response


def _http(error: HTTPException) -> AnyResponse:
    down = down_of(error)
    if down is not None:
        return _without_store(down, error)
    status = error.code or 500
    if isinstance(error, SecurityError):  # A host that is not ours: no address on it can be built.
        return Response("This is not the address of this site.\n", status, mimetype="text/plain")
    if status < 400:  # A redirect that routing raises, as for a missing slash.
        return error.get_response()
    response = kind_page(status, str(_SENTENCES.get(status) or _SENTENCES[400 if status < 500 else 500]))
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after"):
            response.headers[name] = value
    return response


def _broken(error: Exception) -> Response:
    down = down_of(error)
    if down is not None:
        return _without_store(down, error)
    _log.exception("A request failed", exc_info=error)
    return kind_page(500, str(_SENTENCES[500]))
