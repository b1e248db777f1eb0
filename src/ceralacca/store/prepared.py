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
from functools import partial
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    ARRAY,
    BindParameter,
    Column,
    ColumnElement,
    Delete,
    Dialect,
    Select,
    Text,
    TypeDecorator,
    Update,
    bindparam,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from ceralacca.store.driver import Open, driven, driven_many

Record: TypeAlias = Any
"""A row whose columns are its attributes, whoever has read it."""

_Convert = Callable[[Any], Any]


class Prepared:
    """One statement; its values are named by its `bindparam`s. Safe between threads."""

    def __init__(self, statement: Select[Any] | Update | Delete) -> None:
        self._statement = statement
        self._plans: dict[Dialect, _Plan] = {}

    def all(self, connection: Open, **values: Any) -> list[Record]:
        """Return the rows that are found, in the open transaction. Raises SQLAlchemyError."""
        plan = self._plan(connection)
        return plan.read(driven(connection, plan.text, plan.values(values)).fetchall())

    def lines(self, connection: Open, **values: Any) -> list[Sequence[Any]]:
        """Return the rows as the driver has them. Raises SQLAlchemyError."""
        plan = self._plan(connection)
        found: list[Sequence[Any]] = driven(connection, plan.text, plan.values(values)).fetchall()
        return found

    def first(self, connection: Open, **values: Any) -> Record | None:
        """Return the first row that is found, if any, in the open transaction. Raises SQLAlchemyError."""
        plan = self._plan(connection)
        found = driven(connection, plan.text, plan.values(values)).fetchmany(1)
        return plan.read(found)[0] if found else None

    def run(self, connection: Open, **values: Any) -> None:
        """Change what the statement says, in the open transaction. Raises SQLAlchemyError."""
        plan = self._plan(connection)
        driven(connection, plan.text, plan.values(values))

    def run_each(self, connection: Open, rows: Iterable[Mapping[str, Any]]) -> int:
        """Change what the statement says, for each of these values, in the open transaction; return how many rows.

        Raises SQLAlchemyError.
        """
        plan = self._plan(connection)
        return driven_many(connection, plan.text, [plan.values(row) for row in rows])

    def _plan(self, connection: Open) -> "_Plan":
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
        values = {name: _value(parameter, dialect) for parameter, name in compiled.bind_names.items()}
        self._names = list(compiled.positiontup or values)
        self._values = [(name, *values[name]) for name in self._names]
        columns = list(statement.exported_columns)
        self._row = _record([column.key or "" for column in columns])
        readers = [_reader(column.type, dialect) for column in columns]
        self._readers = [(at, read) for at, read in enumerate(readers) if read is not None]

    def values(self, given: Mapping[str, Any]) -> Any:
        """Return what the driver is given: by name, or in their order."""
        written = [
            constant if constant is not _GIVEN else given[name] if write is None else write(given[name])
            for name, write, constant in self._values
        ]
        return dict(zip(self._names, written, strict=True)) if self._is_named else written

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


_GIVEN: Final = object()


def _value(parameter: BindParameter[Any], dialect: Dialect) -> tuple[_Convert | None, Any]:
    """Return the conversion of one value of a statement, and what is written in the statement or `_GIVEN`."""
    write = _writer(parameter.type, dialect)
    if parameter.required:
        return write, _GIVEN
    constant = parameter.effective_value
    return None, constant if write is None else write(constant)


def _record(names: Sequence[str]) -> _Convert:
    """Return what makes a record of the values of a row."""
    made: Any = namedtuple("Record", names)  # type: ignore[misc]  # noqa: PYI024 the names are known when it runs
    make: _Convert = made._make
    return make


def _writer(kind: TypeEngine[Any], dialect: Dialect) -> _Convert | None:
    """Return the conversion of a value that is given, if it has one."""
    there = kind.dialect_impl(dialect)
    if isinstance(there, _Several) or not isinstance(there, TypeDecorator):
        return there.bind_processor(dialect)
    if there.impl_instance.bind_processor(dialect) is not None:
        return there.bind_processor(dialect)
    return partial(there.process_bind_param, dialect=dialect)  # spares a call in between for every value


def _reader(kind: TypeEngine[Any], dialect: Dialect) -> _Convert | None:
    """Return the conversion of a column that is read, if it has one; what is text already stays as it is."""
    there = kind.dialect_impl(dialect)
    if isinstance(there, TypeDecorator) and there.impl_instance.result_processor(dialect, None) is None:
        ours = there.process_result_value  # spares a call in between for every value
        return partial(ours, dialect=dialect)
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

    def bind_processor(self, dialect: Dialect) -> _Convert:
        """Return what writes a value; made once for a statement."""
        convert = _writer(self.one, dialect)
        write = json_array if dialect.name == "sqlite" else self.impl_instance.bind_processor(dialect)

        def bind(value: Iterable[Any] | None) -> Any:
            values = list(value or ()) if convert is None else [convert(one) for one in value or ()]
            return values if write is None else write(values)

        return bind


_PLAIN: Final = bytes(octet for octet in range(ord(" "), ord("~") + 1) if octet != ord("\\"))
"""Octets that stand in a JSON text as they are, with the quotation mark, which is counted."""


def json_array(values: Sequence[Any]) -> str:
    """Return numbers or texts of one type as a JSON array; keys are plain as a rule, and need no escape."""
    if values and type(values[0]) is str:
        text = '","'.join(values)
        if text.isascii() and not text.encode().translate(None, _PLAIN) and text.count('"') == 2 * len(values) - 2:
            return f'["{text}"]'
    return json.dumps(values)


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
