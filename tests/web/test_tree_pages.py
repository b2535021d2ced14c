"""The pages on which operators look at the trees and change them."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask
from rooms import person, publish_want, start_vendor
from sqlalchemy import select
from visiting import Clock, Visitor
from world import app_for, settings_for

from vendors.models import Subscription
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Audit, Passwords
from vrm.kernel.db import Store


@pytest.fixture
def app(little_store: Store, clock: Clock, passwords: Passwords, tmp_path: Path) -> Flask:
    """A desk over little trees, which may change."""
    url = little_store.engine.url.set(drivername=little_store.dialect).render_as_string(hide_password=False)
    return app_for(settings_for(url, tmp_path), little_store, clock, passwords)


@pytest.fixture
def olu(little_store: Store, visitor: Callable[[], Visitor], now: datetime) -> Visitor:
    """An operator; there are a subscription at bikes and an open want for a scooter."""
    ben, ana = person(little_store, "ben@example.org"), person(little_store, "ana@example.org")
    with little_store.write() as session:
        start_vendor(session, ben, now, wish=("bikes", "world"))
        publish_want(session, ana, now, category="scooters", region="leeds")
    return visitor().sign_in(person(little_store, "olu@example.com", operator=True))


BIKES = "/admin/trees/categories/bikes"


def test_both_trees_are_shown_from_the_top_and_searched(olu: Visitor) -> None:
    page = olu.get("/admin/trees")
    assert ("Vehicles" in page, "Europe" in page, "Leeds" in page) == (True, True, False)
    page = olu.get("/admin/trees?q=leed")
    assert ("Leeds" in page, "Europe › Great Britain" in page, "Nothing of that name" in page) == (True, True, True)
    assert "Categories and regions" in olu.get("/admin")


def test_a_node_says_who_lives_there(olu: Visitor) -> None:
    page = " ".join(olu.get(BIKES).split())
    assert "<dt>Open wants</dt><dd>0 here, 1 with all below</dd>" in page
    assert "<dt>Subscriptions</dt><dd>1 here, 1 with all below</dd>" in page
    assert "bicycle, e-bike" in page
    page = olu.get("/admin/trees/regions/eu")
    assert ("France" in page, "Merge it" in page) == (True, False)
    for path in ("regions/bikes", "nations/gb", "categories/..", "categories/%F0%9F%9A%B2"):
        olu.get(f"/admin/trees/{path}", 404)


def test_each_edit_has_its_button(olu: Visitor, little_store: Store) -> None:
    assert olu.press(f"{BIKES}/rename", label_en="Cycles") == BIKES
    assert olu.press(f"{BIKES}/synonym", synonym="velo") == BIKES
    olu.press(f"{BIKES}/add", new="Recumbents")
    olu.press(f"{BIKES}/split", part="Electric", along=["scooters", "word:e-bike"])
    olu.press(f"{BIKES}/move", parent="Toys", parent_slug="toys")
    olu.press("/admin/trees/categories/tandems/retire")
    assert "It was retired" in olu.get("/admin/trees/categories/tandems")
    assert olu.press(f"{BIKES}/merge", into="cars", sure="on") == "/admin/trees/categories/cars"
    assert olu.client.get(BIKES).location == "/admin/trees/categories/cars"
    page = olu.get("/admin/trees/categories/cars")
    assert all(word in page for word in ("Cycles", "velo", "Recumbents", "Electric"))
    with little_store.read() as session:
        categories = taxonomy.trees(session).categories
        assert categories.label(session.scalars(select(Subscription.category_id)).one()) == "Cars"
        scooters, electric = categories.by_slug("scooters"), categories.by_slug("electric")
        assert scooters is not None
        assert electric is not None
        assert categories.path_label(scooters.id) == "Vehicles › Cars › Electric › Scooters"
        assert electric.synonyms == ("e-bike",)
        assert len(session.scalars(select(Audit)).all()) == 7


def test_what_cannot_be_is_said_at_its_field(olu: Visitor, little_store: Store) -> None:
    assert "is missing" in olu.refused(f"{BIKES}/rename", 422, label_en=" ")
    assert "leads to “Vehicles › Cars”" in olu.refused(f"{BIKES}/synonym", 422, synonym="auto")
    assert "already; choose another name" in olu.refused(f"{BIKES}/add", 422, new="Tandems")
    assert "cannot hang on its own part" in olu.refused(f"{BIKES}/move", 422, parent="scooters")
    assert "Please choose one." in olu.refused(f"{BIKES}/merge", 422, into="")
    assert "There is no way back" in olu.refused(f"{BIKES}/merge", 422, into="cars")
    assert "did you mean" in olu.refused(f"{BIKES}/merge", 422, into="plumbr", sure="on")
    assert "1 subscriptions" in olu.refused("/admin/trees/categories/bikes/retire", 422)
    olu.refused(f"{BIKES}/burn", 404)
    with little_store.read() as session:
        assert session.scalars(select(Audit)).all() == []
