"""Decision models: a state and typed questions in, a probability for every option out, and no text.

The interface, the one type that every wire form is read into, and the bounds an answer must keep. Wire forms are
the backends' (`systemone`, `openai_decisions`, `hf_decisions`, …); the questions are data of `agents/deciding`, and
what follows from the answers is decided there. Errors of a whole call are those of
`language_model.py`; what is wrong with one answer stands in its place.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from moderation_pipeline.backends.language_model import JsonValue, ModelIdentity, Reply

Kind = Literal["yes_no", "choice", "score"]

LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"
"""What stands for the options of a choice where a letter is the answer. No I among them: with it a refusal begins ("I
can't …"), and would be read as the ninth option."""

YES = "true"
NO = "false"
"""The two options of a yes/no question, as System One names them."""

SUM_TOLERANCE = 0.02
"""How far a distribution's sum may be from 1: replies are rounded, and more than that is no rounding."""


class Option(NamedTuple):
    """One possible answer, and what it means: the criterion by which it is the right one."""

    name: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about a state. The options of a score are its levels, lowest first."""

    name: str
    kind: Kind
    instructions: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class WorkedExample:
    """Another state, and the option that was right for each question it says something of."""

    state: JsonValue
    answers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """A state and the questions about it: all of it shapes the reply.

    `examples` are shown with their answers before the state, the most telling last, by a model that can be shown such;
    null where it is asked without any, () where none was at hand of a model that is asked with them.
    """

    state: JsonValue
    questions: tuple[Question, ...]
    examples: tuple[WorkedExample, ...] | None = None


class Distribution(NamedTuple):
    """The probability of each option of a question, in the question's order."""

    probabilities: tuple[tuple[str, float], ...]

    def of(self, option: str) -> float:
        """Return the probability of an option."""
        return dict(self.probabilities)[option]


class Refusal(NamedTuple):
    """The model would not answer this question."""


class Unusable(NamedTuple):
    """An answer that breaks its bounds, or is missing; `problem` says how."""

    problem: str


Answer = Distribution | Refusal | Unusable


@dataclass(frozen=True, slots=True)
class DecisionReply:
    """What came back: an answer for every question, and what the call took; the reply's text is of no use."""

    answers: Mapping[str, Answer]
    reply: Reply


class DecisionModel(ABC):
    """Answers typed questions. Concurrent calls are welcome, as with a `LanguageModel`."""

    @property
    @abstractmethod
    def identity(self) -> ModelIdentity:
        """Who answers."""

    @abstractmethod
    async def decide(self, request: DecisionRequest) -> DecisionReply:
        """Return an answer for each question of the request, a refusal or an unusable one included.

        Raises:
            LanguageModelError: the call as a whole failed; see the tree in `language_model.py`.
        """

    def worst_case_usd(self, request: DecisionRequest) -> float | None:  # noqa: ARG002
        """Return what the call may cost at most at list price; null where nobody knows the price."""
        return None

    async def served_models(self) -> list[str] | None:
        """Return the names of the models that its endpoint lists; null where there is no such list."""
        return None

    async def aclose(self) -> None:  # noqa: B027  (not every model holds something open)
        """Close connections; the model can't be asked again afterwards."""


def yes_no(probability: object) -> Answer:
    """Return the answer to a yes/no question, given the probability of yes."""
    found = _probability(probability)
    if isinstance(found, Unusable):
        return found
    return Distribution(((YES, found), (NO, 1.0 - found)))


def distribution(question: Question, given: Iterable[tuple[str, object]]) -> Answer:
    """Return the probabilities of a question's options in its own order, if they are that.

    Every option must have exactly one probability in [0, 1], and they must add up to 1, give or take .02.
    They are kept as they came: what is off by rounding is not made to look exact.
    """
    pairs = list(given)
    known = [option.name for option in question.options]
    names = [name for name, _ in pairs]
    if sorted(names) != sorted(known):
        missing, strange = set(known) - set(names), set(names) - set(known)
        said = "; ".join(
            [f"no probability for {name!r}" for name in sorted(missing)]
            + [f"there is no option {name!r}" for name in sorted(strange)]
        )
        return Unusable(said or "an option has two probabilities")
    by_name: dict[str, float] = {}
    for name, value in pairs:
        found = _probability(value)
        if isinstance(found, Unusable):
            return found
        by_name[name] = found
    total = sum(by_name.values())
    if abs(total - 1.0) > SUM_TOLERANCE:
        return Unusable(f"probabilities add up to {total:.4g}")
    return Distribution(tuple((name, by_name[name]) for name in known))


def _probability(value: object) -> float | Unusable:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Unusable(f"{str(value)[:40]!r} is no probability")
    number = float(value)
    return number if 0.0 <= number <= 1.0 else Unusable(f"probability {number:.4g} is outside [0, 1]")


def comment_text(state: JsonValue) -> str:
    """Return the text of the comment in a state, for models that are shown a text and nothing else."""
    comment = state.get("comment") if isinstance(state, dict) else state
    text = comment.get("text") if isinstance(comment, dict) else comment
    return text if isinstance(text, str) else ""
