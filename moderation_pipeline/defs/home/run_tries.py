"""How often a run is tried, as its tags say: Dagster's daemon, workers and terminals go by them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from moderation_pipeline.errors import ModerationError

NOT_RETRIED = {"dagster/max_retries": "0"}
"""Tags a run that Dagster's daemon shall not try again: whoever made it does, or nobody shall."""

IN_VAIN = "moderation/another_try_is_in_vain"
"""Tags a run that failed for a reason that lasts (`is_lasting`): no key, a mistake in a config, no money for today."""


@contextmanager
def hopeless_is_marked(dagster: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Mark a run of which the block fails so that another try would too, before it is decided whether there is one.

    Dagster itself tries a run again whatever it failed of: `Failure(allow_retries=False)` is about tries of a step.
    """
    try:
        yield
    except ModerationError as error:
        if error.is_lasting:
            dagster.add_run_tags(run_id, {IN_VAIN: "true", **NOT_RETRIED})
        raise
