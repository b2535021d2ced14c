"""Wants in the hands of tests of this room."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from intents import publish
from intents.draft import IntentDraft
from intents.models import Intent
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account


def places(session: Session) -> tuple[int, int]:
    trees = taxonomy.trees(session)
    cars, leeds = trees.categories.by_slug("cars-trucks-vans"), trees.regions.by_slug("gb-lds")
    assert cars is not None
    assert leeds is not None
    return cars.id, leeds.id


def want(session: Session, **fields: Any) -> IntentDraft:
    category, region = places(session)
    return IntentDraft(**({"title": "Toyota Yaris", "category_id": category, "region_id": region} | fields))


def opened(session: Session, account: Account, now: datetime, **fields: Any) -> Intent:
    intent = publish.draft(session, session.merge(account, load=False), want(session, **fields), now)
    publish.publish(session, intent, now)
    return intent
