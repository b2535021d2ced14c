"""Every table in one import, for migrations and for whoever wants the whole picture."""

from intents.canaries import Trace
from intents.corrections import Correction
from intents.events import Event, EventClock
from intents.holds import Hold
from intents.models import Blog, Entry, HubLease, Intent, IntentPlace, Revision
from intents.trials import Assignment, Consent, Deviation, Experiment
from intents.vetting import Print
from notifiers.models import Arrival, Attempt, Calendar, CalendarVersion, Channel, Notification
from vendors.models import (
    Agreement,
    Block,
    Exchange,
    Lead,
    Membership,
    Message,
    Response,
    Subscription,
    SubscriptionWord,
    Tightening,
    Vendor,
)
from vendors.reports import Report
from vendors.templates import Template
from vendors.watches import Sighting, Watch
from vrm.kernel.accounts import Account, ApiToken, Audit, Link
from vrm.kernel.db import Base
from vrm.kernel.factors import Passkey, RecoveryCode, Totp
from vrm.kernel.idempotency import IdempotencyKey
from vrm.kernel.limits import Tally
from vrm.kernel.rates import Rate
from vrm.kernel.sessions import BrowserSession
from vrm.kernel.taxonomy import Category, Region, RegionMember, TreeVersion
from vrm.readers import Access

__all__ = [
    "Access",
    "Account",
    "Agreement",
    "ApiToken",
    "Arrival",
    "Assignment",
    "Attempt",
    "Audit",
    "Base",
    "Block",
    "Blog",
    "BrowserSession",
    "Calendar",
    "CalendarVersion",
    "Category",
    "Channel",
    "Consent",
    "Correction",
    "Deviation",
    "Entry",
    "Event",
    "EventClock",
    "Exchange",
    "Experiment",
    "Hold",
    "HubLease",
    "IdempotencyKey",
    "Intent",
    "IntentPlace",
    "Lead",
    "Link",
    "Membership",
    "Message",
    "Notification",
    "Passkey",
    "Print",
    "Rate",
    "RecoveryCode",
    "Region",
    "RegionMember",
    "Report",
    "Response",
    "Revision",
    "Sighting",
    "Subscription",
    "SubscriptionWord",
    "Tally",
    "Template",
    "Tightening",
    "Totp",
    "Trace",
    "TreeVersion",
    "Vendor",
    "Watch",
]
