"""A website is a vendor's when it names the vendor, and nothing less will do."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from rooms import start_vendor

from vendors import site, team
from vendors.models import Vendor
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store
from vrm.kernel.errors import BadInput, NotReachable, WrongState
from vrm.kernel.outbound import Answer, Outbound, Policy

SHOP, PAGE = "https://www.shop.example/welcome", "https://broker.example/vendors/shop"
FILE = "https://www.shop.example/.well-known/vrm-vendor.txt"
CODE = "b7k2mq9x4w3p"
LINK = f'<a rel="me" href="{PAGE}">We listen</a>'


class Web(Outbound):
    """Answers by address: a body, or (where it came from in the end, body); anything else is 404."""

    def __init__(self, says: Mapping[str, str | tuple[str, str]]) -> None:
        super().__init__()
        self._says = says

    def get_sync(self, url: str, *, policy: Policy, headers: Mapping[str, str] | None = None) -> Answer:
        found = self._says.get(url)
        where, body = found if isinstance(found, tuple) else (url, found or "")
        if where == "nowhere":
            raise NotReachable("We could not reach that address.")
        status = 200 if found is not None else 404
        return Answer(status, CIMultiDictProxy(CIMultiDict()), body.encode(), where, False, 1, None)


@pytest.mark.parametrize(
    "says",
    [
        {FILE: f"# ours\n {CODE} \n"},
        {FILE: ("https://shop.example/.well-known/vrm-vendor.txt", CODE)},
        {SHOP: LINK},
        {FILE: "somebody else's", SHOP: f"<p>{LINK}</p>"},
    ],
)
def test_a_line_in_the_file_or_a_link_on_the_page_proves_it(says: Mapping[str, str | tuple[str, str]]) -> None:
    site.prove(Web(says), website=SHOP, code=CODE, page_url=PAGE)


@pytest.mark.parametrize(
    "says",
    [
        {},
        {FILE: f"{CODE}x"},
        {FILE: ("https://elsewhere.example/vrm-vendor.txt", CODE)},
        {SHOP: ("https://elsewhere.example/", LINK)},
        {SHOP: f'<a href="{PAGE}">no rel</a>'},
        {SHOP: f"<!-- {LINK} -->"},
        {SHOP: LINK.replace("/shop", "/another-shop")},
    ],
)
def test_anything_else_proves_nothing_and_says_what_was_looked_for(says: Mapping[str, str | tuple[str, str]]) -> None:
    with pytest.raises(BadInput) as refused:
        site.prove(Web(says), website=SHOP, code=CODE, page_url=PAGE)
    assert FILE in str(refused.value)
    assert CODE in str(refused.value)


def test_a_website_that_does_not_answer_or_is_not_named_is_said_so() -> None:
    with pytest.raises(NotReachable, match=r"could not be read"):
        site.prove(Web({FILE: ("nowhere", "")}), website=SHOP, code=CODE, page_url=PAGE)
    with pytest.raises(BadInput, match=r"which website is yours"):
        site.prove(Web({}), website="", code=CODE, page_url=PAGE)


def test_another_website_has_to_be_proven_anew(store: Store, ben: Account, now: datetime) -> None:
    said = {"name": "Shop", "about": "", "zone": "UTC"}
    with store.write() as session:
        vendor_id = start_vendor(session, ben, now, name="Shop").id
    with store.write() as session:
        vendor = session.get_one(Vendor, vendor_id)
        team.describe(session, vendor, website=SHOP, **said)
        site.mark_proven(session, vendor, SHOP, now)
        site.mark_proven(session, vendor, SHOP, now + timedelta(days=1))
        assert vendor.verified_at == now
        team.describe(session, vendor, website="https://shop.example/contact", **said)
        assert vendor.verified_at == now
        team.describe(session, vendor, website="https://rival.example", **said)
        assert vendor.verified_at is None
        with pytest.raises(WrongState):
            site.mark_proven(session, vendor, SHOP, now)
