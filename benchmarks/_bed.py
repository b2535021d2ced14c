"""One filled store, and what can be timed on it: finding, publishing, and what each is compared to."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from _market import AUTHOR, BEGAN, BUDGET, CURRENCY, SAID, Crowd, Market
from sqlalchemy import BigInteger, Column, MetaData, Table, event, insert, select, text
from sqlalchemy.orm import Session

from intents import publish
from intents.draft import Budget, Condition, IntentDraft
from intents.models import Intent
from vrm import match, route
from vrm.kernel import taxonomy
from vrm.kernel.accounts import Account
from vrm.kernel.db import Document, Store

# What routing writes, but for the want's id.
_WRITTEN = {
    "leads": "vendor_id, reasons, routed_at, undelivered",
    "notifications": "code, topic, channel_id, vendor_id, occasion, params, owed_at, due_at, tries",
}


def _found_columns() -> list[Column[Any]]:
    numbers = ("vendor_id", "id", "category_id", "region_id")
    return [*(Column(name, BigInteger) for name in numbers), Column("words", Document)]


class Bed:
    """One filled store, and what can be timed on it. Everything is rolled back."""

    def __init__(self, store: Store, market: Market) -> None:
        self.store, self.market = store, market
        if store.dialect == "postgresql":
            event.listen(store.engine, "connect", _keep_prepared)
            store.engine.dispose()
        with store.read() as session:
            self.trees = taxonomy.trees(session)
        self._sent: dict[int, tuple[str, Any]] = {}
        self._fetch: dict[int, tuple[str, Any]] = {}
        self._gather: dict[int, tuple[str, Any]] = {}
        for crowd in market.crowds:
            self._prepare(crowd)

    def timed(self, work: Callable[[], object], repeats: int = 1) -> float:
        """Seconds; where the store is a part of this process, those of the processor, which others cannot lengthen."""
        clock = time.process_time if self.store.dialect == "sqlite" else time.perf_counter
        begun = clock()
        for _ in range(repeats):
            work()
        return (clock() - begun) / repeats

    def _prepare(self, crowd: Crowd) -> None:
        """Learn the very SQL that our code sends, and keep the rows that publishing writes, ready-made."""
        with self.store.session(writes=True) as session:
            intent = self._intent(session, crowd)
            parameters = match.intent_parameters(intent, self.trees, BEGAN)
            statements = (select(match.found(self.store.dialect)), route.opening(self.store.dialect))
            self._fetch[crowd.matches], self._sent[crowd.matches] = (
                _as_sent(session, statement, parameters) for statement in statements
            )
            session.rollback()
            ready = Table(f"ready_found_{crowd.matches}", MetaData(), *_found_columns())
            ready.create(session.connection())
            found = match.found(self.store.dialect)
            session.execute(insert(ready).from_select(list(ready.columns), select(found)), parameters)
            gathered = match.gathered(self.store.dialect, ready)
            self._gather[crowd.matches] = _as_sent(session, gathered, {"intent_id": 1, "now": BEGAN})
            session.commit()
        with self.store.write() as session:
            intent = self._intent(session, crowd)
            found = route.route(session, intent, BEGAN)
            if found != crowd.matches:
                raise SystemExit(f"{found} vendors were found where {crowd.matches} match; finding is broken.")
            for table, columns in _WRITTEN.items():
                kept = f"SELECT {columns} FROM {table} WHERE intent_id = {intent.id} ORDER BY vendor_id"  # noqa: S608 - Our own words.
                session.execute(text(f"CREATE TABLE ready_{table}_{crowd.matches} AS {kept}"))
            # It stays, closed: a planner that believes the tables to be empty reads them from end to end.
            publish.withdraw(session, intent, BEGAN)
        if self.store.dialect == "postgresql":
            with self.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("ANALYZE leads, notifications"))

    def _intent(self, session: Session, crowd: Crowd) -> Intent:
        draft = IntentDraft(
            title="Something new",
            body=SAID,
            category_id=crowd.category_id,
            region_id=crowd.region_id,
            budget=Budget(None, BUDGET, CURRENCY),
            condition=Condition.NEW,
        )
        author = session.get_one(Account, AUTHOR)
        intent = publish.draft(session, author, draft, BEGAN)
        publish.publish(session, intent, BEGAN)
        return intent

    @contextmanager
    def published(self, crowd: Crowd) -> Iterator[tuple[Session, Intent]]:
        with self.store.session(writes=True) as session:
            yield session, self._intent(session, crowd)
            session.rollback()

    def find(self, crowd: Crowd) -> float:
        """Which subscriptions match, as the peers find them: the rows of the statement, as the driver gives them."""
        sql, parameters = self._fetch[crowd.matches]
        with self.store.session(writes=True) as session:
            cursor = _cursor(session)
            return self.timed(lambda: cursor.execute(sql, parameters).fetchall(), times(crowd))

    def fetch_by_key(self, crowd: Crowd) -> float:
        """As many rows of the same shape, by the driver: the leads that were found, read back by their key."""
        with self.published(crowd) as (session, intent):
            route.route(session, intent, BEGAN)
            cursor = _cursor(session)
            sql = f"SELECT intent_id, vendor_id, reasons, routed_at FROM leads WHERE intent_id = {intent.id}"  # noqa: S608 - A number.
            return self.timed(lambda: cursor.execute(sql).fetchall(), times(crowd))

    def gather(self, crowd: Crowd) -> float:
        """What comes after finding: the subscriptions that match, known already, made into rows of leads."""
        sql, parameters = self._gather[crowd.matches]
        with self.store.session(writes=True) as session:
            cursor = _cursor(session)
            return self.timed(lambda: cursor.execute(sql, parameters).fetchall(), times(crowd))

    def open_leads(self, crowd: Crowd) -> float:
        """INSERT … SELECT through our code."""
        with self.published(crowd) as (session, intent):

            def once() -> None:
                parameters = match.intent_parameters(intent, self.trees, BEGAN)
                session.execute(route.opening(self.store.dialect), parameters)

            return self.timed(once)

    def open_leads_raw(self, crowd: Crowd) -> float:
        """The same SQL by the driver alone."""
        sql, parameters = self._sent[crowd.matches]
        with self.published(crowd) as (session, intent):
            cursor = _cursor(session)
            mine = _for_intent(parameters, intent.id)
            return self.timed(lambda: cursor.execute(sql, mine))

    def publish(self, crowd: Crowd) -> float:
        """A want, its leads and what is owed for them, through our code."""
        with self.store.session(writes=True) as session:
            session.get_one(Account, AUTHOR)
            took = self.timed(lambda: route.route(session, self._intent(session, crowd), BEGAN))
            session.rollback()
            return took

    def insert_ready(self, crowd: Crowd) -> float:
        """The same rows without finding them: the want through our code, the others copied inside the store."""
        with self.store.session(writes=True) as session:
            session.get_one(Account, AUTHOR)
            cursor = _cursor(session)

            def once() -> None:
                intent = self._intent(session, crowd)
                for table, columns in _WRITTEN.items():
                    ready = f"SELECT {intent.id}, {columns} FROM ready_{table}_{crowd.matches}"  # noqa: S608 - Our own words.
                    cursor.execute(f"INSERT INTO {table} (intent_id, {columns}) {ready}")

            took = self.timed(once)
            session.rollback()
            return took


def _keep_prepared(connection: Any, _entry: object) -> None:
    """At each rollback psycopg forgets what it has prepared. A broker commits, and has prepared all that is timed."""
    connection._prepared._should_discard = lambda *_: False


def times(crowd: Crowd) -> int:
    return max(1, 200 // crowd.matches)


def _cursor(session: Session) -> Any:
    return session.connection().connection.cursor()


def _as_sent(session: Session, statement: Any, parameters: dict[str, Any]) -> tuple[str, Any]:
    sent: list[tuple[str, Any]] = []

    def keep(_connection: object, _cursor: object, sql: str, values: object, *_: object) -> None:
        sent.append((sql, values))

    engine = session.get_bind().engine
    event.listen(engine, "before_cursor_execute", keep)
    session.execute(statement, parameters)
    event.remove(engine, "before_cursor_execute", keep)
    return sent[-1]


def _for_intent(parameters: Any, intent_id: int) -> Any:
    if isinstance(parameters, Mapping):
        return {**parameters, "intent_id": intent_id}
    return (intent_id, *parameters[1:])  # It stands first in the statement.
