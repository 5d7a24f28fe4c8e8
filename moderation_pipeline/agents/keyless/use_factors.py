"""By how much the way a term is used weakens or strengthens what it tells: every such number, and its source.

Which use it is, is read in `word_use`, `abuse_reading` and `hate_reading`; what a term tells by itself is
`signal_evidence`'s.
"""

from __future__ import annotations

from typing import NamedTuple


class AbuseFactors(NamedTuple):
    """Factors on the chance that one hit of insults, swearing, threats and the like tells."""

    quoted: float = 0.15
    homonym: float = 0.2
    """Beside a word that shows its harmless meaning."""
    aside: float = 0.2
    """A part of something else, or a thing that is only mentioned."""
    condemned: float = 0.3
    denied: float = 0.4
    of_nobody: float = 0.4
    """An insult to oneself or to a thing."""
    groups_own: float = 0.4
    """A group's own word, of its people and rights, or with warmth."""
    told: float = 0.4
    """A dismissal that is told of, or an idiom."""
    reported: float = 0.45
    """An insult that another is said to have said, or that is fondly meant."""
    joking: float = 0.55
    """Words of self-harm with laughter, or as a curse."""
    ordinary_noun: float = 0.6
    """An insult that is an ordinary noun besides, where nobody is addressed."""
    swearing_aside: float = 0.7
    """Swearing at a thing, as an exclamation, or in a kind sentence."""
    swearing_in_a_tale: float = 0.75
    aimed: float = 1.05
    in_a_sentence: float = 0.5
    """A term that is an ordinary word besides, in a sentence that is at nobody."""
    real_life: float = 1.1
    swearing: float = 1.2
    """Where none of the other uses of swearing is seen."""
    swearing_at_someone: float = 1.35
    origins_beside: float = 0.3
    """One of several countries that a sentence tells of: "the russian team plays the brazilian one"."""

    origin_alone: float = 1.35
    """Someone's origin as nearly all that is said. In a longer sentence it is worth what it is alone."""
    won_easily: float = 2.8
    """What was won, called easy: brings a weak taunt (.22) above one half."""
    called_so: float = 5.5
    """A weak insult (.12) as what someone is called: brings it above one half."""


class HateFactors(NamedTuple):
    """Factors on the chance that slurs, and predicates of a protected group, tell."""

    slur_mentioned: float = 0.2
    """Quoted or condemned."""
    slur_reclaimed: float = 0.3
    condemned: float = 0.25
    own_group: float = 0.4
    warm: float = 0.55


ABUSE = AbuseFactors()
HATE = HateFactors()
"""All set by hand, in steps of about .05, and none fitted. What the careful rules were developed on is the train split
of CONDA, a half of HateCheck's templates and its list of functionalities (Röttger et al. 2021); which of it moved which
number was not kept. Only what they do together is measured (`benchmarks/keyless_quality.py`, what was held out apart),
never one of them alone. Most matter by the side of one half (`evidence.LIKELY`) on which they leave a single hit."""
