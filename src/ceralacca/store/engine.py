"""Connections to the database: the settings on which durability rests, and what its failures mean to us.

SQLite: write-ahead log, `synchronous=FULL`, and every writing transaction begins with the lock, since a
read lock that must become a write lock fails under load. PostgreSQL: as the server is set, which
must not be `synchronous_commit=off`. A transaction of which a loss is harmless may say so and is not synced, nor is
one that is synced after its turn (`store.write_ahead`): until then it is seen, and may be lost. So what is read is made
durable before anybody has it, but for those who do not act on it before a claim or a commit has made it so (ADR 28).
Of two sites (`store.site`) each commit waits for the other site's standby, whatever it is.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from sqlite3 import Connection as SqliteConnection
from types import TracebackType
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ceralacca.base.errors import UserError, WorldError
from ceralacca.store.driver import Direct, Open, driven
from ceralacca.store.site.state import Site
from ceralacca.store.turn import Turn
from ceralacca.store.write_ahead import WriteAhead

BUSY_SECONDS = 30
"""How long a writer waits for the others before the database counts as away."""

TRIES = 8
"""How often a transaction that lost a race is done again."""

_UNSYNCED = "ceralacca_unsynced"
_READS = "ceralacca_reads"
_ALONE = "ceralacca_alone"
"""Of a connection: its last commit is on this site only."""

_T = TypeVar("_T")


def make_engine(url: str, *, connections: int = 8, site: Site | None = None) -> Engine:
    """Return an engine for `sqlite:///path` or `postgresql://...`. Raises UserError for anything else."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise UserError(
            "the database address cannot be read", remedy="write sqlite:///path or postgresql://"
        ) from error
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS}, pool_size=connections, max_overflow=8)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if parsed.get_backend_name() == "postgresql":
        try:
            engine = create_engine(parsed.set(drivername="postgresql+psycopg"), pool_size=connections, max_overflow=8)
        except ImportError as error:
            raise UserError("PostgreSQL needs the extra `cluster`", remedy="pip install ceralacca[cluster]") from error
        if site is None:
            event.listen(engine, "begin", _begin_postgresql)
        else:
            event.listen(engine, "connect", _prepare_for(site))
            event.listen(engine, "begin", _begin_for(site))
        return engine
    raise UserError("the database is neither SQLite nor PostgreSQL", remedy="write sqlite:///path or postgresql://")


class Raced(WorldError):
    """Somebody else's transaction was quicker: look again, decide again."""


class RefusedByDatabase(WorldError):
    """The database will never take these values."""


