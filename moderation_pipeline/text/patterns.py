"""Patterns that are no words: links, addresses, numbers, mark-up, decoration. Words are the lexicon's.

They run in Rust over whole columns, so none looks around; each is over the normalised text but `EMOTE_EZ`.
"""

from __future__ import annotations

_DOMAINS = "com|net|org|tv|gg|io|ly|me|co|ru|xyz|be|info|link|live|site|store|shop|top|app|dev|example"
_SHORTENERS = (
    r"bit\.ly|tinyurl\.com|t\.co|cutt\.ly|goo\.gl|is\.gd|discord\.gg|discord\.com/invite|t\.me|wa\.me"
)
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_CALLING = (
    r"call|text|number|phone|cell|tel|telefon\w*|tlf|handy|nummer|numero|num|whatsapp|zadzwon\w*|llam\w+|chiama\w*"
    r"|appelle\w*|liga\w*"
)
_PARTED_NUMBER = (
    r"[ /()-]{1,2}\d{2,4}[ .-]?\d{5,9}|[ /()-]{1,2}\d{5}[ .-]\d{5}"
    r"|[ /()-]{1,2}\d{1,5}(?:[ /()-]{1,2}\d{3,5}){2}|[ /()-]{1,2}\d{1,5}(?:[ /()-]{1,2}\d{2,5}){3,4}"
)
_START, _END = r"(?:^|[\s:]|\D,)", r"(?:$|[\s,.])"
_STREETS = "street|avenue|ave|road|rd|boulevard|blvd|drive"
_SHORT_STREETS = "lane|ln|st|court|ct|close|place|terrace|square"
"""Also words of games and of every day ("2 in lane"): they need two digits and a name."""

PATTERNS = {
    "ghost_tags": "|".join(
        (
            r"</?\s*(?:system|comment|instructions?|user|assistant|admin)\s*>",
            r"\{\s*[\"']?action[\"']?\s*:",
        )
    ),
    # No flames: those are applause, and of 30 such lines on Twitch moderators acted on none.
    "decoration": "[█▀▄▌▐░▒▓■□●◆★☆➡→►▶✅💰🎁]{3,}",
    "links": "|".join(
        (
            r"(?:h(?:tt|xx)ps?://|www\.)\S+",
            rf"\b[a-z0-9-]+\.(?:{_DOMAINS})\b(?:/\S*)?",
            r"\b[a-z0-9-]+\.[a-z]{2,10}/[a-z0-9]\S*",
        )
    ),
    "shorteners": rf"(?:{_SHORTENERS})/\w",
    # Few kills and many deaths: 0/7, 0 4, 2-11. Not 2/11, which is a date.
    "score_mock": r"(?:^|\s)(?:0\s?[-/ ]\s?(?:[3-9]|1\d)|[1-3]\s?[- ]\s?(?:[7-9]|1\d|2\d))(?:$|\s|-\d|/\d)",
    "mentions": r"(?:^|\s)@\w+",
    "phones": "|".join(
        (
            r"(?:^|[^\w.])(?:\+?\d{1,3}[ .-]?)?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?:$|\D)",
            r"(?:^|\s)\+\d{9,14}(?:$|\D)",
            r"\b(?:call|text|number|phone|cell|tel)\b\D{1,40}\d{3}\)?[ .-]\d{4}(?:$|\D)",
            # As most of the world parts them: by country, or with a leading nought after a word for calling. No country
            # but two has one digit: "+5 10 15 20" is what was won.
            rf"(?:^|[\s:(])\+\(?(?:7|[2-9]\d{{1,2}})\)?(?:[ -]?\(0)?(?:{_PARTED_NUMBER})(?:$|\D)",
            r"(?:^|[\s:(])\+1 [2-9]\d{9}(?:$|\D)",
            rf"\b(?:{_CALLING})\b\D{{1,20}}\(?0\d{{1,4}}\)?"
            r"(?:[ ./-]{1,2}\d{5,9}|(?:[ ./-]{1,2}\d{2,4}){3,5})(?:$|\D)",
        )
    ),
    "emails": r"[a-z0-9._%+-]+@[a-z0-9-]+\.[a-z]{2,}",
    "ip_addresses": rf"(?:^|[^\d.])(?:{_OCTET}\.){{3}}{_OCTET}(?:$|[^\d.])",
    "street_addresses": "|".join(
        (
            rf"{_START}\d{{1,5}}[a-z]?\s+(?:[a-z]+\s+){{1,2}}(?:{_STREETS}){_END}",
            rf"{_START}\d{{2,5}}\s+[a-z]{{4,}}\s+(?:{_SHORT_STREETS}){_END}",
            rf"{_START}\d{{2,5}}\s+[a-z]{{4,}}\s+way\s*(?:$|[,.])",  # and not "way too big"
        )
    ),
}
"""By the name of their signal."""

SIGNS_OF = {"ghost_tags": "<{", "links": "./", "shorteners": "/", "mentions": "@", "emails": "@"}
"""Signs without one of which such a pattern is found in no text."""

OF_DIGITS = frozenset({"score_mock", "phones", "ip_addresses", "street_addresses"})
"""Those that are found in no text without a digit, of whatever script."""

ROUND = "|".join(f"{digit}{{6,}}" for digit in range(10))
"""So many of one digit no telephone has: a number that holds them is an amount, as +1000000000 points."""

_BYTES = r"(?:\.\d{1,3})"
NOBODYS_ADDRESS = "|".join(
    (
        rf"\b(?:0|10|127|255){_BYTES}{{3}}\b",
        rf"\b(?:192\.168|169\.254|172\.(?:1[6-9]|2\d|3[01])){_BYTES}{{2}}\b",
    )
)
"""Of a home network, of the machine itself, a mask: IP addresses that lead to nobody."""

_EMOTE = r"\w*[a-z]{2}[A-Z]\w+"
EMOTE_EZ = "|".join(
    (
        r"^(?:[^\s\[]*[a-z][^\s\[]*\s+){2,}EZ(?:$|\s+[A-Z])",
        r"\bEZ\s+Clap",
        rf"(?:^|\s){_EMOTE}\s(?:.*\s)?EZ\b",
        rf"\bEZ\s(?:.*\s)?{_EMOTE}",
    )
)
""""EZ" as an emote: after a sentence in lower case, or beside an emote's name; over the text as it came."""

PRONOUNS = {
    "second_person": "you|u|ur|your|yours|youre|yourself|urself|ya|ye|yall|thou",
    "first_person": "i|im|ive|me|my|myself|mine",
    "negation": "not|no|never|nobody|dont|doesnt|didnt|isnt|arent|wasnt|cant|cannot|wont|shouldnt|aint",
}
"""Whole words, by the name of their signal."""
