"""The labelled posts, in their two halves; see posts/README.md."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from intents.detect import Verdict, detect

POSTS = Path(__file__).parent / "posts"

Half = Literal["tuning", "held out"]
_FILES: dict[Half, str] = {"tuning": "posts.tsv", "held out": "later.tsv"}


@dataclass(frozen=True, slots=True)
class Post:
    """One labelled post."""

    is_want: bool
    language: str
    text: str

    @property
    def verdict(self) -> Verdict:
        return detect(self.text)


@dataclass(frozen=True, slots=True)
class Quality:
    """How right the detector is over some posts, from 0 to 1."""

    precision: float
    recall: float


def posts(half: Half) -> list[Post]:
    lines = (line.split("\t") for line in (POSTS / _FILES[half]).read_text(encoding="utf-8").splitlines())
    return [Post(label == "want", language, text) for label, language, text in lines]


def quality(of: list[Post]) -> Quality:
    said = [(post.is_want, post.verdict.is_want) for post in of]
    right = sum(is_want and found for is_want, found in said)
    return Quality(right / max(1, sum(found for _, found in said)), right / sum(is_want for is_want, _ in said))


def mistakes() -> list[str]:
    """Of the tuning half only: each post that is judged wrongly, with its signs."""
    return [
        f"{'missed' if post.is_want else 'WRONG '} {post.verdict.weight:>3}  {post.text}  {'; '.join(post.verdict.signs)}"
        for post in posts("tuning")
        if post.verdict.is_want != post.is_want
    ]
