"""Customers and vendors who are the same people: the wants that a firm publishes where it listens itself.

A vendor never gets a lead of its own members. What is left is the colleague who is no member: whose mail address has
the domain of the vendor's website or of a mailbox that it is told at. Such leads are in no denominator.
"""

from collections import defaultdict
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifiers.models import Channel, ChannelKind
from vendors.models import Vendor
from vrm.kernel.accounts import Account

# Domains at which people have mailboxes who have nothing else in common; the first three are for examples (RFC 2606).
_DOMAINS = """
    example.com example.net example.org gmail.com googlemail.com outlook.com hotmail.com live.com msn.com
    yahoo.com ymail.com aol.com icloud.com me.com mac.com proton.me protonmail.com pm.me gmx.com gmx.net gmx.de
    gmx.at web.de t-online.de mail.ru yandex.ru zoho.com fastmail.com hey.com btinternet.com orange.fr
    laposte.net free.fr libero.it wp.pl qq.com 163.com localhost localhost.localdomain
"""
EVERYBODYS = frozenset(_DOMAINS.split())


def self_intents(session: Session) -> frozenset[tuple[int, int]]:
    """Each (account id, vendor id) of which the one wants and the other sells under the same domain."""
    vendors: dict[str, set[int]] = defaultdict(set)
    for vendor_id, website in session.execute(select(Vendor.id, Vendor.website).where(Vendor.website != "")):
        vendors[_host(website)].add(vendor_id)
    mailboxes = select(Channel.vendor_id, Channel.target).where(Channel.kind == ChannelKind.EMAIL)
    for vendor_id, target in session.execute(mailboxes):
        vendors[_domain(str(target.get("address", "")))].add(vendor_id)
    accounts = session.execute(select(Account.id, Account.email))
    return frozenset(
        (account_id, vendor_id)
        for account_id, email in accounts
        for vendor_id in vendors.get(_domain(email), ())
        if _domain(email) not in EVERYBODYS
    )


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _host(website: str) -> str:
    try:
        return (urlsplit(website).hostname or "").removeprefix("www.")
    except ValueError:
        return ""
