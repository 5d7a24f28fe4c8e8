"""YAML that people wrote, read by PyYAML's safe loader with a bound on brackets within brackets.

Without one a file of a few kilobytes takes Python to the end of its stack.
"""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache
from typing import Any

import yaml

DEEPEST = 50


class BoundedLoader(yaml.SafeLoader):
    """Refuses what is nested deeper than anything that is read here."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Return the next node with all that is in it.

        Raises:
            yaml.MarkedYAMLError: more is within each other than can be meant.
        """
        if self.depth == DEEPEST:
            problem = f"more than {DEEPEST} lists or mappings are within each other"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=self.get_mark())
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def read_yaml(text: str) -> Any:
    """Return what the text says.

    Raises:
        yaml.YAMLError: it is no YAML, or nested without end.
    """
    return deepcopy(_loaded(text))  # Some callers take out of it what they have read.


@lru_cache(maxsize=64)
def _loaded(text: str) -> Any:
    """Kept, for it takes milliseconds: a `moderation run` of four configs reads their few files a hundred times."""
    return yaml.load(text, Loader=BoundedLoader)
