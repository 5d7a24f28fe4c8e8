"""Reading a model's reply: tolerant in form, strict in meaning. What can't be read is an error, no guess.

Mended are fences, prose around, trailing commas, a cut end, wrong case, synonyms (`reply_words.py`), each
noted by name. Not mended: no action, an unknown one, a sanction or reply for nothing, nothing for a violation, two
answers that differ, in one object or in two, and a reply that was cut off before its answer: what a model only
thought (`text/thoughts.py`) is never acted on.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import orjson

from moderation_pipeline.agents.prompted.reply_words import ACTIONS, CATEGORIES, CONFIDENCES, KEYS
from moderation_pipeline.backends.language_model import TokenLogprob
from moderation_pipeline.plan import SECONDS_PER, Action, Category, Plan
from moderation_pipeline.text.thoughts import Span, UnclosedThoughtError, without_thoughts

LONGEST_TIMEOUT_S = 14 * 86_400
"""Twitch's own bound, two weeks."""

MOST_OF_TEXT = 500
UNSURE = 0.5
"""The confidence of a plan that names none."""

T = TypeVar("T")
OWN_ACTIONS = {action.value: action for action in Action}
OWN_CATEGORIES = {category.value: category for category in Category}
KNOWN_KEYS = frozenset({"category", "action", "rule", "duration_s", "confidence", "reasoning", "reply_text"})
FENCE = re.compile(r"```(?:json|JSON)?\s*(.*?)(?:```|$)", re.DOTALL)
FENCE_AROUND = re.compile(r"\A```(?:json|JSON)?\s*(.*?)(?:```)?\Z", re.DOTALL)
SPECIAL_TOKEN = re.compile(r"<\|\w+\|>\s*\Z")
"""The token that ended a reply, where a server left it in."""

DECIDING = frozenset({"action", "category"})
TWICE = object()
"""Stands for a value that was said twice, and not the same."""

KEY = re.compile(r'"\s*:')
TRAILING_COMMA = re.compile(r",(\s*[}\]])")
PAIR = re.compile(r'"(\w+)"\s*:\s*(?:("(?:[^"\\]|\\.)*")|(-?\d+(?:\.\d+)?|true|false|null)(?=\s*[,}\s]))')
DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)\.?\s*(?:,|and)?\s*")
GROUPED = re.compile(r"(?<=\d),(?=\d{3}\b)")
UNIT_S = {
    written: seconds
    for words, seconds in (
        ("ms msec millisecond milliseconds", 0.001),
        (" s sec secs second seconds", SECONDS_PER["s"]),
        ("m min mins minute minutes", SECONDS_PER["m"]),
        ("h hr hrs hour hours", SECONDS_PER["h"]),
        ("d day days", SECONDS_PER["d"]),
        ("w wk week weeks", 7 * SECONDS_PER["d"]),
    )
    for written in words.split(" ")
}
"""The seconds of each unit that models write; none is seconds."""

Fields = Mapping[str, object]


class UnreadableReplyError(ValueError):
    """A reply that no plan can be read from; the text says why, so that the model can be told."""

    code = "unreadable"


class CutOffReplyError(UnreadableReplyError):
    """A reply that ended before its answer did."""

    code = "cut_off"


@dataclass(frozen=True, slots=True)
class ReadReply:
    """A plan as it was read, what had to be mended for that, and where its confidence comes from."""

    plan: Plan
    mended: tuple[str, ...]
    confidence_source: str


