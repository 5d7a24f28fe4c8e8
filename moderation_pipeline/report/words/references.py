"""What a report cites, as BibTeX: the report itself, and the papers whose methods its numbers are made by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import version

PAPERS = {
    "horvitz1952generalization": """@article{horvitz1952generalization,
  title   = {A generalization of sampling without replacement from a finite universe},
  author  = {Horvitz, Daniel G. and Thompson, Donovan J.},
  journal = {Journal of the American Statistical Association},
  volume  = {47}, number = {260}, pages = {663--685}, year = {1952}
}""",
    "wilson1927probable": """@article{wilson1927probable,
  title   = {Probable inference, the law of succession, and statistical inference},
  author  = {Wilson, Edwin B.},
  journal = {Journal of the American Statistical Association},
  volume  = {22}, number = {158}, pages = {209--212}, year = {1927}
}""",
    "clopper1934confidence": """@article{clopper1934confidence,
  title   = {The use of confidence or fiducial limits illustrated in the case of the binomial},
  author  = {Clopper, C. J. and Pearson, E. S.},
  journal = {Biometrika},
  volume  = {26}, number = {4}, pages = {404--413}, year = {1934}
}""",
    "korn1998confidence": """@article{korn1998confidence,
  title   = {Confidence intervals for proportions with small expected number of positive counts estimated from
             survey data},
  author  = {Korn, Edward L. and Graubard, Barry I.},
  journal = {Survey Methodology},
  volume  = {24}, number = {2}, pages = {193--201}, year = {1998}
}""",
    "cameron2011robust": """@article{cameron2011robust,
  title   = {Robust inference with multiway clustering},
  author  = {Cameron, A. Colin and Gelbach, Jonah B. and Miller, Douglas L.},
  journal = {Journal of Business \\& Economic Statistics},
  volume  = {29}, number = {2}, pages = {238--249}, year = {2011}
}""",
    "westfall1993resampling": """@book{westfall1993resampling,
  title     = {Resampling-based multiple testing: examples and methods for p-value adjustment},
  author    = {Westfall, Peter H. and Young, S. Stanley},
  publisher = {Wiley}, year = {1993}
}""",
}

SPECIAL = re.compile(r"[\\{}$&#%_~^]")
WORDED = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def bibtex(title: str, note: str, papers: Sequence[str]) -> str:
    """Return the entry of a report, then those of the papers; who cites adds author and year, which nothing here knows.

    Title and note may hold anything that a file or a chat is called.
    """
    made_by = f"Version {version('moderation-pipeline')}; {note}"
    own = f"@misc{{moderation-pipeline,\n  title  = {{{_tex(title)}}},\n  note   = {{{_tex(made_by)}}}\n}}"
    return "\n".join((own, *(PAPERS[name] for name in papers)))


def _tex(text: str) -> str:
    """Return text as LaTeX prints it."""
    return SPECIAL.sub(lambda found: WORDED.get(found[0], f"\\{found[0]}"), text)
