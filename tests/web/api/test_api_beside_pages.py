"""Whatever a page's button does, a program can do, or it is said here why not: a new button without a line fails."""

from flask import Flask

from vrm.web.api import OPERATIONS

# Page → operation, by the room of the page.
BY_PROGRAM: dict[str, dict[str, str]] = {
    "want": {"said": "create_intent", "forget": "forget_sentences"},
    "me": {
        "amend": "change_intent",
        "open_it": "publish_intent",
        "pause": "pause_intent",
        "resume": "resume_intent",
        "withdraw": "withdraw_intent",
        "done": "close_intent",
    },
    "board": {
        "answer_hold": "answer_hold",
        "say": "create_message",
        "reveal": "reveal_contact",
        "turn_down": "turn_down",
        "block": "block_vendor",
        "shortlist": "shortlist",
        "choose_it": "choose_vendor",
        "judge": "judge",
    },
    "blogs": {
        "register": "create_blog",
        "verify": "verify_blog",
        "choices": "change_blog",
        "read": "read_blog_soon",
        "remove": "delete_blog",
        "decide": "decide_entry",
    },
    "account": {"save": "change_account", "revoke_token": "revoke_token"},
    "vendor": {
        "found": "create_vendor",
        "describe": "change_vendor",
        "prove": "verify_vendor",
        "pause": "pause_vendor",
        "resume": "resume_vendor",
        "several": "decline_several",
        "answer": "create_response",
        "agree": "accept_terms",
    },
    "subscriptions": {
        "add": "create_subscription",
        "edit": "change_subscription",
        "pause": "change_subscription",
        "resume": "change_subscription",
        "end": "delete_subscription",
        "narrow": "tighten_subscription",
        "loosen": "loosen_subscription",
    },
    "importing": {"take": "import_subscriptions"},
    "channels": {
        "add": "create_channel",
        "edit": "change_channel",
        "verify": "verify_channel",
        "again": "verify_channel",
        "test": "send_test",
        "change": "change_channel",
        "rotate": "rotate_secret",
    },
    "timing": {"change": "change_channel", "set_hours": "change_hours"},
    "lost": {
        "one_again": "send_again",
        "range_again": "send_range_again",
        "again_for": "send_lost_again",
        "all_again": "send_all_lost_again",
    },
    "templates": {"make": "create_template", "change": "change_template", "remove": "delete_template"},
    "colleagues": {"add": "add_member", "change_role": "change_member", "leave": "remove_member"},
    "listening": {"watch": "create_watch", "end": "delete_watch", "dismiss": "dismiss_sighting"},
    "research": {"reply": "change_vendor"},
    "admin": {"remove": "remove_want"},
    "people": {"stand": "suspend_account"},
    "moderation": {"rule": "dismiss_report", "want": "hold_want", "vendor": "suspend_vendor"},
    "reporting": {"want": "report_want", "vendor": "report_vendor", "conversation": "report_conversation"},
}
# Reason → pages. docs/api.md gives the reasons to those who write programs.
PAGES_ONLY: dict[str, str] = {
    "It asks for the person again, in a browser: a stolen token must not be enough.": (
        "mydata.erase account.make_token signing_in.password signing_in.again signing_in.again_by_mail"
        " signing_in.end_session signing_in.end_others signing_in.recovery_codes signing_in.passkey_options"
        " signing_in.add_passkey signing_in.remove_passkey signing_in.propose_app signing_in.confirm_app"
        " signing_in.remove_app people.set_role keeping.take"
    ),
    "It is how a person signs in, or begins to; a program has a token.": (
        "door.send_link door.spend_link door.with_password door.second door.passkey_options door.with_passkey"
        " door.sign_out door.send_proof want.author admin.become_owner"
    ),
    "The link in the message is the key, and its page is for a person; with a token the same is another operation.": (
        "answer.answer answer.agree answer.stop answer.unsubscribe answer.join blogs.answered channels.prove"
    ),
    "An operator does it once and looks at what comes of it; programs on the machine have `vrm` for it.": (
        "people.invite people.sign_out keeping.make trees.edit"
    ),
    "An operator has to read and judge first, with a person's eyes: who asks for what, what a post means.": (
        "research.decide canaries.set_one listening.watch_for_operators listening.end_for_operators"
        " listening.dismiss_for_operators"
    ),
    "A person has to read what they agree to.": "research.asked",
    "It shows that a post on the web is whose account it is, which takes the person's own browser or blog.": (
        "listening.say_mine listening.claim"
    ),
    "It is no page: another server's program calls it.": "hubs.told",
}


def buttons(app: Flask) -> set[str]:
    """Every endpoint of the pages that takes a POST."""
    return {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ()) and not rule.endpoint.startswith("api.")
    }


def test_each_button_of_a_page_has_an_operation_or_a_reason(app: Flask) -> None:
    by_program = {f"{room}.{page}" for room, pages in BY_PROGRAM.items() for page in pages}
    pages_only = [page for pages in PAGES_ONLY.values() for page in pages.split()]
    assert len(pages_only) == len(set(pages_only))
    assert by_program.isdisjoint(pages_only)
    assert by_program.union(pages_only) == buttons(app)


def test_each_operation_that_is_named_is_there() -> None:
    named = {name for pages in BY_PROGRAM.values() for name in pages.values()}
    assert named <= {operation.name for operation in OPERATIONS}
