"""What reading blogs takes, and a fetched answer -> the feed that it holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from intents.feed import Feed, FeedReader
from intents.models import Blog
from vrm.kernel.clock import Clock
from vrm.kernel.db import Store
from vrm.kernel.outbound import Answer, Outbound, texts_of

ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, text/xml;q=0.9, "
    "text/html;q=0.8, */*;q=0.5"
)


@dataclass(frozen=True, slots=True)
class Harvester:
    """What reading blogs takes. `home_url` is the broker's own address, to which rel="me" links point."""

    store: Store
    outbound: Outbound
    reader: FeedReader
    clock: Clock
    home_url: str
    texts: Callable[[str], Sequence[str]] = texts_of  # A host's name -> its TXT records.

    def proof_url(self, blog: Blog) -> str:
        """The address that a rel="me" link on the blog has to point to."""
        return f"{self.home_url}/proof/{blog.proof_token}"

    def read(self, answer: Answer, now: datetime) -> Feed:
        """The feed that was fetched. Raises NotAFeed."""
        content_type = answer.headers.get("Content-Type", "")
        return self.reader.read(answer.body, content_type=content_type, url=answer.url, fetched_at=now)
