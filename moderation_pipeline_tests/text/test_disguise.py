from __future__ import annotations

import pytest

from moderation_pipeline.text.disguise import Disguise, disguise
from moderation_pipeline.text.normalise import normalise_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gg  WP", Disguise(0, 0)),
        ("Tom &amp; Jerry", Disguise(0, 0)),
        ("it’s l’été", Disguise(0, 0)),
        ("ｈｅｌｌｏ", Disguise(0, 0)),
        ("again \U000e0000", Disguise(0, 0)),
        ("nooooob", Disguise(0, 1)),
        ("n00b", Disguise(1, 0)),
        ("f u c k you", Disguise(1, 0)),
        ("fu\u200bck", Disguise(1, 0)),
        ("𝐟𝐮𝐜𝐤", Disguise(1, 0)),
        ("ѕtuрid", Disguise(1, 0)),
        ("f**k", Disguise(1, 0)),
    ],
)
def test_hiding_letters_is_told_from_stretching_them(text: str, expected: Disguise) -> None:
    assert disguise(text, normalise_text(text)) == expected
