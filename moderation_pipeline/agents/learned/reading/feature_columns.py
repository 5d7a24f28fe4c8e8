"""Which numeric columns a head reads: its base's question options, and an embedding's dimensions.

They are settled by the first answers of the base that can be read, or by the head that a run begins with, and
stay for the whole run: a head's weights are of columns.
"""

from __future__ import annotations

from collections.abc import Sequence

from moderation_pipeline.agents.learned.reading.features import numeric_names
from moderation_pipeline.cases.verdict import Verdict
from moderation_pipeline.errors import ModerationError

Options = tuple[tuple[str, str], ...]
"""(question, option) of each probability that the base gives."""


class OtherColumnsError(ModerationError):
    """A head to start from that reads what this run doesn't have."""


class Columns:
    """The columns, once they are settled."""

    def __init__(self, begun_with: Options | None = None, width: int | None = None) -> None:
        """Take the options and the width of rows of the head that the run begins with, if it does."""
        self._begun_with = begun_with
        self._width = width
        self.options: Options = ()
        self.names: tuple[str, ...] | None = None

    def settle(self, bases: Sequence[Verdict], dimensions: int) -> bool:
        """Return whether the columns are known by now; a batch that the base failed on whole tells nothing.

        Raises:
            OtherColumnsError: the head that the run begins with reads other columns.
        """
        if self.names is not None:
            return True
        answered = [base.probabilities for base in bases if base.plan is not None]
        if not answered:
            return False
        given = tuple((each.question, each.option) for each in max(answered, key=len))
        if self._begun_with is not None:
            self._refuse_others(given)
        self.options = given if self._begun_with is None else self._begun_with
        self.names = tuple(numeric_names(self.options, dimensions))
        if self._width is not None and self._width != len(self.names):
            raise OtherColumnsError(
                f"The head that this run starts from reads {self._width} numbers and this run has "
                f"{len(self.names)}: it was trained with another embedder's vectors. Name the same memory.embedder, "
                "or leave start_from out."
            )
        return True

    def _refuse_others(self, given: Options) -> None:
        """Raise unless the base answers what the head was trained on; one answer may lack an option or two."""
        known = self._begun_with or ()
        if bool(given) != bool(known) or not set(given) <= set(known):
            raise OtherColumnsError(
                f"The head that this run starts from was trained on a base that answers {_listed(known)}; this base "
                f"answers {_listed(given)}. Name the same base, or leave start_from out."
            )


def _listed(options: Options) -> str:
    return ", ".join(f"{question}={option}" for question, option in options) or "no questions"
