"""What many tests begin with: a published want, a vendor with a subscription, a channel that works."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Executable, event
from sqlalchemy.orm import Session

from intents import publish
from intents.draft import Budget, Condition, IntentDraft
from intents.models import Intent
from notifiers.models import Channel, ChannelKind
from vendors import team
from vendors.models import Vendor
from vendors.subscribe import Order, subscribe
from vrm import route
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Store, new_code

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def person(store: Store, email: str, *, name: str = "", operator: bool = False) -> Account:
    """A verified account, committed."""
    account = Account(email=email, name=name, created_at=NOW, verified_at=NOW, is_operator=operator)
    with store.write() as session:
        session.add(account)
    return account


def publish_want(
    session: Session,
    account: Account,
    now: datetime,
    *,
    title: str = "Toyota Yaris",
    body: str = "Five doors, not older than five years.",
    category: str = "cars-trucks-vans",
    region: str = "gb-lds",
    budget: Budget | None = None,
    condition: Condition = Condition.ANY,
    terms: str = "",
) -> Intent:
    """An open intent; category and region by slug."""
    trees = taxonomy.trees(session)
    account = session.merge(account, load=False)
    draft = IntentDraft(
        title=title,
        body=body,
        category_id=trees.categories.resolve(category, field="category").id,
        region_id=trees.regions.resolve(region, field="region").id,
        budget=budget,
        condition=condition,
        terms=terms,
    )
    intent = publish.draft(session, account, draft, now)
    publish.publish(session, intent, now)
    return intent


def start_vendor(
    session: Session,
    owner: Account,
    now: datetime,
    *,
    name: str = "Leeds Toyota",
    wish: tuple[str, str] | None = None,
) -> Vendor:
    """A vendor, with a subscription to the category and region whose slugs `wish` holds."""
    vendor = team.found(session, session.merge(owner, load=False), now, name=name)
    if wish is not None:
        trees = taxonomy.trees(session)
        order = Order(
            category_id=trees.categories.resolve(wish[0], field="category").id,
            region_id=trees.regions.resolve(wish[1], field="region").id,
        )
        subscribe(session, vendor, order, now)
    return vendor


def add_mail_channel(
    session: Session, vendor: Vendor, now: datetime, address: str, *, verified: bool = True
) -> Channel:
    """A mail channel, proven without the mail having been sent."""
    channel = Channel(
        code=new_code(),
        vendor_id=vendor.id,
        kind=ChannelKind.EMAIL,
        target={"address": address},
        created_at=now,
        verified_at=now if verified else None,
    )
    session.add(channel)
    session.flush()
    return channel


def route_all(session: Session, now: datetime) -> None:
    """Route every intent that is owed it; the router itself takes one to a transaction."""
    while route.route_owed(session, now):
        pass


def plan_of(session: Session, statement: Executable, parameters: dict[str, Any]) -> str:
    """The store's plan for a statement as it is really sent, as one text."""
    sent: list[tuple[str, Any]] = []

    def keep(_connection: object, _cursor: object, sql: str, values: object, *_: object) -> None:
        sent.append((sql, values))

    engine = session.get_bind().engine
    event.listen(engine, "before_cursor_execute", keep)
    session.execute(statement, parameters)
    event.remove(engine, "before_cursor_execute", keep)
    sql, values = sent[-1]
    how = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    return "\n".join(str(row[-1]) for row in session.connection().exec_driver_sql(f"{how} {sql}", values))
