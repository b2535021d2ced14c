"""One box: what was understood of a sentence, as chips and as fields that can be corrected."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import enumerate as running

import pytest
from sqlalchemy import select
from visiting import Visitor
from world import World, settings_for

from intents.corrections import Correction, sentences
from intents.embedding import is_installed
from intents.models import Intent
from vrm.kernel import taxonomy
from vrm.kernel.db import Store
from vrm.models import Base
from vrm.web.warming import senses_at_hand, warm

SAID = "want a used Toyota Yaris near Leeds, under £12k"


def said(visitor: Visitor, sentence: str) -> str:
    return visitor.get(f"/want?said={sentence}")


def test_a_sentence_fills_the_form(visitor: Callable[[], Visitor], world: World) -> None:
    page = said(visitor(), SAID)
    for chip in ("Cars, Trucks", "Toyota Yaris", "Leeds", "up to £12,000", "Used"):
        assert chip in page
    assert 'value="cars-trucks-vans"' in page
    assert 'value="12000"' in page
    assert 'value="gb-lds"' in page


def test_what_is_typed_is_read_without_a_new_page(visitor: Callable[[], Visitor], world: World) -> None:
    part = visitor().get(f"/want/understood?said={SAID}")
    assert "What we understood" in part
    assert "<html" not in part
    assert "href" not in part
    assert "could not tell" in visitor().get("/want/understood?said=qwrtzp")
    assert "chip" not in visitor().get("/want/understood")


@pytest.mark.parametrize(
    "hostile", ["%00", "%F0%9F%92%A9" * 50, "a" * 5000, "%3Cscript%3Ealert(1)%3C/script%3E", "%ED%A0%80"]
)
def test_anything_can_be_typed(visitor: Callable[[], Visitor], world: World, hostile: str) -> None:
    page = said(visitor(), hostile)
    assert "<script>alert" not in page


def test_a_correction_is_kept_with_consent_only_and_can_be_erased(
    visitor: Callable[[], Visitor], world: World, store: Store
) -> None:
    ana = visitor().sign_in(world.ana)
    want = {
        "said": SAID, "title": SAID, "category": "Motorcycles & Scooters", "region": "York", "budget_max": "9000",
        "currency": "GBP", "condition": "used", "quantity": "1", "visibility": "unlisted",
    }  # fmt: skip
    ana.press("/want", **want)
    with store.read() as session:
        assert list(session.scalars(select(Correction))) == []
        assert session.scalars(select(Intent).order_by(Intent.id.desc())).first() is not None
    ana.press("/want", **want | {"teach": "on", "title": "Another"})
    with store.read() as session:
        (line,) = sentences(session)
    assert (line["text"], line["category"]) == (SAID, ["motorcycles-scooters"])
    assert line["budget"] == {"min": None, "max": "9000", "currency": "GBP"}
    assert "1 sentence," in ana.get("/me/account")
    ana.press("/want/forget")
    with store.read() as session:
        assert list(session.scalars(select(Correction))) == []


def test_what_the_first_visitor_would_wait_for_is_made_beforehand(store_url: str, tmp_path: Path) -> None:
    warm(settings_for(store_url, tmp_path)).join()
    with Store.open(store_url) as store, store.read() as session:
        assert "_names" in vars(taxonomy.trees(session).regions)


def test_warming_an_empty_store_hurts_nobody(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    with Store.open(url) as store:
        Base.metadata.create_all(store.engine)
    warm(settings_for(url, tmp_path)).join()


def test_a_sentence_is_read_by_its_meaning_once_that_is_at_hand(little_store: Store, tmp_path: Path) -> None:
    settings = replace(
        settings_for(little_store.engine.url.render_as_string(hide_password=False), tmp_path), smart=True
    )
    with little_store.read() as session:
        tree = taxonomy.trees(session).categories
    if not is_installed():
        assert senses_at_hand(settings, tree) is None
        return
    assert senses_at_hand(replace(settings, smart=False), tree) is None
    assert senses_at_hand(settings, tree) is None  # Nobody waits for it.
    for thread in running():
        if thread.name == "senses":
            thread.join()
    assert senses_at_hand(settings, tree) is not None
    assert settings.senses.exists()