def read_reply(
    text: str,
    rules: Collection[str],
    logprobs: Sequence[TokenLogprob] | None = None,
    *,
    is_cut: bool = False,
) -> ReadReply:
    """Return the plan in the reply; `rules` are those that may be cited. `is_cut`: it ended at its most tokens.

    Raises:
        UnreadableReplyError: there is none, or none that means one thing.
    """
    mended: list[str] = []
    fields = the_answer(answer_in(text, mended, is_cut=is_cut), "action", mended, is_cut=is_cut)
    action = action_of(fields, mended)
    category = _category(fields, action, mended)
    check_agreement(action, category)
    confidence, source = _confidence(fields, mended)
    if (likelihood := action_probability(text, logprobs)) is not None:
        confidence, source = likelihood, "logprobs"
    plan = Plan(
        action=action,
        category=category,
        confidence=confidence,
        reasoning=_text(fields.get("reasoning")) or "",
        reply_text=_text(fields.get("reply_text")),
        rule=_rule(fields.get("rule"), rules, mended),
        duration_s=_duration_s(fields.get("duration_s"), mended) if action is Action.TIMEOUT else None,
    )
    return ReadReply(plan, tuple(dict.fromkeys(mended)), source)


def the_answer(answer: str, key: str, mended: list[str], *, is_cut: bool) -> Fields:
    """Return the JSON object with the key in a reply without its thoughts, under our own names of keys.

    Raises:
        UnreadableReplyError: there is none, or several that differ.
        CutOffReplyError: the same, of a reply that ended at its most tokens.
    """
    try:
        return _one_answer(_objects(answer, mended), key, mended)
    except UnreadableReplyError as error:
        raise (CutOffReplyError(f"cut off, and {error}") if is_cut else error) from None


def check_agreement(action: Action, category: Category) -> None:
    """Raise where an action can't follow from the category."""
    if (action is Action.ALLOW) != (category is Category.NONE):
        raise UnreadableReplyError(f"the action {action.value} doesn't go with the category {category.value}")


def action_probability(text: str, logprobs: Sequence[TokenLogprob] | None) -> float | None:
    """Return the probability of the tokens that spell the action; null where the server didn't give them."""
    return value_probability(text, logprobs, "action")


def value_probability(text: str, logprobs: Sequence[TokenLogprob] | None, key: str) -> float | None:
    """Return the probability of the tokens that spell the value of a key; null where it isn't there once."""
    if not logprobs or "".join(each.token for each in logprobs) != text:
        return None
    found = list(re.finditer(rf'"{key}"\s*:\s*"([^"]*)"', text))
    if len(found) != 1:
        return None
    start, end = found[0].span(1)
    position, total = 0, 0.0
    for token, logprob in logprobs:
        if position < end and position + len(token) > start:
            total += logprob
        position += len(token)
    return min(1.0, math.exp(total))


def answer_in(text: str, mended: list[str], *, is_cut: bool) -> str:
    """Return the reply without its thoughts.

    Of a reply that was cut off, the answer has to be all that stands there: prose around it may be a thought that
    nothing marks, and the answer in it a draft.
    """
    if _loaded(text) is not None:
        return text
    try:
        answer = without_thoughts(text, _quoted(text), is_nothing_but_answer)
    except UnclosedThoughtError as error:
        raise CutOffReplyError(str(error)) from None
    if answer != text:
        mended.append("thoughts")
    if is_cut and "{" in answer and not is_nothing_but_answer(answer):
        raise CutOffReplyError("it was cut off while it went on about an answer")
    return answer


def _quoted(text: str) -> list[Span]:
    """Return where whole JSON objects stand in the text: what looks like a mark in one of them is a string's."""
    spans, at = [], 0
    for piece in braced(text):
        start = text.index(piece, at)
        at = start + len(piece)
        if _loaded(piece) is not None:
            spans.append((start, at))
    return spans


def is_nothing_but_answer(text: str) -> bool:
    """Whether the text is one JSON object, in a fence or not, whose end may be missing."""
    plain = SPECIAL_TOKEN.sub("", text).strip()
    plain = FENCE_AROUND.sub(r"\1", plain).strip()
    pieces = braced(plain)
    return plain.startswith("{") and (not pieces or plain == pieces[0])


