"""Statements of the hot path: SQLAlchemy writes each once for its engine, and the driver gets it as it stands.

A step runs some thirty statements, and SQLAlchemy's way from a statement to the driver costs several times what the
database needs to answer. `Prepared` keeps of that way what can be different from one run to the next: the values, each
through the conversion of its column type. Errors are the ones SQLAlchemy would have raised.

A list of keys is one value (`among`), so that a statement is the same text whatever their number: the
driver's and the server's own statement caches find it.
"""

import json
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import (
    ARRAY,
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Delete,
    Dialect,
    Select,
    Text,
    TypeDecorator,
    Update,
    bindparam,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

Record: TypeAlias = Any
"""A row whose columns are its attributes, whoever has read it."""

_Convert = Callable[[Any], Any]


class Prepared:
    """One statement; its values are named by its `bindparam`s. Safe between threads."""

    def __init__(self, statement: Select[Any] | Update | Delete) -> None:
        self._statement = statement
        self._plans: dict[Dialect, _Plan] = {}

    def all(self, connection: Connection, **values: Any) -> list[Record]:
        """Return the rows that are found, in the open transaction. Raises SQLAlchemyError."""
        plan = self._plan(connection)
        return plan.read(driven(connection, plan.text, plan.values(values)).fetchall())

    def first(self, connection: Connection, **values: Any) -> Record | None:
        """Return the first row that is found, if any, in the open transaction. Raises SQLAlchemyError."""
        plan = self._plan(connection)
        found = driven(connection, plan.text, plan.values(values)).fetchmany(1)
        return plan.read(found)[0] if found else None

    def run(self, connection: Connection, **values: Any) -> None:
        """Change what the statement says, in the open transaction. Raises SQLAlchemyError."""
        plan = self._plan(connection)
        driven(connection, plan.text, plan.values(values))

    def run_each(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Change what the statement says, for each of these values, in the open transaction. Raises SQLAlchemyError."""
        plan = self._plan(connection)
        driven_many(connection, plan.text, [plan.values(row) for row in rows])

    def _plan(self, connection: Connection) -> "_Plan":
        plan = self._plans.get(connection.dialect)
        if plan is None:
            plan = self._plans[connection.dialect] = _Plan(self._statement, connection.dialect)
        return plan


class _Plan:
    """A statement as one engine takes it, with the conversions of what goes in and of what comes out."""

    def __init__(self, statement: Select[Any] | Update | Delete, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler), "a statement, not a piece of one"
        self.text = compiled.string
        self._is_named = compiled.positiontup is None
        values = {name: _Value(name, parameter, dialect) for parameter, name in compiled.bind_names.items()}
        self._values = [values[name] for name in compiled.positiontup or values]
        columns = list(statement.selected_columns) if isinstance(statement, Select) else []
        self._row = _record([column.key or "" for column in columns])
        readers = [_reader(column.type, dialect) for column in columns]
        self._readers = [(at, read) for at, read in enumerate(readers) if read is not None]

    def values(self, given: Mapping[str, Any]) -> Any:
        """Return what the driver is given: by name, or in their order."""
        if self._is_named:
            return {value.name: value.of(given) for value in self._values}
        return tuple([value.of(given) for value in self._values])

    def read(self, found: Sequence[Sequence[Any]]) -> list[Record]:
        """Return the rows of the driver as records."""
        if not self._readers:
            return [self._row(row) for row in found]
        records = []
        for row in found:
            columns = list(row)
            for at, read in self._readers:
                columns[at] = read(columns[at])
            records.append(self._row(columns))
        return records


class _Value:
    """One value of a statement: given with each run, or written in it."""

    def __init__(self, name: str, parameter: BindParameter[Any], dialect: Dialect) -> None:
        self.name = name
        self._convert = parameter.type.dialect_impl(dialect).bind_processor(dialect)
        self._is_given = parameter.required
        self._constant = None if self._is_given else self._converted(parameter.effective_value)

    def of(self, given: Mapping[str, Any]) -> Any:
        """Return what goes to the driver."""
        return self._converted(given[self.name]) if self._is_given else self._constant

    def _converted(self, value: Any) -> Any:
        return value if self._convert is None else self._convert(value)


def _record(names: Sequence[str]) -> _Convert:
    """Return what makes a record of the values of a row."""
    made: Any = namedtuple("Record", names)  # type: ignore[misc]  # noqa: PYI024 the names are known when it runs
    make: _Convert = made._make
    return make


def _reader(kind: TypeEngine[Any], dialect: Dialect) -> _Convert | None:
    """Return the conversion of a column that is read, if it has one; what is text already stays as it is."""
    there = kind.dialect_impl(dialect)
    if isinstance(there, TypeDecorator) and there.impl_instance.result_processor(dialect, None) is None:
        ours = there.process_result_value  # spares a call in between for every value
        return lambda value: ours(value, dialect)
    return there.result_processor(dialect, None)


# -- many keys as one value ---------------------------------------------------------------------------


class among(ColumnElement[Any]):  # noqa: N801 reads as a function of SQL, which it is
    """The condition that a column is one of the values that are given under a name."""

    inherit_cache = True

    def __init__(self, column: Column[Any], name: str) -> None:
        self.column = column
        self.wanted = bindparam(name, type_=_Several(column.type), required=True)


class _Several(TypeDecorator[Sequence[Any]]):
    """Values of one type: an array where the engine has them, else JSON."""

    impl = Text
    cache_ok = True

    def __init__(self, one: TypeEngine[Any]) -> None:
        super().__init__()
        self.one = one

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Tell the type of the engine."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else ARRAY(_plain(self.one)))

    def process_bind_param(self, value: Iterable[Any] | None, dialect: Dialect) -> Any:
        """Write."""
        convert = self.one.dialect_impl(dialect).bind_processor(dialect)
        values = list(value or ()) if convert is None else [convert(one) for one in value or ()]
        return json.dumps(values) if dialect.name == "sqlite" else values


def _plain(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the engine's own type under one of ours."""
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


@compiles(among, "sqlite")
def _among_sqlite(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, wanted = (compiler.process(each, **options) for each in (element.column, element.wanted))
    return f"{column} IN (SELECT value FROM json_each({wanted}))"  # noqa: S608 our own names


@compiles(among)
def _among(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, wanted = (compiler.process(each, **options) for each in (element.column, element.wanted))
    return f"{column} = ANY({wanted})"


# -- the driver -------------------------------------------------------------------------------------


def driven(connection: Connection, text: str, values: Any = ()) -> Any:
    """Give one statement to the driver; return its cursor. Raises SQLAlchemyError."""
    driver: Any = connection.connection.dbapi_connection
    try:
        return driver.execute(text, values)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _ours(connection, error) from error


def driven_many(connection: Connection, text: str, rows: Sequence[Any]) -> None:
    """Give one statement to the driver for each of many rows of values. Raises SQLAlchemyError."""
    try:
        connection.connection.cursor().executemany(text, rows)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _ours(connection, error) from error


def _ours(connection: Connection, error: Any) -> BaseException:
    """Return the error that SQLAlchemy would have raised; a connection that is lost is given up as it would have."""
    dialect = connection.dialect
    family: Any = dialect.loaded_dbapi.Error
    lost = dialect.is_disconnect(error, connection.connection.dbapi_connection, None)
    raised: BaseException = DBAPIError.instance(
        None, None, error, family, hide_parameters=True, connection_invalidated=lost, dialect=dialect
    )
    if lost:
        connection.invalidate(error)
    return raised
