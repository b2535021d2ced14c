"""A post whose want was published → a word to that post, where its want is, if its author wished so (Webmention).

The page that replies names the post and the want, and nobody else; it exists only for those who wished for it.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from intents.addresses import web_address
from intents.draft import Visibility
from intents.fetching import Harvester
from intents.models import Blog, Entry, Intent
from intents.page import base_of, elements_of, links_of
from vrm.kernel.db import is_code, new_code
from vrm.kernel.errors import NotFound, OutsideError
from vrm.kernel.outbound import PAGE, Answer

log = logging.getLogger(__name__)

MOST_TRIES = 4
_RETRY = timedelta(hours=1)
_LEASE = timedelta(minutes=5)
_AT_ONCE = 10
_NO_ENDPOINT = "The post's page does not say where to send replies (webmentions), so it was not told."


@dataclass(frozen=True, slots=True)
class _Word:
    """What is to be said: that `source`, a page of ours, replies to `target`, the post."""

    entry_id: int
    source: str
    target: str


def reply_owed(harvester: Harvester) -> int:
    """Tell the posts that are to be told now; how many were tried."""
    with harvester.store.write() as session:
        words = _claim(session, harvester.home_url, harvester.clock())
    if words:
        asyncio.run(_reply_all(harvester, words))
    return len(words)


def by_code(session: Session, code: str) -> Entry:
    """The entry that a reply of ours is about; NotFound when its author wishes none, or its want is not public."""
    asked = (
        select(Entry)
        .join(Intent)
        .join(Blog)
        .where(
            Entry.reply_code == code,
            Blog.reply_to_posts,
            Intent.opened_at.is_not(None),
            Intent.visibility == Visibility.PUBLIC,
        )
        .options(joinedload(Entry.intent))
    )
    entry = session.scalar(asked) if is_code(code) else None
    if entry is None or entry.intent is None:
        raise NotFound("There is no such reply.")
    return entry


def _claim(session: Session, home_url: str, now: datetime) -> list[_Word]:
    due = session.scalars(
        select(Entry)
        .join(Intent)
        .join(Blog)
        .where(
            Entry.reply_at <= now,
            Blog.reply_to_posts,
            Intent.opened_at.is_not(None),
            Intent.closed_at.is_(None),
            Intent.visibility == Visibility.PUBLIC,
        )
        .order_by(Entry.reply_at)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True, of=Entry)
    ).all()
    words = []
    for entry in due:
        entry.reply_at = now + _LEASE
        entry.reply_tries += 1
        entry.reply_code = entry.reply_code or new_code()
        words.append(_Word(entry.id, f"{home_url}/replies/{entry.reply_code}", entry.url))
    return words


async def _reply_all(harvester: Harvester, words: Sequence[_Word]) -> None:
    async with harvester.outbound:
        await asyncio.gather(*(_reply(harvester, word) for word in words))


async def _reply(harvester: Harvester, word: _Word) -> None:
    try:
        trouble = await _send(harvester, word)
    except OutsideError as error:
        trouble = error
    await asyncio.to_thread(_note, harvester, word.entry_id, trouble)


async def _send(harvester: Harvester, word: _Word) -> OutsideError | None:
    """None when the post's host took it; a permanent trouble is not tried again."""
    if not word.target:
        return OutsideError(_NO_ENDPOINT, permanent=True)
    page = await harvester.outbound.get(word.target, policy=PAGE)
    if not 200 <= page.status < 300:
        return OutsideError(f"The post's page answered {page.status}.", permanent=page.status in {404, 410})
    endpoint = endpoint_of(page)
    if not endpoint:
        return OutsideError(_NO_ENDPOINT, permanent=True)
    answer = await harvester.outbound.post(
        endpoint,
        body=urlencode({"source": word.source, "target": word.target}).encode(),
        policy=PAGE,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    if 200 <= answer.status < 300:
        return None
    return OutsideError(f"The post's host answered {answer.status} to our reply.", permanent=answer.status == 400)


def endpoint_of(page: Answer) -> str:
    """Where a page takes webmentions (Webmention §3.1.2): by its headers, else by its first link; "" when nowhere."""
    for href, rels, _attributes in links_of(page.headers.getall("Link", ())):
        if "webmention" in rels:
            return web_address(href, page.url) or page.url
    elements = list(elements_of(page.body))
    for element in elements:
        if element.name in {"link", "a"} and "webmention" in element.rels and "href" in element.attributes:
            # An empty address is the page itself.
            return web_address(element.attributes["href"], base_of(elements, page.url)) or page.url
    return ""


def _note(harvester: Harvester, entry_id: int, trouble: OutsideError | None) -> None:
    now = harvester.clock()
    with harvester.store.write() as session:
        entry = session.get(Entry, entry_id, with_for_update=True)
        if entry is None:
            return
        if trouble is None:
            entry.replied_at, entry.reply_at, entry.reply_note = now, None, None
        else:
            entry.reply_note = str(trouble)[:500]
            is_over = trouble.permanent or entry.reply_tries >= MOST_TRIES
            entry.reply_at = None if is_over else now + _RETRY * (1 << (2 * entry.reply_tries - 2))
