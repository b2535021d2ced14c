"""Words that are written from right to left, or that turn what stands beside them, keep to themselves on every page."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask
from markupsafe import Markup
from rooms import publish_want
from visiting import Visitor
from world import World

from vendors import team
from vendors.models import Vendor
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput
from vrm.web import words
from vrm.web.words import _, apart, ngettext


def test_a_name_in_a_sentence_is_isolated_where_it_turns_anything(app: Flask) -> None:
    with app.test_request_context():
        assert _("Set. Only %(name)s is told of it.", name="שלום") == "Set. Only \u2068שלום\u2069 is told of it."
        assert _("Set. Only %(name)s is told of it.", name="Zoë") == "Set. Only Zoë is told of it."
        assert "\u2068\u202eevil\u2069" in ngettext("%(num)s of %(who)s", "%(num)s of %(who)s", 2, who="\u202eevil")
        assert apart(Markup("<b>א</b>")) == Markup("\u2068<b>א</b>\u2069")
        assert [apart(value) for value in (7, None, "")] == [7, None, ""]
        page = app.jinja_env.from_string('{{ _("Wants in %(place)s", place=place) }}').render(place="<حلب>")
        assert page == "Wants in \u2068&lt;حلب&gt;\u2069"


def test_pages_hold_such_words_apart(visitor: Callable[[], Visitor], world: World, store: Store, now: datetime) -> None:
    with store.write() as session:
        shop = session.get_one(Vendor, world.vendor.id)
        team.describe(session, shop, name="מכוניות", website=shop.website, about=shop.about, zone=shop.zone)
        want = publish_want(session, world.ana, now, title="سيارة", body="Paid \u202eevil\u202c.")
    board = visitor().sign_in(world.ana).get(f"/me/intents/{world.want.code}/vendors/{world.vendor.slug}")
    assert "\u2068מכוניות\u2069" in board
    style = (Path(words.__file__).parent.parent / "static" / "vrm.css").read_text("utf-8")
    assert "unicode-bidi: isolate" in style
    assert "سيارة" in visitor().get(f"/intents/{want.code}")


def test_a_title_cannot_turn_by_signs(store: Store, world: World, now: datetime) -> None:
    with store.write() as session, pytest.raises(BadInput):
        publish_want(session, world.ana, now, title="\u202egnp.exe")
