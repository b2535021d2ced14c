"""One tree of errors, named for what went wrong; the desk turns them into HTTP once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class VrmError(Exception):
    """Anything the broker itself refuses or fails at. `str(error)` is a sentence for a person."""


class StoreDown(VrmError):
    """The store could not be read or written: it restarts, or its disk is full. Nothing was kept of what was asked."""

    def __init__(self) -> None:
        super().__init__(
            "Our store cannot take this just now, so nothing was saved. Please try again in a minute; what you typed "
            "is still in your browser when you go back."
        )


# --- What somebody asked for cannot be done -------------------------------------------------------


class BadInput(VrmError):
    """What was typed does not hold. `problems` has one sentence per field, keyed by the field's name.

    A nested field is named with slashes ("budget/amount"), so that it doubles as a JSON pointer.
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = dict(problems)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One node that an ambiguous or misspelt name may have meant."""

    slug: str
    label: str
    path: tuple[str, ...]  # Labels from the top level down to this node.


class UnknownNode(BadInput):
    """A category or region that does not exist, or a name that fits several."""

    def __init__(self, field: str, sentence: str, candidates: Sequence[Candidate] = ()) -> None:
        super().__init__({field: sentence})
        self.candidates = tuple(candidates)


class NotFound(VrmError):
    """There is no such thing, or it is not for the one who asks; nobody learns which."""


class NotAllowed(VrmError):
    """The one who asks may see the thing but may not do this to it."""


class WrongState(VrmError):
    """The thing is past (or before) the moment at which this can be done, as a closed intent for an edit."""


class LimitReached(VrmError):
    """A limit was reached. The sentence says the limit and when it ends; `retry_after_s` says it to programs."""

    def __init__(self, sentence: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s


class NotKept(VrmError):
    """Where somebody wants to go on is longer ago than it is kept. The sentence says where to begin."""


class LinkSpent(VrmError):
    """A one-time link or code was used, has expired, or never existed."""


# --- Something outside did not work ---------------------------------------------------------------


class OutsideError(VrmError):
    """Sending or fetching failed. `permanent` says that trying the same again is of no use.

    `retry_after_s` is what the other side asked for, when it did.
    """

    def __init__(self, sentence: str, *, permanent: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(sentence)
        self.permanent = permanent
        self.retry_after_s = retry_after_s


class NotReachable(OutsideError):
    """Blocked, refused, or not resolvable: the same words for all, because we are nobody's port scanner."""


class TooSlow(OutsideError):
    """The total deadline passed."""


class TooLarge(OutsideError):
    """More bytes than the limit, on the wire or inflated."""


class NotAFeed(OutsideError):
    """What was fetched could not be read as a feed."""


# --- The broker itself is not fit to run ----------------------------------------------------------


class BadSetting(VrmError):
    """An environment setting is unknown, missing or malformed; the sentence names it and the fix."""
