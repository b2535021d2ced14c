"""The store: column types, naming, engines for SQLite and PostgreSQL, and sessions that read or write."""

import hashlib
import random
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from sqlalchemy import (
    JSON,
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Engine,
    Enum,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    TypeDecorator,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry

from vrm.kernel.errors import BadSetting, StoreDown

# --- Column types ---------------------------------------------------------------------------------

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class MomentType(TypeDecorator[datetime]):
    """An aware UTC moment: `timestamptz` on PostgreSQL, microseconds since 1970 on SQLite.

    An integer keeps order, exactness and arithmetic in SQLite, which has no time type of its own.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A moment without a zone was given to the store.")
        return (value - _EPOCH) // _MICROSECOND if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if dialect.name == "sqlite":
            return _EPOCH + int(value) * _MICROSECOND
        moment: datetime = value
        return moment.astimezone(UTC)


def choice(closed_set: type[StrEnum]) -> Enum:
    """A column that holds the values of a StrEnum, with a CHECK in the store."""
    return Enum(
        closed_set,
        native_enum=False,
        create_constraint=True,
        length=20,
        values_callable=lambda members: [member.value for member in members],
        name=closed_set.__name__.lower(),
    )


_BIG = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only for INTEGER.

Id = Annotated[int, mapped_column(_BIG, primary_key=True)]
Ref = Annotated[int, mapped_column(_BIG)]  # Always used with a ForeignKey.
Minor = Annotated[int, mapped_column(BigInteger)]  # Money in minor units.
Real = Annotated[float, mapped_column(Float)]
Moment = Annotated[datetime, mapped_column(MomentType)]
Code = Annotated[str, mapped_column(String(32))]  # A random public name, see `new_code`.
Word = Annotated[str, mapped_column(String(64))]
Line = Annotated[str, mapped_column(String(500))]
Address = Annotated[str, mapped_column(String(2000))]  # A URL or a mail address.
Document = JSON().with_variant(postgresql.JSONB, "postgresql")
# NULL rather than a JSON null where there is nothing.
SparseDocument = JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

# Without vowels and look-alikes: nothing rude, nothing misread over the telephone.
_ALPHABET = "23456789bcdfghjkmnpqrstvwxyz"


def new_code(length: int = 12) -> str:
    """A random public name. Twelve letters are 57 bits: an unlisted page cannot be guessed."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


_CODE = re.compile(r"[0-9a-z-]{1,64}", re.ASCII)


def is_code(text: str) -> bool:
    """Whether `text` can be a public name or slug at all: what stands in an address may hold bytes no store takes."""
    return _CODE.fullmatch(text) is not None


def is_row_id(number: int) -> bool:
    """Whether a number from an address can be a row's id; beyond 64 bits the stores raise instead of finding none."""
    return 0 < number < 2**63


def partial_index(name: str, *columns: str, where: str, only: str | None = None) -> Index:
    """An index over the few rows that are still owed something: what the worker's polling queries read.

    `only` names the dialect of the one store that has it.
    """
    index = Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where), info={"only": only})
    return index if only is None else index.ddl_if(dialect=only)


class Base(DeclarativeBase):
    """Every table of the broker."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


# --- Engines and sessions -------------------------------------------------------------------------

_BEGINS = "vrm_begins"  # With which words a transaction begins on SQLite; "": with none.
_PATIENCE_S = 15  # For how long whoever comes upon a lock waits.
# A web process has eight threads, and each may hold one to look and one to write; what is above the size is opened and
# closed at each use.
_POOL: dict[str, Any] = {"pool_size": 16, "max_overflow": 8}
_SMALL = 256 * 2**20  # Bytes that are copied within a second or two.


def _prepare_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    # The driver must not open transactions on its own: `_begin_sqlite` says which kind it is.
    connection.isolation_level = None
    _use_wal(connection)
    for pragma in (
        "synchronous = FULL",  # What was acknowledged survives a power cut.
        "foreign_keys = ON",
        f"busy_timeout = {_PATIENCE_S * 1000}",
        "temp_store = MEMORY",
        # What was deleted or changed is overwritten where that costs no further write; see personal.erase.
        "secure_delete = FAST",
    ):
        connection.execute(f"PRAGMA {pragma}")
    # SQLite has no hash of its own; see `sha256_hex`.
    connection.create_function(
        "vrm_sha256", 1, lambda text: hashlib.sha256(text.encode()).hexdigest(), deterministic=True
    )


def _use_wal(connection: Any) -> None:
    # A new file becomes WAL once, for which SQLite needs it alone: of four that opened one at once,
    # in 200 trials, 3 in 800 were told that it is locked.
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(random.uniform(0.002, 0.02))  # noqa: S311 - So that two do not meet again.


def _begin_sqlite(connection: Connection) -> None:
    # A writer that begins as a reader meets SQLITE_BUSY when it upgrades; one that says so first just waits.
    if begins := connection.get_execution_options().get(_BEGINS, "BEGIN IMMEDIATE"):
        connection.exec_driver_sql(begins)


def open_engine(url: str) -> Engine:
    """An engine for `sqlite:///path` or `postgresql://…`; BadSetting for anything else."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise BadSetting(f"VRM_DATABASE_URL must begin with sqlite:/// or postgresql://, not “{url[:30]}”.") from error
    if parsed.get_backend_name() == "postgresql":
        try:
            return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, **_POOL)
        except ModuleNotFoundError as error:
            fix = ".venv/bin/pip install --require-hashes -r .ci/locks/postgres.txt"
            raise BadSetting(f"PostgreSQL's driver is not installed here; run {fix}") from error
    if parsed.get_backend_name() != "sqlite":
        raise BadSetting(f"VRM_DATABASE_URL must begin with sqlite:/// or postgresql://, not “{url[:30]}”.")
    if parsed.database in (None, "", ":memory:"):
        raise BadSetting("VRM_DATABASE_URL must name a file: web and worker are two processes on one store.")
    Path(str(parsed.database)).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = create_engine(parsed, **_POOL)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


