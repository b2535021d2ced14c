"""The labelled posts, in their two parts; see posts/README.md."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from judging import TODAY, Judge

from intents.detect import Verdict, detect
from intents.understand import understand

POSTS = Path(__file__).parent / "posts"

Part = Literal["tuning", "held out"]
_FILES: dict[Part, str] = {"tuning": "posts.tsv", "held out": "later.tsv"}


@dataclass(frozen=True, slots=True)
class Post:
    """One labelled post."""

    is_want: bool
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Quality:
    """How right the detector is over some posts, from 0 to 1."""

    precision: float
    recall: float


def posts(part: Part) -> list[Post]:
    lines = (line.split("\t") for line in (POSTS / _FILES[part]).read_text(encoding="utf-8").splitlines())
    return [Post(label == "want", language, text) for label, language, text in lines]


@cache
def _judge() -> Judge:
    return Judge.committed()


def verdict(post: Post) -> Verdict:
    """As the listening broker judges it, with nothing known of where the author is."""
    judge = _judge()
    read = understand(post.text, trees=judge.trees, lexicon=judge.lexicon, now=TODAY)
    return detect(post.text, names_thing="category" in read.sure)


def quality(of: list[Post]) -> Quality:
    said = [(post.is_want, verdict(post).is_want) for post in of]
    right = sum(is_want and found for is_want, found in said)
    return Quality(right / max(1, sum(found for _, found in said)), right / sum(is_want for is_want, _ in said))


def mistakes() -> list[str]:
    """Of the tuning part only: each post that is judged wrongly, with its signs."""
    judged = [(post, verdict(post)) for post in posts("tuning")]
    return [
        f"{'missed' if post.is_want else 'WRONG '} {found.weight:>3}  {post.text}  {'; '.join(found.signs)}"
        for post, found in judged
        if found.is_want != post.is_want
    ]
