"""What somebody is told of a night that failed, or is to be looked at: one POST of JSON to an address that is set.

The address may itself be a secret (many chat services' are), so it stands in no file, table, log or error. What is
sent is what the terminal says, never a comment and never a key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from threading import Thread
from typing import Any
from urllib.parse import urlsplit
from urllib.request import HTTPErrorProcessor, Request, build_opener

WEBHOOK = "MODERATION_WEBHOOK"
"""The environment variable that holds the address; never a .env, which may have come with a folder."""

WAITED_S = 10.0
"""So long in all: a server that answers a byte now and then would hold a night up for ever."""


class _AsItComes(HTTPErrorProcessor):
    """Follows no redirect: what is meant for one address goes to no other."""

    def http_response(self, request: Request, response: Any) -> Any:  # noqa: ARG002
        """Return the response, whatever it says."""
        return response

    https_response = http_response


def alert(
    variables: Mapping[str, str],
    text: str,
    failed: Sequence[Mapping[str, object]],
    warned: Sequence[Mapping[str, object]] = (),
) -> str | None:
    """Send an alert where an address is set, and return in words why it could not be sent; null where all is well.

    The body is `{"text": ..., "failed": [{"chat": ..., "failures": [...]}, ...], "warned": [{"chat": ..., "warnings":
    [...]}, ...]}`; `text` alone is what chat services show.
    """
    address = variables.get(WEBHOOK, "").strip()
    if not address:
        return None
    if not _is_of_the_web(address):
        return f"No alert was sent: {WEBHOOK} holds no address that begins with http:// or https://."
    body = json.dumps({"text": text, "failed": list(failed), "warned": list(warned)}).encode()
    request = Request(address, data=body, headers={"Content-Type": "application/json"}, method="POST")
    problems: list[str | None] = []
    sending = Thread(target=lambda: problems.append(_sent(request)), daemon=True)
    sending.start()
    sending.join(WAITED_S)
    return (
        problems[0]
        if problems
        else f"The address in {WEBHOOK} did not answer the alert within {WAITED_S:.0f} s."
    )


def _is_of_the_web(address: str) -> bool:
    try:
        return urlsplit(address).scheme in ("http", "https")
    except ValueError:
        return False


def _sent(request: Request) -> str | None:
    """Send it, and return what is wrong; never in an error's own words, which may hold the address."""
    try:
        with build_opener(_AsItComes).open(request, timeout=WAITED_S) as response:
            status = response.status
    except (HTTPException, OSError, ValueError) as error:  # HTTPError and URLError are OSErrors
        return f"The alert could not be sent to the address in {WEBHOOK} ({type(error).__name__})."
    return None if status < 300 else f"The alert was refused by the address in {WEBHOOK} (HTTP {status})."
