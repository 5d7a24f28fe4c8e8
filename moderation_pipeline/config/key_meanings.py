"""What each key of a config means: the docstring under its field, read from the source when somebody asks.

Pydantic can read them itself (`use_attribute_docstrings`), but does so whenever a class is made, and looks through all
loaded modules for each: half of what importing the configs' models took.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from textwrap import dedent

from pydantic import BaseModel


@cache
def key_meanings(model: type[BaseModel]) -> Mapping[str, str]:
    """Return what the keys of a part of a config mean, in one line each; one of which nothing is said is left out."""
    bases = [
        each for each in reversed(model.__mro__) if issubclass(each, BaseModel) and each is not BaseModel
    ]
    told = {name: text for each in bases for name, text in _under_fields(each)}
    told |= {name: field.description for name, field in model.model_fields.items() if field.description}
    return {name: " ".join(text.split()) for name, text in told.items()}


def _under_fields(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    try:
        source = inspect.getsource(model)
    except OSError:  # made by a call: what its fields mean is said there
        return
    (made,) = ast.parse(dedent(source)).body
    assert isinstance(made, ast.ClassDef)
    for field, said in pairwise(made.body):
        match field, said:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, text
