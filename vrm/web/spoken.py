"""What the rooms below say in English → the reader's language, where it is known here; else as it was said.

They know no reader: their sentences are kept with a hold or an entry, printed by `vrm`, and answered to programs. A
sentence here stands as it is said there; what they fill in is a blank, whose filling is looked up in turn.
"""

import re
from functools import cache

from flask import Flask

from vrm.web.words import _, locale


def say(sentence: str) -> str:
    """Marks what the catalogues hold."""
    return sentence


WHOLE = (
    # Ways to be told.
    say("A mail for every want, with buttons that answer it."),
    say("Mail address"),
    say("Address"),
    say("One that somebody reads; a shared one such as sales@ is fine."),
    say("Signed JSON to an address of yours, for every want and every change of it."),
    say("It must begin with https:// and answer a POST with 2xx within 15 seconds."),
    say("A message in a Slack channel for every want."),
    say("Webhook address"),
    say("In Slack: Apps › Incoming WebHooks › Add, choose the channel, copy the address."),
    say("A message in a Discord channel for every want."),
    say("In Discord: Edit channel › Integrations › Webhooks › New webhook › Copy webhook URL."),
    say("A message from your own bot for every want."),
    say("Bot token"),
    say("Chat"),
    say("From @BotFather: /newbot, then copy the token. Add the bot to the chat."),
    say("The chat's number, or the public name of a channel."),
    say("A card in a Teams channel for every want."),
    say("Workflow address"),
    say("In Teams: ⋯ beside the channel › Workflows › “Post to a channel when a webhook request is received”."),
    say("A message in a Google Chat space for every want."),
    say("In Google Chat: the space's name › Apps & integrations › Webhooks › Add, copy the address."),
    say("A message in a Webex space for every want."),
    say("In the Webex App Hub: Incoming Webhooks › Connect, choose the space, copy the address."),
    say("A push message to your telephone, by Pushover."),
    say("Application token"),
    say("At pushover.net: Create an Application, then copy its API token."),
    say("User or group key"),
    say("At the top of your page at pushover.net, or of a delivery group."),
    say("A push message to all your devices, by Pushbullet."),
    say("Access token"),
    say("At pushbullet.com: Settings › Account › Create Access Token."),
    say("A push message to your telephone, by ntfy.sh."),
    say("Topic"),
    say("Subscribe to a topic in the ntfy app and write its name here. Whoever knows the name can read it."),
    say("Atom and JSON Feed at a secret address, for your reader or your own programs."),
    say("Which wants"),
    say("All that you are told of, or those of one thing that you listen for."),
    # Why a post is no want, or a want is held.
    say("Several new accounts published nearly the same text within a week."),
    say("Nothing says that this post is a want: tag it #intent, #wanttobuy or #vrm, or begin its title with “I want”."),
    say("This post offers something for sale; only what you want to buy becomes an intent."),
    say("The title is a question to readers; begin it with “I’m looking for” if you want it."),
    say("The post does not say what is wanted; name the thing or the service in its title."),
    say("Older than the registration of the blog; only newer posts are read."),
    say("You said that it is a want; it is being read again."),
    say("You said that this is not a want."),
    # What cannot be done.
    say("There is no such page."),
    say("There is no such vendor."),
    say("There is no such message."),
    say("This link has been used or is too old. Ask for a new one; it arrives in a minute."),
    say("This want is closed and can no longer be changed; publish a new one instead."),
    say("That code is no good any more; ask for a new one, and we send it there."),
    say("You have this channel already; nothing needs to be added."),
    say("This channel is switched off or paused; put it right and switch it on first."),
    say("What this was about is gone."),
    # What is not known of a browser.
    say("Another browser"),
    say("A browser"),
    # What fields are called there.
    say("The name"),
    say("The title"),
    say("The description"),
    say("The telephone number"),
    say("The token's name"),
    say("The website"),
    say("What you say"),
    say("Your answer"),
    say("Your word on your figures"),
    say("category"),
    say("region"),
)
_WITH_BLANKS = (
    say("%(label)s is missing; please fill it in."),
    say("%(label)s has %(many)s characters; please use at most %(most)s."),
    say("%(label)s holds characters that cannot be shown; please type it again."),
    say("There is no such %(what)s; please choose one from the list."),
    say("“%(amount)s” is not an amount; write digits only, such as 12000 or 12000.50."),
    say("No vendor listens to %(category)s yet. Your want stays open, and the first to come will hear."),
    say("1 vendor sells %(category)s, but none of them in %(region)s."),
    say("%(count)s vendors sell %(category)s, but none of them in %(region)s."),
    say("1 vendor sells %(category)s in parts of %(region)s only; choose one of its places to reach them."),
    say("%(count)s vendors sell %(category)s in parts of %(region)s only; choose one of its places to reach them."),
    say("%(count)s vendors were told."),
    say("1 vendor was told."),
    say("%(browser)s on %(system)s"),
)


def install(app: Flask) -> None:
    """Give the templates the filter."""
    app.jinja_env.filters["spoken"] = spoken


def spoken(sentence: object) -> str:
    """The sentence in the language of this page."""
    said = str(sentence)
    if not said or locale() == "en":
        return said
    if said in WHOLE:
        return _(said)
    for template, pattern in _patterns():
        found = pattern.fullmatch(said)
        if found:
            return _(template, **{name: spoken(words) for name, words in found.groupdict().items()})
    return said


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    found = []
    for each in _WITH_BLANKS:
        parts = re.split(r"%\((\w+)\)s", each)
        written = "".join(f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
        found.append((each, re.compile(written, re.DOTALL)))
    return found
