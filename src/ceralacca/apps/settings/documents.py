"""What stands under a field of the settings, as text: read from the source when somebody asks, never at a start."""

import ast
import inspect
import textwrap
from collections.abc import Mapping
from functools import cache
from itertools import pairwise

from pydantic import BaseModel


def document(model: type[BaseModel], name: str) -> str:
    """Return what stands under a field of this model, or of one that it extends; empty when nothing does."""
    return next((said for each in model.__mro__ if (said := _documents(each).get(name))), "")


@cache
def _documents(model: type) -> Mapping[str, str]:
    if not issubclass(model, BaseModel) or model is BaseModel:
        return {}
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(definition, ast.ClassDef), "the source of a class"
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }
