"""What could not be done says so in the reader's language, and always has a way on."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from visiting import Clock, Visitor
from werkzeug.exceptions import BadRequest, HTTPException, RequestTimeout, UnsupportedMediaType
from world import World

from vrm.kernel.errors import StoreDown
from vrm.research.drawing import nothing

GERMAN = {"Accept-Language": "de"}


def test_a_link_that_does_not_work_leads_to_a_new_one(visitor: Callable[[], Visitor]) -> None:
    page = visitor().get("/sign-in/used-or-cut-in-two", 410)
    assert 'href="/sign-in">Ask for a new link' in page
    assert "Ask for a new link" not in visitor().get("/r/used-or-cut-in-two", 410)


@pytest.mark.parametrize(("error", "status"), [(RuntimeError(), 500), (StoreDown(), 503)])
def test_what_is_our_fault_is_tried_again_at_the_same_address(app: Flask, error: Exception, status: int) -> None:
    with app.test_request_context("/intents?q=1", headers=GERMAN):
        page = app.make_response(app.handle_user_exception(error))
    assert page.status_code == status
    assert 'href="/intents?q=1">Noch einmal versuchen' in page.get_data(as_text=True)


def test_who_may_not_do_it_is_led_back_to_their_vendors(visitor: Callable[[], Visitor], world: World) -> None:
    olu = visitor().sign_in(world.olu)
    page = olu.get(f"/vendor/{world.vendor.slug}/channels/new/slack", 403)
    assert 'href="/vendor">Your vendors' in page


@pytest.mark.parametrize(
    ("error", "why"),
    [(BadRequest(), "fehlt etwas"), (RequestTimeout(), "fehlt etwas"), (UnsupportedMediaType(), "nicht gepackt")],
)
def test_no_page_speaks_the_words_of_a_library(app: Flask, error: HTTPException, why: str) -> None:
    with app.test_request_context("/", headers=GERMAN):
        page = app.make_response(app.handle_user_exception(error))
    assert page.status_code == error.code
    assert "Das konnten wir nicht lesen" in page.get_data(as_text=True)
    assert why in page.get_data(as_text=True)


def test_too_many_links_are_refused_in_the_readers_language(visitor: Callable[[], Visitor]) -> None:
    somebody = visitor()
    somebody.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de"
    for _time in range(6):
        somebody.send("/sign-in", email="ana@example.org")
    assert "6 Links je Stunde" in somebody.refused("/sign-in", 429, email="ana@example.org")


def test_why_there_is_nothing_to_draw_fits_into_the_drawing() -> None:
    why = "Noch nichts zu zeichnen: Kein Händler hat einen Lead, der 30 Tage lang beobachtet wurde."
    narrow, wide = nothing("small", 300, "Nothing", why), nothing("wide", 700, "Nothing", why)
    assert (narrow.count("<text"), wide.count("<text")) == (3, 1)


def test_who_has_just_signed_in_elsewhere_is_not_told_that_something_ended(
    visitor: Callable[[], Visitor], world: World, clock: Clock
) -> None:
    ana = visitor().sign_in(world.ana)
    form = {"name": "Ana Castro", "csrf_token": "of the page before"}
    browser = {"Sec-Fetch-Site": "same-origin"}
    assert "You are signed in" in ana.client.post("/me/account", data=form, headers=browser).text
    clock.moment += timedelta(days=1)
    assert "Please press once more" in ana.client.post("/me/account", data=form, headers=browser).text
