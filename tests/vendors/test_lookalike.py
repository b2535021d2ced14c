"""Names that are read as another vendor's are refused; names in every honest script are not."""

from collections.abc import Callable
from datetime import datetime

import pytest
from rooms import start_vendor
from sqlalchemy.orm import Session

from vendors import team
from vendors.models import Vendor
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput

MIXED = [
    "Leеds Toyota",  # A Cyrillic е.
    "Τoyota Leeds",  # A Greek capital tau.
    "Leeds Tоyоta",
    "Аmazon",
    "ΡayPal",
    "𝐋𝐞𝐞𝐝𝐬 Toyota",
    "Ⓛeeds",
    "Leeds Toyotа GmbH",
]
HONEST = [
    "Автосалон Москва",
    "Ελληνικά Αυτοκίνητα",
    "丰田汽车 Leeds",
    "トヨタ Leeds カローラ",
    "Škoda Łódź Œuvre Ærø",
    "Σ-Tech Ω",
    "Москва Toyota",  # A word of each.
    "شركة Toyota",
    "한국 Bikes",
    "Straße & Söhne Ⅻ",
    "Café №1",
    "ﬁne wines",
    "Company ª",
]
Found = Callable[[Session, str], Vendor]


@pytest.fixture
def found(ben: Account, now: datetime) -> Found:
    return lambda session, name: start_vendor(session, ben, now, name=name)


@pytest.mark.parametrize("name", MIXED, ids=map(ascii, MIXED))
def test_a_name_that_dresses_up_is_refused_in_words(store: Store, found: Found, name: str) -> None:
    with store.write() as session, pytest.raises(BadInput) as refused:
        found(session, name)
    assert "alphabet" in refused.value.problems["name"]


def test_fullwidth_letters_are_taken_in_their_usual_form(found: Found, store: Store) -> None:
    with store.write() as session:
        assert found(session, "Ｌｅｅｄｓ Toyota").name == "Leeds Toyota"


def test_honest_names_of_every_script_are_taken(store: Store, found: Found) -> None:
    with store.write() as session:
        assert [found(session, name).name for name in HONEST] == HONEST


def test_a_whole_word_that_looks_like_another_vendor_is_refused(store: Store, found: Found) -> None:
    with store.write() as session:
        shop = found(session, "Ace Cop")
        found(session, "Кеннеди")  # Looks like nobody.
        found(session, "ОСЕ")  # Looks Latin, and like nobody who is here.
        for name in ("Асе Сор", "АСЕ Cop", "асе сор"):
            with pytest.raises(BadInput) as refused:
                found(session, name)
            assert "Ace Cop" in refused.value.problems["name"]
        team.describe(session, shop, name="Ace Cop", website="", about="", zone="UTC")  # Its own name stays.
        other = found(session, "Somebody")
        with pytest.raises(BadInput):
            team.describe(session, other, name="Асе Сор", website="", about="", zone="UTC")
        assert found(session, "Ace Cop").name == "Ace Cop"  # Two shops may share an honest name.
