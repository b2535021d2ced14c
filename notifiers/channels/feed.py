"""A private feed: nothing is sent; the vendor's own programs fetch it, and that they did is the proof."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from notifiers.channels.base import Composed, Field, Outcome, Proof, Wire
from notifiers.models import ChannelKind, Verdict
from notifiers.post import Post
from vrm.kernel.outbound import Outbound


@dataclass(frozen=True, slots=True)
class Feed:
    """Atom and JSON Feed at an address that nobody guesses."""

    kind: ChannelKind = ChannelKind.FEED
    name: str = "Feed"
    blurb: str = "Atom and JSON Feed at a secret address, for your reader or your own programs."
    fields: tuple[Field, ...] = (
        Field(
            "subscription",
            "Which wants",
            "All that you are told of, or those of one thing that you listen for.",
            type="subscription",
            required=False,
        ),
    )
    proof: Proof = Proof.FETCH
    signs: bool = False
    digest_most: int = 100

    def clean(self, fields: Mapping[str, str], outbound: Outbound) -> dict[str, Any]:
        """{"subscription": its code, or nothing for all}; whether there is such a one is asked by `register`."""
        del outbound
        return {"subscription": fields.get("subscription", "").strip()}

    def place(self, target: Mapping[str, Any]) -> str:
        return str(target["subscription"])

    def shown(self, target: Mapping[str, Any]) -> str:
        return f"…{str(target.get('secret', ''))[-4:]}"

    def host(self, target: Mapping[str, Any]) -> str:
        del target
        return "our own feeds"

    def pack(self, target: Mapping[str, Any], message: Composed, wire: Wire) -> None:
        del target, message, wire

    async def send(self, target: Mapping[str, Any], packed: None, wire: Wire, post: Post) -> Outcome:
        del target, packed, wire, post
        return Outcome(
            Verdict.DELIVERED, said="It stands in the feed; that it is fetched is the proof.", evidence=False
        )
