from __future__ import annotations

from importlib.util import find_spec

import pytest

from moderation_pipeline.backends.keys import UnusableBackendError
from moderation_pipeline.backends.local.hf import HfModel


@pytest.mark.skipif(find_spec("torch") is not None, reason="the extra `local` is installed")
def test_without_the_extra_the_backend_says_what_to_install() -> None:
    with pytest.raises(UnusableBackendError, match="Install the extra `local`"):
        HfModel("gpt2")