class Database:
    """An engine, and the two ways to use it. Safe between threads; after a fork, make a new one."""

    def __init__(
        self, url: str, *, connections: int = 8, site: Site | None = None, reads_are_durable: bool = True
    ) -> None:
        """Make no connection yet. Raises UserError for an address that is neither SQLite nor PostgreSQL.

        `site`: this site of two; then connecting and writing raise Fenced where it has no right to.
        """
        self.engine = make_engine(url, connections=connections, site=site)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._turn = Turn(self.engine.url.database) if self.is_sqlite else None
        file = self.engine.url.database
        self.write_ahead = (
            WriteAhead(file, self._checkpoint) if self.is_sqlite and file and file != ":memory:" else None
        )
        """Where a commit that was not synced can be made durable afterwards; None where it syncs itself."""
        self._idle = _Idle(self.engine, limit=connections)
        self._told = self.write_ahead.sync if self.write_ahead and reads_are_durable else None

    @contextmanager
    def transaction(self, *, synced: bool = True) -> Iterator[Connection]:
        """Do what is inside in one transaction. Raises WorldError when the database is away, Raced, RefusedByDatabase.

        `synced=False`: the commit may be lost in a power cut, as a whole; never for what somebody was told.
        """
        with self._in_turn(), translated(), self.engine.connect() as connection:
            connection.execution_options(**{_UNSYNCED: not synced})
            with connection.begin():
                yield connection
            if connection.info.pop(_ALONE, False):
                raise WorldError(
                    "the wait for the other site was cancelled", remedy="look at the standby; never cancel"
                )

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read. Raises WorldError."""
        with translated(), self.engine.connect() as connection:
            connection.execution_options(**{_READS: True})
            with connection.begin():
                yield connection
        if self._told:
            self._told()

    def direct_transaction(self, *, synced: bool = True) -> AbstractContextManager[Open]:
        """Do the same, for nothing but statements that are prepared or driven: at a part of the price on SQLite."""
        if self._turn is None:
            return self.transaction(synced=synced)
        return _DirectUse(self._idle, self._turn, synced=synced)

    def direct_reading(self, *, told: bool = True) -> AbstractContextManager[Open]:
        """Read by nothing but statements that are prepared or driven. Raises WorldError.

        `told=False`: what is read only says where and when to look, and need not be durable.
        """
        if self._turn is None:
            return self.reading()
        return _DirectUse(self._idle, None, synced=None, told=self._told if told else None)

    def make_durable(self) -> None:
        """Make durable what anybody has committed before. Raises WorldError: then it is not certain."""
        if self.write_ahead:
            self.write_ahead.sync()

    def close(self) -> None:
        """Give back the connections."""
        self._idle.close()
        self.engine.dispose()
        if self._turn:
            self._turn.close()
        if self.write_ahead:
            self.write_ahead.close()

    def _checkpoint(self) -> None:
        """Move all of the write-ahead log into the database, synced. Raises WorldError."""
        with self._in_turn(), translated():
            connection = self._idle.take()
            try:
                busy, *_ = driven(connection, "PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                self._idle.give(connection)
        if busy:
            raise WorldError("the write-ahead log is not moved into the database yet", remedy=_REMEDY)

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        if self._turn is None:
            yield
            return
        with self._turn.held():
            yield


class _Idle:
    """Direct connections that nobody uses now. Safe between threads."""

    def __init__(self, engine: Engine, *, limit: int) -> None:
        self._engine, self._limit = engine, limit
        self._connections: list[Direct] = []

    def take(self) -> Direct:
        """Return one for the caller alone. Raises SQLAlchemyError."""
        try:
            return self._connections.pop()
        except IndexError:
            return Direct(self._engine)

    def give(self, connection: Direct) -> None:
        """Take one back that has no transaction."""
        if len(self._connections) < self._limit:
            self._connections.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close those that are here."""
        while self._connections:
            self._connections.pop().close()


class _DirectUse:
    """One transaction on a direct connection to SQLite, which goes back where it came from."""

    def __init__(
        self, idle: _Idle, turn: Turn | None, *, synced: bool | None, told: Callable[[], None] | None = None
    ) -> None:
        """Name what is needed: `turn` to write, `synced` as `Direct.begin` takes it, and what is called at the end."""
        self._idle, self._turn, self._synced, self._told = idle, turn, synced, told
        self._connection: Direct | None = None

    def __enter__(self) -> Direct:
        if self._turn is not None:
            self._turn.take()
        try:
            self._connection = self._idle.take()
            self._connection.begin(synced=self._synced)
        except BaseException as error:
            self._end(is_whole=False)
            _translate(error)
            raise
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._connection is not None, "it was entered"
        if error is not None:
            self._end(is_whole=False)
            _translate(error)
            return
        try:
            self._connection.commit()
        except BaseException as failed:
            self._end(is_whole=False)
            _translate(failed)
            raise
        self._end(is_whole=True)
        if self._told:
            self._told()

    def _end(self, *, is_whole: bool) -> None:
        """Give back the connection, unless it is past use, and the turn."""
        connection = self._connection
        try:
            if connection is None:
                return
            if is_whole or connection.is_clear_again():
                self._idle.give(connection)
            else:
                connection.close()
        finally:
            if self._turn is not None:
                self._turn.give()


