"""Who may use which page: the one table, and the gate that reads it before every request.

A page without an entry stops the start, so that nobody forgets to decide. What a table cannot say, whether this want is
this person's, is asked by the verb that finds it; a stranger's object is not there (404). The API declares the same
beside each operation, as scopes.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from flask import Flask, g, request

from vendors import team
from vendors.models import Role
from vrm.kernel.errors import NotAllowed, NotFound
from vrm.web.desk import db
from vrm.web.visitors import me, somebody, why_suspended
from vrm.web.words import _


class Who(StrEnum):
    """For whom a page is there."""

    ANYBODY = "anybody"  # It shows nobody's secret, or each reader only their own.
    LINK = "link"  # Whoever holds the secret that is in the address.
    NETWORK = "network"  # Machines of our own network, and operators.
    ACCOUNT = "account"  # Whoever is signed in; about nobody but them.
    CUSTOMER = "customer"  # Whose the want, blog, post or token in the address is.
    SIDE = "side"  # The two whose conversation it is: its customer, and whoever acts for its vendor.
    MEMBER = "member"  # Who acts for the vendor in the address, in any role.
    ADMIN = "admin"
    OWNER = "owner"
    RESEARCHER = "researcher"  # Whom an operator let in.
    OPERATOR = "operator"  # For everybody else the page does not exist.


# Blueprint → for whom → its pages.
PAGES: Mapping[str, Mapping[Who, str]] = {
    "": {Who.ANYBODY: "static"},
    "bootstrap": {Who.ANYBODY: "static"},
    "home": {Who.ANYBODY: "home docs vendor categories regions"},
    "health": {Who.ANYBODY: "alive ready", Who.NETWORK: "metrics"},
    "browse": {Who.ANYBODY: "wants atom json_feed linked"},
    "figures": {Who.ANYBODY: "responsiveness figure"},
    "door": {
        Who.ANYBODY: "sign_in send_link with_password second passkey_options with_passkey sign_out",
        Who.LINK: "look_at_link spend_link",
        Who.ACCOUNT: "send_proof",
    },
    "want": {Who.ANYBODY: "form understood said author show", Who.ACCOUNT: "forget"},
    "me": {Who.ACCOUNT: "boards", Who.CUSTOMER: "edit amend open_it pause resume withdraw done"},
    "board": {Who.CUSTOMER: "show answer_hold why live thread say reveal turn_down block shortlist choose_it judge"},
    "blogs": {
        Who.LINK: "asked answered proof reply",
        Who.ACCOUNT: "blogs register",
        Who.CUSTOMER: "blog verify choices read remove decide",
    },
    "hubs": {Who.LINK: "asked told"},
    "account": {Who.ACCOUNT: "form save make_token", Who.CUSTOMER: "revoke_token"},
    "signing_in": {
        Who.ACCOUNT: "form password again again_by_mail end_others recovery_codes passkey_options add_passkey"
        " propose_app confirm_app remove_app",
        Who.CUSTOMER: "end_session remove_passkey",
    },
    "privacy": {Who.ANYBODY: "privacy"},
    "mydata": {Who.ACCOUNT: "look as_json as_csv erase"},
    "vendor": {
        Who.ANYBODY: "home",
        Who.ACCOUNT: "found to_channels",
        Who.MEMBER: "inbox several lead answer agree why",
        Who.ADMIN: "settings describe prove pause resume",
    },
    "subscriptions": {
        Who.MEMBER: "subscriptions",
        Who.ADMIN: "new add subscription edit pause resume end narrow loosen preview",
    },
    "importing": {Who.ADMIN: "form example take"},
    "channels": {
        Who.LINK: "look prove",
        Who.ADMIN: "channels new add channel edit verify again test change rotate",
    },
    "timing": {Who.ADMIN: "form change hours set_hours"},
    "lost": {Who.ADMIN: "lost one_again range_again", Who.OPERATOR: "all_lost all_again again_for"},
    "answering_times": {Who.MEMBER: "answers"},
    "templates": {Who.MEMBER: "all_of_them make one change remove"},
    "colleagues": {Who.MEMBER: "colleagues leave", Who.OWNER: "add change_role"},
    "listening": {
        Who.ANYBODY: "invitation",
        Who.ACCOUNT: "say_mine",
        Who.CUSTOMER: "claiming claim",
        Who.MEMBER: "heard dismiss",
        Who.ADMIN: "watch end",
        Who.OPERATOR: "heard_by_operators watch_for_operators end_for_operators dismiss_for_operators",
    },
    "feeds": {Who.LINK: "fetch"},
    "answer": {Who.LINK: "look answer agree stop join ask_to_stop unsubscribe"},
    "research": {
        Who.ANYBODY: "bench snapshot file experiment vendor",
        Who.ACCOUNT: "ask asked",
        Who.ADMIN: "reply",
        Who.RESEARCHER: "restricted",
        Who.OPERATOR: "decide",
    },
    "admin": {Who.ANYBODY: "first_run become_owner", Who.OPERATOR: "overview outbox mail queue remove"},
    "reporting": {Who.ANYBODY: "want_form want vendor_form vendor", Who.SIDE: "conversation_form conversation"},
    "moderation": {Who.OPERATOR: "queue one rule want vendor"},
    "audits": {Who.OPERATOR: "rows file"},
    "keeping": {Who.OPERATOR: "settings all_of_them make take"},
    "people": {Who.OPERATOR: "people invite set_role sign_out stand"},
    "canaries": {Who.OPERATOR: "canaries set_one"},
    "trees": {Who.OPERATOR: "trees node edit"},
}
_OF_A_VENDOR = {Who.MEMBER: Role.MEMBER, Who.ADMIN: Role.ADMIN, Who.OWNER: Role.OWNER}
_NOBODY_ASKED = {Who.ANYBODY, Who.LINK, Who.NETWORK}
# What a suspended account still does: read why, take its data along or erase it after a proof, and go.
WHILE_SUSPENDED = {
    *("static", "bootstrap.static", "privacy.privacy", "door.sign_out"),
    *("door.passkey_options", "signing_in.again", "signing_in.again_by_mail"),
    *("mydata.look", "mydata.as_json", "mydata.as_csv", "mydata.erase"),
}
_NOT_BY_SESSION = {Who.LINK, Who.NETWORK}  # A secret opens these, or the place: signing out would do, too.


def entries() -> Iterator[tuple[str, Who]]:
    """(endpoint, for whom) of every page."""
    for room, groups in PAGES.items():
        for who, names in groups.items():
            for name in names.split():
                yield f"{room}.{name}" if room else name, who


FOR_WHOM: Mapping[str, Who] = dict(entries())


def install(app: Flask) -> None:
    """Set the gate before every page. ValueError when table and pages are not the same."""
    there = {rule.endpoint for rule in app.url_map.iter_rules() if not rule.endpoint.startswith("api.")}
    if there != FOR_WHOM.keys():
        raise ValueError(
            "vrm/web/access.py says who may use which page."
            f" It lacks: {', '.join(sorted(there - FOR_WHOM.keys())) or 'nothing'}."
            f" It names what is not there: {', '.join(sorted(FOR_WHOM.keys() - there)) or 'nothing'}."
        )
    app.before_request(_gate)


def _refuse_suspended() -> None:
    account = somebody()
    why = why_suspended(account) if account else ""
    if why:
        raise NotAllowed(why + " " + _("Until then you can take your data along or erase it; nothing else works."))


def _gate() -> None:
    if "\0" in request.path:  # No name has one, and PostgreSQL cannot even look for it.
        raise NotFound("There is no such page.")
    endpoint = request.endpoint or ""
    who = FOR_WHOM.get(endpoint)
    if who is None:
        return  # 404, or the API, which asks for itself.
    if endpoint not in WHILE_SUSPENDED and who not in _NOT_BY_SESSION:
        _refuse_suspended()
    if who in _NOBODY_ASKED:
        return
    account = me()
    if who is Who.OPERATOR and not account.is_operator:
        raise NotFound("There is no such page.")
    role, slug = _OF_A_VENDOR.get(who), (request.view_args or {}).get("slug")
    if role is not None and slug is not None:
        g.vendor = team.by_slug(db(), slug)
        team.require(db(), g.vendor, account, role)