def _objects(text: str, mended: list[str]) -> list[Fields]:
    """Return the JSON objects in the reply, the mending noted."""
    whole = _loaded(text)
    if whole is not None:
        return [whole]
    if fenced := FENCE.findall(text):
        mended.append("code_fence")
        text = "\n".join(fenced)
    found = [loaded for piece in braced(text) if (loaded := _mended_load(piece, mended)) is not None]
    if found:
        if not fenced or len(found) > 1:
            mended.append("prose_around")
        return found
    if (start := text.find("{")) >= 0 and (cut := _pairs(text[start:])):
        mended.append("cut_end")
        return [cut]
    return []


def _loaded(text: str) -> Fields | None:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict):
        return None
    if len(KEY.findall(text)) <= len(value):
        return value
    # A parser keeps the last of two equal keys: where they differ, the object doesn't mean one thing.
    try:
        fields: Fields = json.loads(text, object_pairs_hook=_said_once)
    except RecursionError:  # nested deeper than any plan is
        return None
    return fields


def _said_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    once = dict(pairs)
    twice = sorted({key for key, value in pairs if key in DECIDING and value != once[key]})
    return {**once, **dict.fromkeys(twice, TWICE)}


def _mended_load(piece: str, mended: list[str]) -> Fields | None:
    if (loaded := _loaded(piece)) is not None:
        return loaded
    if (loaded := _loaded(TRAILING_COMMA.sub(r"\1", piece))) is not None:
        mended.append("trailing_comma")
        return loaded
    if pairs := _pairs(piece):
        mended.append("loose_json")
        return pairs
    return None


def _pairs(text: str) -> Fields | None:
    """Return the whole key-and-value pairs of JSON that doesn't parse; no value that was cut."""
    found = [(key, string or literal) for key, string, literal in PAIR.findall(text)]
    pairs: list[tuple[str, object]] = [(key, orjson.loads(value)) for key, value in found if _loads(value)]
    return _said_once(pairs) or None


def _loads(value: str) -> bool:
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    return True


def braced(text: str) -> list[str]:
    """Return the outermost pieces in balanced braces, braces inside strings aside."""
    pieces, depth, start, in_string, escaped = [], 0, 0, False, False
    for position, character in enumerate(text):
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"' and depth:
            in_string, escaped = True, False
        elif character == "{":
            start = position if depth == 0 else start
            depth += 1
        elif character == "}" and depth:
            depth -= 1
            if depth == 0:
                pieces.append(text[start : position + 1])
    return pieces


def _one_answer(objects: Sequence[Fields], key: str, mended: list[str]) -> Fields:
    answers = [fields for each in objects if key in (fields := _known(each, mended))]
    if not answers:
        raise UnreadableReplyError(
            f"there is no JSON object with {'an' if key == 'action' else 'a'} {key} in it"
        )
    meanings = {(str(each.get("action")).lower(), str(each.get("category")).lower()) for each in answers}
    if len(meanings) > 1:
        raise UnreadableReplyError("it holds several answers that differ")
    return answers[-1]


def _known(fields: Fields, mended: list[str]) -> Fields:
    """Return the fields under our own names of keys; an exact one wins over a synonym."""
    known: dict[str, object] = {}
    for key, value in fields.items():
        plain = plain_word(key)
        name = plain if plain in KNOWN_KEYS else KEYS.get(plain)
        if name in DECIDING and name in known and not _mean_one_thing(name, known[name], value):
            known[name] = TWICE
            continue
        if name is None or (name in known and key not in KNOWN_KEYS):
            continue
        if key != name:
            mended.append(f"synonym:{name}")
        known[name] = value
    return known


def _mean_one_thing(name: str, one: object, other: object) -> bool:
    own: Mapping[str, object] = OWN_ACTIONS if name == "action" else OWN_CATEGORIES
    synonyms: Mapping[str, object] = ACTIONS if name == "action" else CATEGORIES
    meant = [own.get(word, synonyms.get(word)) for word in (plain_word(str(one)), plain_word(str(other)))]
    # What a synonym of the key says is nothing to us where it is none of our words (`label: spam-bot`).
    return meant[0] == meant[1] or None in meant