@contextmanager
def translated() -> Iterator[None]:
    """Say in our tree of errors what the database said; nothing of the statement or its values leaves here."""
    try:
        yield
    except SQLAlchemyError as error:
        _translate(error)
        raise


def _translate(error: BaseException) -> None:
    """Raise in our tree what an error of the database says; any other is left."""
    if isinstance(error, PoolTimeout):
        raise WorldError("no connection to the database became free", remedy="look at the load") from error
    if isinstance(error, StatementError):
        raise _world_error(error) from error
    if isinstance(error, SQLAlchemyError):
        raise WorldError(f"the database failed: {type(error).__name__}", remedy=_REMEDY) from error


def _world_error(error: StatementError) -> WorldError:
    """Tell a race and a value that cannot be stored from a database that is away."""
    state: str = getattr(error.orig, "sqlstate", None) or ""
    what = f"the database refused: {type(error.orig).__name__}"
    if isinstance(error, IntegrityError) or state in _RACES:
        return Raced(what, remedy=_REMEDY)
    if not isinstance(error, OperationalError | InterfaceError) or state.startswith(_TOO_MUCH):
        return RefusedByDatabase(what, remedy=_REMEDY)
    return WorldError(what, remedy=_REMEDY)


def until_won(act: Callable[[], _T]) -> _T:
    """Do a transaction again as long as somebody else is quicker. Raises what the last try raises."""
    for _ in range(TRIES - 1):
        try:
            return act()
        except Raced:
            continue
    return act()


_REMEDY = "look at database and disk"
_RACES = {"40001", "40P01"}  # serialization failure, deadlock
_TOO_MUCH = "54"  # class of program limits, which psycopg calls operational


_PAGE: Final = 8192
"""Octets of a page of SQLite: fewer to write for a batch than of 4096, and no more octets for a message alone."""


def _prepare_sqlite(connection: SqliteConnection, record: object) -> None:
    del record
    connection.isolation_level = None  # the driver begins nothing on its own
    connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    connection.execute(f"PRAGMA page_size={_PAGE}")  # heard while the database is empty only
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA cache_size=-16384")
    connection.execute("PRAGMA temp_store=MEMORY")  # also what a statement of many rows may have to undo


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get(_READS):
        _run(connection, "BEGIN")
        return
    # Only outside a transaction; a later FULL commit by anybody syncs what this one wrote, too.
    _run(connection, "PRAGMA synchronous=" + ("NORMAL" if options.get(_UNSYNCED) else "FULL"))
    _run(connection, "BEGIN IMMEDIATE")


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get(_UNSYNCED):
        connection.exec_driver_sql("SET LOCAL synchronous_commit=off")


def _prepare_for(site: Site) -> Callable[[Any, Any], None]:
    """Check once a connection that it has come to the primary of our pair and epoch."""

    def prepare(connection: Any, record: Any) -> None:
        def heard(notice: Any) -> None:
            if notice.source_function == "SyncRepWaitForLSN":  # whatever the server's language
                record.info[_ALONE] = True

        connection.add_notice_handler(heard)
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit=on")
            cursor.execute(
                "SELECT pg_is_in_recovery(), current_setting('synchronous_standby_names') <> '', to_regclass('site')"
            )
            follows, waits, table = cursor.fetchone()
            row = cursor.execute("SELECT pair, epoch FROM site").fetchone() if table else None
        connection.commit()
        site.check_database(row, follows=follows, waits=waits)

    return prepare


def _begin_for(site: Site) -> Callable[[Connection], None]:
    """Let a site write that may, and let it wait for the other unless it is alone; also for what need not be synced."""

    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if not options.get(_READS) and site.may_write().alone:
            connection.exec_driver_sql(f"SET LOCAL synchronous_commit={'off' if options.get(_UNSYNCED) else 'local'}")

    return begin


def _run(connection: Connection, statement: str) -> None:
    """Run a statement beside SQLAlchemy, which would begin a transaction for it."""
    driver: Any = connection.connection.dbapi_connection
    driver.execute(statement)
