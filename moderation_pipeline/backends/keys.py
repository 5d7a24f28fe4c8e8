"""Keys: read from the environment or a .env file when a run begins, and from nowhere else.

Nothing here logs, stores or prints a key; errors name the variable.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from moderation_pipeline.errors import ModerationError

DOTENV_VARIABLE = "MODERATION_DOTENV_FOLDER"
"""Hands over whose .env is meant to a process with another working directory."""


class UnusableBackendError(ModerationError):
    """A backend that can't be used here: no key, no extra, no weights. A config's `fallback` is for these."""

    is_lasting = True


class MissingKeyError(UnusableBackendError):
    """No key where one is needed."""

    def __init__(self, backend: str, variable: str) -> None:
        super().__init__(
            f"The config asks for backend {backend!r}, but {variable} is not set. Set it in the environment "
            "or in .env, or choose a keyless backend, or let `fallback: rules` step in."
        )


class UnsendableKeyError(UnusableBackendError):
    """A key with a character in it that no key has; which one is not said, for it is a secret's."""

    def __init__(self, variable: str) -> None:
        super().__init__(
            f"{variable} holds a character that no key has, such as a curly quote or a space. Type it anew, in the "
            "environment or in .env, between plain quotes or none."
        )


class UnreadableEnvError(ModerationError):
    """A .env that is no text in UTF-8."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is no text in UTF-8. Save it as UTF-8; keys and their names are ASCII.")


def environment(folder: Path | None = None) -> Mapping[str, str]:
    """Return the environment, over what the folder's .env says (the working directory's, by default).

    For keys to be looked up in, never to be given to a process: a .env may name whatever that process obeys. What it
    says is taken as it stands, so that none of its names can take the value of another variable.

    Raises:
        UnreadableEnvError: the .env is no text in UTF-8.
    """
    path = (folder or Path(os.environ.get(DOTENV_VARIABLE) or Path.cwd())) / ".env"
    try:
        said = dotenv_values(path, interpolate=False)
    except UnicodeDecodeError:
        raise UnreadableEnvError(path) from None
    written = {name: value for name, value in said.items() if value is not None}
    return {**written, **os.environ}


def key_for(backend: str, variable: str | None, variables: Mapping[str, str]) -> str:
    """Return the key that the variable holds; where none is named, none is sent.

    Raises:
        MissingKeyError: the variable is not set, or empty.
        UnsendableKeyError: it holds what can't be sent as a key.
    """
    if variable is None:
        return ""
    key = variables.get(variable, "").strip()
    if not key:
        raise MissingKeyError(backend, variable)
    if not all("!" <= character <= "~" for character in key):
        raise UnsendableKeyError(variable)
    return key