class _Look(Session):
    """A session that keeps nothing of what it may have written, and ends by COMMIT where it wrote nothing.

    At each ROLLBACK psycopg forgets all statements that its connection has prepared, for whoever has the connection
    next too: planning the statement that routes takes PostgreSQL as long as running it.
    """

    wrote = False

    # Overridden, because listening for `do_orm_execute` makes each statement half as slow again.
    def execute(self, statement: Any, *arguments: Any, **options: Any) -> Any:
        """As a session does."""
        self.wrote |= not statement.is_select
        return super().execute(statement, *arguments, **options)

    def scalar(self, statement: Any, *arguments: Any, **options: Any) -> Any:
        """As a session does."""
        self.wrote |= not statement.is_select
        return super().scalar(statement, *arguments, **options)

    def scalars(self, statement: Any, *arguments: Any, **options: Any) -> Any:
        """As a session does."""
        self.wrote |= not statement.is_select
        return super().scalars(statement, *arguments, **options)

    def connection(self, *arguments: Any, **options: Any) -> Connection:
        """Nobody sees what is done with it, so it counts as a write."""
        self.wrote = True
        return super().connection(*arguments, **options)

    def close(self) -> None:
        """Give the connection back."""
        if self.in_transaction() and not self.wrote:
            self.expunge_all()  # What was never flushed is not flushed now.
            try:
                self.commit()
            except DBAPIError:
                self.invalidate()  # It kept nothing either way, and the connection may still be inside the transaction.
        super().close()


@event.listens_for(_Look, "after_flush")
def _has_flushed(session: _Look, _context: object) -> None:
    session.wrote = True


class Store:
    """The database, as the edges use it: `with store.write() as session` commits, `store.read()` never does."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._reader = engine.execution_options(**{_BEGINS: "BEGIN"})
        alone = {_BEGINS: ""} if engine.dialect.name == "sqlite" else {"isolation_level": "AUTOCOMMIT"}
        self._looker = engine.execution_options(**alone)
        self._own = threading.local()

    @classmethod
    def open(cls, url: str) -> "Store":
        """The store at `url`; see `open_engine`."""
        return cls(open_engine(url))

    @property
    def dialect(self) -> str:
        """ "sqlite" or "postgresql"."""
        return self.engine.dialect.name

    def session(self, *, writes: bool) -> Session:
        """A session whose life the caller manages; it begins at its first statement."""
        if writes or self.dialect == "sqlite":
            return Session(self.engine if writes else self._reader, expire_on_commit=False)
        return _Look(self._reader, expire_on_commit=False)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that is committed at the end of the block, or rolled back when it raises."""
        with self.session(writes=True) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A snapshot to look at; on SQLite it takes no write lock."""
        with self.session(writes=False) as session:
            yield session

    def look(self) -> Connection:
        """This thread's own connection, for statements that only read, each by itself. It is kept: to borrow one takes
        longer than to find a row.
        """
        kept: Connection | None = getattr(self._own, "connection", None)
        if kept is None or kept.closed or kept.invalidated:
            kept = self._own.connection = self._looker.connect()
        return kept

    def forget(self) -> None:
        """Leave no trace of deleted words in SQLite's file and its log; nothing elsewhere.

        A file above 256 MB is not written anew, since everybody would wait for it: its free space may hold old words
        until the operator does (`VACUUM`). PostgreSQL's own vacuum takes them in its time.
        """
        if self.dialect != "sqlite":
            return
        connection = self.engine.raw_connection()  # No transaction may be open.
        try:
            cursor = connection.cursor()
            pages, size = (cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
            if pages * size <= _SMALL:
                cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            cursor.close()
        finally:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give all connections back. `with Store.open(url) as store:` does it at the end of the block."""
        if (kept := getattr(self._own, "connection", None)) is not None:
            kept.close()
        self.engine.dispose()


def store_down(error: BaseException | None) -> StoreDown | None:
    """The error that says so when the store itself failed (a full disk, a restart, no connection); None otherwise."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout):
        return StoreDown()
    return None


def add_if_new(session: Session, row: Base) -> bool:
    """Insert `row`; False, and nothing is changed, when another row has its unique key already.

    Looking first and inserting then leaves a gap in which somebody else inserts; this has none.
    """
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return False
    return True
