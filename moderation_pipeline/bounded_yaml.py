"""YAML that people wrote, read by PyYAML's safe loader with a bound on brackets within brackets, and no key twice.

Without a bound a file of a few kilobytes takes Python to the end of its stack. Of two lines with one key PyYAML takes
the last and says nothing, so that what somebody wrote above it would never hold.
"""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache
from typing import Any

import yaml

DEEPEST = 50


class BoundedLoader(yaml.SafeLoader):
    """Refuses what is nested deeper than anything that is read here, and a key that stands twice."""

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

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Return the mapping, as it is written: what `<<` merges into it comes later.

        Raises:
            yaml.MarkedYAMLError: a key stands in it twice.
        """
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            named = (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else None
            if named in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value!r} stands twice", problem_mark=key.start_mark
                )
            seen |= {named} - {None}
        return node


def read_yaml(text: str) -> Any:
    """Return what the text says.

    Raises:
        yaml.YAMLError: it is no YAML, nested without end, or has a key twice.
    """
    return deepcopy(_loaded(text))  # Some callers take out of it what they have read.


@lru_cache(maxsize=64)
def _loaded(text: str) -> Any:
    """Kept, for it takes milliseconds: a `moderation run` of four configs reads their few files a hundred times."""
    return yaml.load(text, Loader=BoundedLoader)
