"""Unicode disguises: compatibility forms, invisible characters and look-alikes from other scripts.

The look-alikes are Unicode's own (UTS 39 confusables, as the package confusable-homoglyphs ships them),
plus the few that read alike in a chat font without being exact. They are folded only inside words that mix
scripts, and beside one such word in those that have a look-alike for every letter, so that a Russian or Greek
word stays what it is. Everything that concerns ASCII alone is in
`normalise`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from moderation_pipeline.text.lexicon import lexicon

INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
BLANK = re.compile(r"[\u2800\x00-\x1f\x7f-\x9f\s]+")
STACKED = re.compile(r"(?<=[^\W\d_])([\u0300-\u036f\u0488\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+)")
TYPOGRAPHY = str.maketrans("‘’ʼ´“”„", "''''\"\"\"")
"""Before NFKC, which would make a space and an accent of an acute used as an apostrophe."""

WORD = re.compile(r"[^\s]+")
LATIN = re.compile(r"[A-Za-z]")
LETTER = re.compile(r"[^\W\d_]")

NEARLY_ALIKE = {
    **dict(zip("квмнптгяишщьчё", "kbmhntrrnwwb4e", strict=True)),
    **dict(zip("εηκμντωχβπ", "enkmvtwxbn", strict=True)),
    **dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz", strict=True)),
    "ß": "ss",
    "ø": "o",
    "Ø": "o",
    "ł": "l",
    "đ": "d",
    "ħ": "h",
    "ı": "i",
    "ŧ": "t",
}
ALWAYS = str.maketrans(
    {
        **{chr(0x1F150 + n): chr(97 + n) for n in range(26)},
        **{chr(0x1F170 + n): chr(97 + n) for n in range(26)},
        **dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz", strict=True)),
    }
)
"""Letters that no script writes words with."""


def fold_lookalikes(text: str) -> str:
    """Return the text in NFKC without invisible characters, mixed-script words written in Latin letters."""
    if text.isascii():
        return text
    text = BLANK.sub(" ", INVISIBLE.sub("", text)).translate(TYPOGRAPHY)
    text = unicodedata.normalize("NFKC", text)
    text = STACKED.sub("", text)
    if text.isascii():
        return text
    text = text.translate(ALWAYS)
    if _is_of_another_script(text):
        return WORD.sub(_latin_if_disguised, text)
    folded = WORD.sub(_latin_if_mixed, text)
    # Who disguised one word of a Latin text disguised the others, those that are look-alikes alone, too.
    is_disguised = folded != text and 2 * len(LATIN.findall(folded)) > len(LETTER.findall(folded))
    return WORD.sub(_latin_if_all_alike, folded) if is_disguised else folded


def _is_of_another_script(text: str) -> bool:
    """Whether most words are wholly of another script: a Latin letter in one may be a slip of the keyboard then.

    Ukrainian is often typed with a Latin i, Greek with a Latin o. A word that is made of look-alikes alone is of no
    script for sure, and counts as neither.
    """
    latin = foreign = 0
    for word in WORD.findall(text):
        letters = LETTER.findall(word)
        if not letters:
            continue
        if LATIN.search(word):
            latin += all(sign.isascii() or "LATIN" in unicodedata.name(sign, "") for sign in letters)
        else:
            foreign += not "".join([_look_alike(sign) for sign in letters]).isascii()
    return foreign > latin


def _latin_if_mixed(match: re.Match[str]) -> str:
    word = match.group()
    if word.isascii() or not LATIN.search(word):
        return word
    return "".join([_look_alike(sign) for sign in word])


def _latin_if_disguised(match: re.Match[str]) -> str:
    """Fold a mixed word that is mostly Latin, or a term: nobody hides a word by putting Cyrillic ones before it."""
    word, folded = match.group(), _latin_if_mixed(match)
    is_mostly_latin = 2 * len(LATIN.findall(word)) > len(LETTER.findall(word))
    return folded if is_mostly_latin or folded.lower() in lexicon().words else word


def _latin_if_all_alike(match: re.Match[str]) -> str:
    word = match.group()
    folded = "".join([_look_alike(sign) for sign in word])
    return folded if folded.isascii() else word


@cache
def _look_alike(sign: str) -> str:
    """Return the Latin letter a letter of another script looks like, else the sign itself."""
    if sign.isascii() or "LATIN" in unicodedata.name(sign, ""):
        return sign
    return _exactly_alike().get(sign) or NEARLY_ALIKE.get(sign.lower()) or sign


@cache
def _exactly_alike() -> dict[str, str]:
    # Imported here: loading the tables takes 15 ms, and plain chats never need them.
    from confusable_homoglyphs import confusables

    table: dict[str, str] = {}
    for sign, twins in confusables.confusables_data.items():
        letters = [
            twin["c"].lower()
            for twin in twins
            if len(twin["c"]) == 1 and twin["c"].isascii() and twin["c"].isalpha()
        ]
        if len(sign) == 1 and not sign.isascii() and letters:
            table[sign] = letters[0]
    return table
