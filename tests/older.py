"""Rows as older versions of the tables took them, for tests of migrations."""

from datetime import UTC, datetime

from sqlalchemy import Connection, MetaData, Table

from vrm.kernel.db import Store


def as_kept(store: Store, now: datetime) -> object:
    """A moment as this store keeps it."""
    return int(now.timestamp() * 1e6) if store.dialect == "sqlite" else now


def falsehood(store: Store) -> object:
    """False as this store keeps it."""
    return 0 if store.dialect == "sqlite" else False


_NODE = (
    "INSERT INTO {} (id, slug, kind, label, synonyms, codes, lft, rgt, depth, population, edited)"
    " VALUES (1, '{}', 'root', 'All', '[]', '[]', 1, 2, 0, 0, '[]')"
)
WRITTEN_BEFORE = (
    _NODE.format("categories", "anything"),
    _NODE.format("regions", "world"),
    "INSERT INTO accounts (id, email, name, phone, locale, zone, is_operator, is_researcher, created_at, session_epoch)"
    " VALUES (1, 'ana@example.org', '', '', 'en', 'UTC', :no, :no, :now, 0)",
    "INSERT INTO vendors (id, code, slug, name, website, about, zone, created_at)"
    " VALUES (1, 'v', 'shop', 'Shop', '', '', 'UTC', :now)",
    "INSERT INTO subscriptions (id, code, vendor_id, name, category_id, region_id, min_budget, condition, created_at,"
    " changed_at) VALUES (1, 's', 1, '', 1, 1, 0, 'any', :now, :now)",
    "INSERT INTO intents (id, code, account_id, origin, title, body, category_id, region_id, condition, quantity,"
    " expires_at, visibility, terms, revision, created_at, opened_at)"
    " VALUES (1, 'i', 1, 'web', 'Räder', '', 1, 1, 'any', 1, :now, 'public', '', 1, :now, :now)",
)


def add(connection: Connection, name: str, /, **values: object) -> None:
    """A row of a table as it is at this revision; what must not be empty and is not given is a blank of its type."""
    table = Table(name, MetaData(), autoload_with=connection)
    for column in table.columns:
        if not column.nullable and column.server_default is None:
            values.setdefault(column.name, _blank(column.type.python_type))
    connection.execute(table.insert().values(values))


def _blank(kind: type) -> object:
    if kind in (object, dict):  # JSON.
        return []
    return datetime(2026, 1, 1, tzinfo=UTC) if kind is datetime else kind()


def lead_rows(connection: Connection) -> None:
    """Leads of one want to two vendors, the second of whom the customer blocks."""
    add(connection, "accounts", id=1, email="ana@example.org")
    for tree in ("categories", "regions"):
        add(connection, tree, id=1, slug="root")
    add(connection, "intents", id=1, account_id=1, quantity=1, origin="web", condition="any", visibility="public")
    for number in (1, 2):
        add(connection, "vendors", id=number, code=f"v{number}", slug=f"v{number}")
        withheld = "blocked" if number == 2 else None
        add(connection, "leads", intent_id=1, vendor_id=number, reasons=[[1, 1, 1]], withheld=withheld)
        add(connection, "agreements", intent_id=1, vendor_id=number, via="page")
