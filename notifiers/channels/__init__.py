"""Every kind of place where a vendor can be told, by its name. A new kind is a file here and a line below."""

from collections.abc import Mapping

from notifiers.channels.base import ChannelType, Composed, Field, Link, Outcome, Proof, Shared, Wire
from notifiers.channels.chat_services import SERVICES
from notifiers.channels.email import Email
from notifiers.channels.feed import Feed
from notifiers.channels.webhook import Webhook
from notifiers.models import ChannelKind

_ALL: tuple[ChannelType, ...] = (Email(), Webhook(), *SERVICES, Feed())
KINDS: Mapping[ChannelKind, ChannelType] = {kind.kind: kind for kind in _ALL}

__all__ = ["KINDS", "ChannelType", "Composed", "Field", "Link", "Outcome", "Proof", "Shared", "Wire"]
