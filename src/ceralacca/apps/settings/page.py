"""The settings as text: the reference page, and the settings in effect as `pec config show` gives them.

Both are made from the definitions, so that they cannot say something else than the program does.
There is nothing to hide in what is shown: secrets are files, and only their names are settings.
"""

from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ceralacca.apps.settings import Settings
from ceralacca.apps.settings.documents import document
from ceralacca.apps.settings.kinds import shown
from ceralacca.apps.settings.reading import model_of

_HEAD = """\
# Configuration

One provider is set up by one TOML file: `pec serve --config pec.toml`. `pec config check pec.toml` says what is wrong
with it, where, and what to do; `pec config show pec.toml` prints what is in effect. A key that is not listed here
refuses to start. Paths are relative to the file. Lengths of time are written `"90s"`, `"15m"`, `"23h"`, `"2d 12h"`;
sizes `31457280` or `"30 MiB"`. No secret stands in the file: passphrases, PINs and keys are files of their own, with
mode 0600.

A commented example is [deploy/pec.toml](../../deploy/pec.toml). This page is made from the program's own definitions:
do not edit it.
"""


def reference_page() -> str:
    """Return `docs/reference/configuration.md`."""
    return _HEAD + "".join(_section(name, field) for name, field in Settings.model_fields.items())


def _section(name: str, field: FieldInfo, before: str = "") -> str:
    model = model_of(field.annotation)
    assert model is not None, "every field of the file is a table"
    many = ".<domain>" if getattr(field.annotation, "__origin__", None) is dict else ""
    path = f"{before}{name}{many}"
    first = (model.__doc__ or "").strip().replace("\n    ", "\n")
    plain = {key: one for key, one in model.model_fields.items() if model_of(one.annotation) is None}
    rows = "".join(_row(key, one, document(model, key)) for key, one in plain.items())
    tables = [(key, one) for key, one in model.model_fields.items() if key not in plain]
    inner = "".join(_section(key, one, f"{path}.") for key, one in tables)
    return f"\n## [{path}]\n\n{first}\n\n| key | default | meaning |\n| --- | --- | --- |\n{rows}{inner}"


def _row(name: str, field: FieldInfo, text: str) -> str:
    return f"| `{name}` | {_default(field)} | {' '.join(text.split())} |\n"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined or value is None or value in ((), "", {}):
        return "none"
    return f"`{toml_value(value)}`"


def settings_text(settings: Settings) -> str:
    """Return the settings in effect, defaults included, as a settings file would say them."""
    return "\n".join(_tables(settings, ""))


def _tables(model: BaseModel, path: str) -> list[str]:
    lines, inner = [], []
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            inner.append((f"{path}{name}", value))
        elif isinstance(value, dict):
            inner.extend((f'{path}{name}."{key}"', one) for key, one in value.items())
        elif value is not None:
            lines.append(f"{name} = {toml_value(value)}")
    for table, one in inner:
        lines += ["", f"[{table}]"] if lines else [f"[{table}]"]
        lines += _tables(one, f"{table}.")
    return lines


def settings_tree(settings: Settings) -> Any:
    """Return the settings in effect as values for JSON."""
    return _plain(settings)


def _plain(value: object) -> Any:
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple) else shown(value)


def toml_value(value: object) -> str:
    """Write one value as TOML does."""
    plain = shown(value)
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, tuple | list):
        return f"[{', '.join(toml_value(one) for one in plain)}]"
    if isinstance(plain, str):
        escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(plain)
