"""The one guarded way out to hosts that others name: every address checked, every answer capped."""

from vrm.kernel.outbound.address import Address
from vrm.kernel.outbound.client import NOT_REACHABLE, Answer, Outbound
from vrm.kernel.outbound.connecting import Resolver
from vrm.kernel.outbound.guard import install_guard
from vrm.kernel.outbound.names import texts_of
from vrm.kernel.outbound.policy import FEED, PAGE, WEBHOOK, Policy
from vrm.kernel.outbound.public import IPNetwork, is_public

__all__ = [
    "FEED",
    "NOT_REACHABLE",
    "PAGE",
    "WEBHOOK",
    "Address",
    "Answer",
    "IPNetwork",
    "Outbound",
    "Policy",
    "Resolver",
    "install_guard",
    "is_public",
    "texts_of",
]