def action_of(fields: Fields, mended: list[str]) -> Action:
    """Return the action that an answer says, in our word, another case or a synonym."""
    return _word(fields.get("action"), "action", OWN_ACTIONS, ACTIONS, mended)


def _category(fields: Fields, action: Action, mended: list[str]) -> Category:
    value = fields.get("category")
    if value in (None, "") and action is Action.ALLOW:
        mended.append("missing:category")
        return Category.NONE
    return category_of(fields, mended)


def category_of(fields: Fields, mended: list[str]) -> Category:
    """Return the category that an answer says, in our word, another case or a synonym."""
    return _word(fields.get("category"), "category", OWN_CATEGORIES, CATEGORIES, mended)


def _word(value: object, key: str, own: Mapping[str, T], synonyms: Mapping[str, T], mended: list[str]) -> T:
    """Return what the word stands for: itself, itself in another case, or a synonym."""
    if value is TWICE:
        raise UnreadableReplyError(f"it says its {key} twice, and not the same")
    plain = plain_word(value) if isinstance(value, str) else ""
    if plain not in own and plain not in synonyms:
        raise UnreadableReplyError(f"{key} is {str(value)[:60]!r}, not one of {', '.join(own)}")
    if value != plain:
        mended.append(f"wrong_case:{key}")
    if plain not in own:
        mended.append(f"synonym:{key}")
    return own[plain] if plain in own else synonyms[plain]


def _confidence(fields: Fields, mended: list[str]) -> tuple[float, str]:
    value = fields.get("confidence")
    if isinstance(value, str):
        mended.append("synonym:confidence")
        if plain_word(value) in CONFIDENCES:
            return CONFIDENCES[plain_word(value)], "stated"
        value = _number(value)
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not math.isfinite(value)
        or value < 0
    ):
        mended.append("missing:confidence")
        return UNSURE, "missing"
    if value > 1:
        mended.append("percent:confidence")
        return min(value / 100, 1.0), "stated"
    return float(value), "stated"


def _number(text: str) -> float | None:
    try:
        return float(text.strip().rstrip("%")) / (100 if "%" in text else 1)
    except ValueError:
        return None


def _rule(value: object, rules: Collection[str], mended: list[str]) -> str | None:
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        return None
    if value in rules:
        return str(value)
    found = re.search(r"([A-Za-z]{0,3})\s*(\d{1,3})", str(value).removeprefix("rule").removeprefix("Rule"))
    named = (found[1] or "R").upper() + found[2] if found else ""
    mended.append("synonym:rule" if named in rules else "unknown:rule")
    return named if named in rules else None


def _duration_s(given: object, mended: list[str]) -> int | None:
    """Return a timeout's seconds, from a number, `600 seconds` or `1h 30m`; null lets the ladder choose."""
    value = _written_s(given) if isinstance(given, str) and _text(given) else given
    seconds = _sensible_s(value)
    if seconds is None and given is not None and _text(given) != _text(None):
        mended.append("unknown:duration_s")
    return seconds


def _written_s(text: str) -> float | None:
    """Return the seconds that a text says from its beginning to its end; null where it says anything else."""
    rest, seconds = GROUPED.sub("", text.strip().lower()), 0.0
    while rest:
        found = DURATION.match(rest)
        if found is None or found[2] not in UNIT_S:
            return None
        seconds += float(found[1]) * UNIT_S[found[2]]
        rest = rest[found.end() :]
    return seconds


def _sensible_s(value: object) -> int | None:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not math.isfinite(value)
        or value < 1
    ):
        return None
    return min(int(value), LONGEST_TIMEOUT_S)


def _text(value: object) -> str | None:
    text = value.strip() if isinstance(value, str) else ""
    return None if text.lower() in ("", "null", "none", "n/a") else text[:MOST_OF_TEXT]


def plain_word(word: str) -> str:
    """Return a word as our own are written."""
    return re.sub(r"[\s-]+", "_", word.strip().strip(".").lower())
