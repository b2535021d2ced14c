"""A vendor's website → whether it names the vendor, which only whoever runs the website can have done."""

from datetime import datetime
from urllib.parse import urljoin, urlsplit

from sqlalchemy.orm import Session

from intents.ownership import find_proof
from vendors.models import Vendor
from vrm.kernel.errors import BadInput, NotReachable, OutsideError, WrongState
from vrm.kernel.outbound import PAGE, Outbound

PATH = "/.well-known/vrm-vendor.txt"
_LONGEST = 10_000  # Bytes of that file that are read.


def prove(outbound: Outbound, *, website: str, code: str, page_url: str) -> None:
    """Look whether the website says that it is this vendor's; fetches, and must run with no transaction open.

    It does by a line with the vendor's `code` in the file at PATH, or by a rel="me" link to `page_url`, the vendor's
    page here, on the website's own page. Raises BadInput("website") when it does neither, OutsideError when it cannot
    be reached.
    """
    if not website:
        raise BadInput({"website": "Say first which website is yours, and save it."})
    try:
        if _in_file(outbound, website, code) or _on_page(outbound, website, page_url):
            return
    except OutsideError as error:
        raise NotReachable(f"{website} could not be read: {error}") from error
    where = urljoin(website, PATH)
    raise BadInput({"website": f"Neither {where} holds “{code}” nor does {website} link to {page_url} with rel=me."})


def mark_proven(session: Session, vendor: Vendor, website: str, now: datetime) -> None:
    """Note that `website` was seen to name the vendor. WrongState when the vendor has another one by now."""
    session.refresh(vendor, with_for_update={"key_share": True})
    if vendor.website != website:
        raise WrongState("The website was changed meanwhile; please look again.")
    vendor.verified_at = vendor.verified_at or now
    session.flush()


def same_site(one: str, other: str) -> bool:
    """Whether two addresses are of one host, with or without “www.”."""
    return _host(one) == _host(other) != ""


def _in_file(outbound: Outbound, website: str, code: str) -> bool:
    answer = outbound.get_sync(urljoin(website, PATH), policy=PAGE)
    if answer.status != 200 or not same_site(answer.url, website):
        return False
    lines = answer.body[:_LONGEST].decode("utf-8", "replace").splitlines()
    return code in (line.strip() for line in lines)


def _on_page(outbound: Outbound, website: str, page_url: str) -> bool:
    answer = outbound.get_sync(website, policy=PAGE)
    if answer.status != 200 or not same_site(answer.url, website):
        return False
    # No feed, hence no token that could stand in one.
    return find_proof(token="", account_url=page_url, feed=None, page_html=answer.body, page_url=answer.url) is not None


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").removeprefix("www.")
    except ValueError:
        return ""
