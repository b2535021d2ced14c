"""What is kept about people, table by table → the page that tells them; a table without an entry fails a test."""

from dataclasses import dataclass

from flask import Blueprint, render_template

from vrm.web.desk import desk
from vrm.web.words import later

blueprint = Blueprint("privacy", __name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind of thing that is kept about people."""

    tables: str  # Names, with spaces between.
    what: str
    why: str
    who: str  # Who can see it, beside the person and the operator's machine.
    until: str  # May name the days that the operator set: %(attempts)s, %(audits)s, %(changes)s.


KEPT = (
    Kept(
        "accounts totps recovery_codes passkeys links",
        later(
            "Your e-mail address, and your name, telephone number, language and time zone if you gave them; how "
            "you sign in. A password is kept as an argon2id hash, a code generator sealed."
        ),
        later("To know that it is you."),
        later("Operators see the address. A vendor sees your name, address and number only after you show them to it."),
        later("Until you erase your account. A link that was sent to you works for 30 minutes."),
    ),
    Kept(
        "browser_sessions api_tokens idempotency_keys",
        later(
            "In which browsers you are signed in and when, with the browser’s own description; names and scopes "
            "of your tokens. No internet addresses."
        ),
        later("So that you can see and end them."),
        later("Only you."),
        later(
            "A session ends after 30 days without a visit, or after 180 days; a token when you say so. What was "
            "answered to a program is kept for a day, so that a repetition changes nothing."
        ),
    ),
    Kept(
        "intents intent_places revisions entries",
        later(
            "What you want to buy, with every change; posts of your blog that may be wants: their title and address."
        ),
        later("To route them, and to show vendors what changed."),
        later("Vendors who are told, without your name. Everybody, if you made it public."),
        later("Wants stay as they were when they close. Erasing takes every word out of them."),
    ),
    Kept(
        "leads agreements exchanges messages responses blocks",
        later(
            "Which vendors were told of a want and what each did: delivered, seen, answered; what you wrote to "
            "each other, which terms were accepted, and how you said it went."
        ),
        later("To show you who came, and to measure how vendors answer."),
        later("You, and each vendor what is its own. Figures count it without names, in groups of at least 11."),
        later("Moments stay, so that what was measured stays true; erasing takes the words."),
    ),
    Kept(
        "events",
        later("That something happened to a want or a lead, what kind of thing and when; no words, nothing typed."),
        later("So that programs can ask what changed since they last did."),
        later("Vendors what happened to their leads; everybody what happened to public wants."),
        later("%(changes)s days. What is measured stands with the want and does not need it."),
    ),
    Kept(
        "notifications attempts arrivals",
        later(
            "Messages that we owe or sent to you or to a vendor, each attempt with the other side’s answer, and "
            "that mail came back."
        ),
        later("So that a message that did not arrive is known and sent again."),
        later("The vendor sees its own; operators see what failed."),
        later("Attempts for %(attempts)s days; messages until you erase."),
    ),
    Kept(
        "blogs hub_leases",
        later("Addresses of your blogs, and how you proved that they are yours."),
        later("To read your wants there."),
        later("Only you; a hub that your blog names learns that we follow it."),
        later("Until you remove the blog."),
    ),
    Kept(
        "corrections",
        later("Sentences with what you corrected, apart from the want and without your name, if you agreed."),
        later("To teach the reader."),
        later("Operators, who may add them to the tests of the reader."),
        later("Until you say “forget”, or erase your account."),
    ),
    Kept(
        "watches sightings",
        later(
            "Of public posts elsewhere that look like wants: the address of the post, a category and a place. "
            "Nothing about the person, and not the text."
        ),
        later("So that the author, and nobody else, can make it a want."),
        later("The vendor or operator who watches that feed."),
        later("30 days, unless the author claims it."),
    ),
    Kept(
        "vendors memberships subscriptions subscription_words tightenings templates channels calendars"
        " calendar_versions",
        later(
            "For vendors: name, website, who acts for it, what it listens for, how it wants to be told and when. "
            "Secrets of channels are sealed."
        ),
        later("To tell them."),
        later("Everybody sees the name, the website and the vendor’s own words; its people see the rest."),
        later("Until the vendor ends them, or closes."),
    ),
    Kept(
        "experiments assignments consents deviations research_accesses",
        later(
            "For researchers: what they asked for and agreed to. Which want was in which arm of an experiment, "
            "without names."
        ),
        later("To measure honestly."),
        later("Operators; approved researchers see leads with times under an agreement, and no person."),
        later("As long as the published figures stand."),
    ),
    Kept(
        "audits",
        later("What operators did and looked at, and sign-ins, exports and changes of roles: by number, not by name."),
        later("So that those who run this can be held to account."),
        later("Operators."),
        later("%(audits)s days; erasing takes your number out of it at once."),
    ),
    Kept(
        "reports holds",
        later("What was reported, by whom and why; which want was held, why, and what its author answered."),
        later("So that what breaks the rules is seen, and nobody is silenced without a word."),
        later("Operators see what was reported and not by whom. You see what is held of yours, and why."),
        later("What you reported goes when you erase your account; of a hold your answer goes."),
    ),
    Kept(
        "traces",
        later(
            "Of a want that an operator made to see who passes on what customers write: the mail address, or the "
            "number of the account, of whoever showed that they know of it."
        ),
        later("So that a vendor who gives customers’ words away is found."),
        later("Operators."),
        later("As long as that want is there."),
    ),
    Kept(
        "prints",
        later("A fingerprint of the words of wants that accounts younger than a week publish."),
        later("So that the same text from many new accounts is noticed."),
        later("Nobody."),
        later("A week."),
    ),
    Kept(
        "tallies",
        later("How often something was tried in the last hours, by a fingerprint of what was tried by whom."),
        later("So that nobody guesses passwords or floods vendors."),
        later("Nobody."),
        later("A day."),
    ),
)
# About nobody: trees, rates, and the store's own.
ABOUT_NOBODY = "categories regions region_members tree_versions rates event_clocks attempt_totals"


@blueprint.get("/privacy")
def privacy() -> str:
    """What is kept, why, who sees it and for how long."""
    settings = desk().settings
    days = {name: getattr(settings, f"keep_{name}").days for name in ("attempts", "audits", "changes")}
    return render_template("public/privacy.html", kept=KEPT, days=days, ask=settings.mail_from)
