"""Reading the settings file: every fault at once, each with its place and what to do.

Parsing is `tomllib`, checking is pydantic over `settings.sections`; what this adds is where: the key's
path, its line, and for an unknown key the one that was probably meant.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ceralacca.apps.settings import Settings
from ceralacca.apps.settings.documents import document
from ceralacca.base.errors import UserError

_LARGEST = 2**20
_TABLE = re.compile(r"\s*\[([^\[\]]+)\]")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\"'-]+)\s*=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One fault of the file."""

    where: str
    """Path of the key, such as `access.port`; empty when the file itself is meant."""
    line: int | None
    """Counted from 1; None for what is missing."""
    what: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"line {self.line}, " if self.line else ""
        return f"{place}{self.where}: {self.what}" if self.where else f"{place}{self.what}"


class BadSettings(UserError):
    """The file cannot be used; `problems` holds every fault."""

    def __init__(self, path: Path, problems: tuple[Problem, ...]) -> None:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{path}: {problems[0]}{more}", remedy=problems[0].hint or f"pec config check {path}")
        self.path = path
        self.problems = problems


def read_settings(path: Path) -> Settings:
    """Read a settings file. Raises BadSettings with every fault, UserError when the file cannot be read."""
    try:
        octets = path.read_bytes() if path.stat().st_size <= _LARGEST else None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}", remedy="name the settings file with --config") from error
    if octets is None:
        raise UserError(f"{path} is too large for a settings file", remedy="name the right file")
    try:
        text = octets.decode("utf-8")
        tree = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSettings(path, (Problem(where="", line=None, what=f"not TOML: {error}"),)) from error
    try:
        return Settings.model_validate(tree, context={"folder": path.resolve().parent})
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise BadSettings(path, tuple(_problem(fault, text) for fault in faults)) from error


def _problem(fault: ErrorDetails, text: str) -> Problem:
    place = fault["loc"]
    where = ".".join(str(part) for part in place)
    line = line_of(text, tuple(str(part) for part in place if isinstance(part, str)))
    what = fault["msg"].removeprefix("Value error, ")
    hint = ""
    if fault["type"] == "extra_forbidden":
        what, hint = "there is no such key", _nearest(place)
    elif fault["type"] == "missing":
        what, hint = "is missing", _document(place)
    return Problem(where=where, line=line, what=what, hint=hint)


def _nearest(place: tuple[int | str, ...]) -> str:
    """Say which key was probably meant: a like one of this table, or the same one of another."""
    *table, key = (str(part) for part in place)
    model = _model(table)
    known = list(model.model_fields) if model else []
    close = get_close_matches(key, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {'.'.join([*table, close[0]])}?"
    elsewhere = [path for path, _ in every_field(Settings) if path.endswith(f".{key}")]
    if elsewhere:
        return f"did you mean {elsewhere[0]}?"
    return f"known here: {', '.join(known)}" if known else ""


def _document(place: tuple[int | str, ...]) -> str:
    *table, key = (str(part) for part in place)
    model = _model(table)
    field = model.model_fields.get(key) if model else None
    if field is None:
        return ""
    inner = field.annotation
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        needed = [name for name, one in inner.model_fields.items() if one.is_required()]
        return f"add the table [{'.'.join([*table, key])}] with {', '.join(needed)}"
    assert model is not None, "it has the field"
    return document(model, key).split("\n")[0]


def _model(table: list[str]) -> type[BaseModel] | None:
    """Return the model of a table, by its path."""
    model: type[BaseModel] | None = Settings
    for name in table:
        field = model.model_fields.get(name) if model else None
        if field is None:  # a name that the operator gives, such as a domain in relay.routes
            continue
        model = model_of(field.annotation)
    return model


def model_of(annotation: Any) -> type[BaseModel] | None:
    """Return the model inside an annotation such as `dict[str, X]` or `X | None`; None when there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (model_of(inner) for inner in getattr(annotation, "__args__", ()))
    return next((model for model in found if model is not None), None)


def every_field(model: type[BaseModel], before: str = "") -> Iterator[tuple[str, Any]]:
    """Give the path and definition of every field, tables before what is in them."""
    for name, field in model.model_fields.items():
        path = f"{before}{name}"
        yield path, field
        inner = model_of(field.annotation)
        if inner is not None:
            many = "<domain>." if getattr(field.annotation, "__origin__", None) is dict else ""
            yield from every_field(inner, f"{path}.{many}")


def line_of(text: str, place: tuple[str, ...]) -> int | None:
    """Return the line on which a key or table stands, by a plain look at the text; None when it is not seen."""
    tables: Mapping[str, int] | dict[str, int] = {}
    current = ""
    wanted = ".".join(place)
    for number, line in enumerate(text.splitlines(), 1):
        if table := _TABLE.match(line):
            current = _bare(table[1])
            tables = {**tables, current: number}
        elif (key := _KEY.match(line)) and _bare(f"{current}.{key[1]}" if current else key[1]) == wanted:
            return number
    return tables.get(wanted)


def _bare(path: str) -> str:
    return path.replace('"', "").replace("'", "").replace(" ", "")
