"""Chat moderation as a data pipeline: who decided what, what it cost, and whether it can be trusted."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moderation_pipeline.contest.table_evaluation import evaluate as evaluate


def leave_out_the_working_directory() -> None:
    """See to it that a module of this package that runs as the program imports nothing from the working directory.

    `python -m` puts that folder in front of all others, and it may have come from somebody else: a module `yaml` in it
    would be run. It is done here, which is the first of ours to run; what `moderation` starts has PYTHONSAFEPATH set.
    """
    program = next(
        (name for flag, name in zip(sys.orig_argv, sys.orig_argv[1:], strict=False) if flag == "-m"), ""
    )
    if program.partition(".")[0] == __name__ and not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:
        del sys.path[0]


def add_up_in_one_order() -> None:
    """Keep numpy's linear algebra to one core, before numpy is imported, which reads how many it may use then.

    How OpenBLAS cuts a sum up depends on how many cores there are, and so do its last digits: a bound of an interval
    was another one on a worker, whose Ray allows one core, than on the machine that asked (law 1). It is no slower,
    for sums as short as ours.
    """
    os.environ["OPENBLAS_NUM_THREADS"] = "1"


leave_out_the_working_directory()
add_up_in_one_order()


def __getattr__(name: str) -> object:
    """Return `evaluate`, imported when it is first asked for: the package itself stays light."""
    if name != "evaluate":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from moderation_pipeline.contest.table_evaluation import evaluate

    return evaluate
