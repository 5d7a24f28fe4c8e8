"""Where the value of an environment variable may be sent: to its provider's own hosts, and where its owner allowed it.

A config may come from somebody else, and names both a variable and an address; so what may go where is said outside
the data folder alone: in a file of the user's own (`moderation allow`), or in MODERATION_KEY_HOSTS. Neither is ever
read from a .env, which lies in whatever folder one works in. Keys themselves are read by `keys.py`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from platformdirs import user_config_path

from moderation_pipeline.config.model_specs import Address
from moderation_pipeline.errors import ModerationError

ALLOWED_VARIABLE = "MODERATION_KEY_HOSTS"
"""Holds entries "NAME ADDRESS" with commas between, for machines on which nobody has a folder of their own."""

OWN_HOSTS: Mapping[str, tuple[str, ...]] = {
    "OPENAI": ("api.openai.com", "eu.api.openai.com", "us.api.openai.com"),
    "TOGETHER": ("api.together.ai", "api-inference.together.ai", "api.together.xyz"),
    "TYPESAFE": ("api.typesafe.ai",),
    "ANTHROPIC": ("api.anthropic.com",),
    "DEEPSEEK": ("api.deepseek.com",),
    "FIREWORKS": ("api.fireworks.ai",),
    "GEMINI": ("generativelanguage.googleapis.com",),
    "GROQ": ("api.groq.com",),
    "MISTRAL": ("api.mistral.ai",),
    "OPENROUTER": ("openrouter.ai",),
    "XAI": ("api.x.ai",),
}
"""The hosts of each provider, by the word that its variables begin with: OPENAI_API_KEY, OPENAI_KEY_OF_TEAM_B.

Exact names, never "whatever ends in": a host of a provider's customer may end so too.
"""

ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/[^\s\\?#@]*)?",
    re.IGNORECASE | re.ASCII,
)
"""Only what every client reads alike: no user, no escapes, no spaces, no letters that look like others."""

PORTS = {"http": "80", "https": "443"}
ENTRY = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s+(\S+)", re.ASCII)


class UnclearAddressError(ModerationError):
    """An address of which it can't be said for certain which host it means."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"{address!r} can't be given a key, for programs differ about which host it means. Write it as "
            "https://llm.example.org, with a port and a path where there are any; letters of a name beyond ASCII in "
            "their xn-- form."
        )


class KeyNotAllowedError(ModerationError):
    """A config that would send the value of a variable where it may not go."""

    def __init__(self, variable: str, origin: str) -> None:
        allowed = [f"https://{host}" for host in own_hosts(variable)]
        allowed += sorted(each.origin for each in allowed_by_name() if each.variable == variable)
        super().__init__(
            f"The config asks to send the value of {variable} to {origin}, where it may not go, and nothing was sent. "
            f"It may go to: {', '.join(allowed) or 'nowhere yet'}. If that server may have this key: "
            f"'moderation allow {variable} {origin}', once. If you didn't write this config, or don't know "
            "that address, don't; take base_url and api_key_env out of it instead."
        )


class AllowedKey(NamedTuple):
    """What was allowed once, by name: the variable, and scheme, host and port of a server."""

    variable: str
    origin: str


class BadAllowanceError(ModerationError):
    """An entry that can't be read, of the file or of the variable."""

    def __init__(self, where: str, line: str) -> None:
        super().__init__(
            f"{where}: got {line!r}. An entry is a variable's name and a server's address, such as "
            "'MY_KEY https://llm.example.org', and allows its value to be sent there."
        )


def check_may_be_sent(spec: Address) -> None:
    """See to it that the key of a spec goes nowhere but where it may.

    Raises:
        KeyNotAllowedError: it may not go to the spec's address.
        UnclearAddressError: it can't be said which host the address means.
    """
    variable = spec.key_variable
    if variable is None:
        return
    origin = _origin(spec)
    own = {f"https://{host}" for host in own_hosts(variable)}
    if (
        origin not in own
        and not is_this_machine(origin)
        and AllowedKey(variable, origin) not in allowed_by_name()
    ):
        raise KeyNotAllowedError(variable, origin)


def sent_here(spec: Address) -> str | None:
    """Return what is to be said of a key that goes to a port of this machine without having been allowed by name."""
    variable = spec.key_variable
    if variable is None or not is_this_machine(origin := _origin(spec)):
        return None
    if AllowedKey(variable, origin) in allowed_by_name():
        return None
    return (
        f"The value of {variable} is sent to {origin}, on this machine ('moderation allow {variable} {origin}' "
        "says that it should be)."
    )


def note_where_its_key_goes(spec: object, notes: list[str]) -> None:
    """Add what is to be said of a spec's key (`sent_here`), once."""
    note = sent_here(spec) if isinstance(spec, Address) else None
    if note is not None and note not in notes:
        notes.append(note)


def own_hosts(variable: str) -> tuple[str, ...]:
    """Return the hosts of the provider that the variable is named after; none where it is named after no provider."""
    return OWN_HOSTS.get(variable.partition("_")[0], ())


def origin_of(address: str) -> str:
    """Return scheme, host and port of an address, written in the one way in which addresses are compared.

    Raises:
        UnclearAddressError: it can't be said which host it means.
    """
    match = ADDRESS.fullmatch(address)
    if match is None:
        raise UnclearAddressError(address)
    scheme, host = match["scheme"].lower(), match["host"].lower()
    port = (match["port"] or "").lstrip("0")
    return f"{scheme}://{host}" + (f":{port}" if port and port != PORTS[scheme] else "")


def is_this_machine(origin: str) -> bool:
    """Whether an origin is a port of this machine, by its name or number; other names are what DNS makes of them."""
    match = ADDRESS.fullmatch(origin)
    host = match["host"].strip("[]") if match is not None else ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def allowed_by_name() -> frozenset[AllowedKey]:
    """Return what was allowed, in the user's own file and in MODERATION_KEY_HOSTS.

    Raises:
        BadAllowanceError: an entry that can't be read; it is not passed over, for somebody relies on it.
    """
    path = allowances_file()
    written = path.read_text("utf-8").splitlines() if path.is_file() else []
    entries = [(str(path), line) for line in written]
    entries += [(ALLOWED_VARIABLE, each) for each in os.environ.get(ALLOWED_VARIABLE, "").split(",")]
    return frozenset(
        _allowed(where, line.strip())
        for where, line in entries
        if line.strip() and not line.lstrip().startswith("#")
    )


def allow(variable: str, address: str) -> AllowedKey:
    """Write down that the variable's value may be sent to the address, from now on, by every config.

    Raises:
        BadAllowanceError: no name of a variable.
        UnclearAddressError: it can't be said which host the address means.
    """
    entry = _allowed("moderation allow", f"{variable} {address}")
    if entry not in allowed_by_name():
        path = allowances_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{entry.variable} {entry.origin}\n")
    return entry


def allowances_file() -> Path:
    """Return the file in which a user allows, in the folder in which programs keep the user's own settings."""
    return user_config_path("moderation", appauthor=False) / "key_hosts"


def _allowed(where: str, line: str) -> AllowedKey:
    match = ENTRY.fullmatch(line)
    if match is None:
        raise BadAllowanceError(where, line)
    return AllowedKey(match[1], origin_of(match[2]))


def _origin(spec: Address) -> str:
    """Return where a spec's calls go: to its address, else to its provider's first host."""
    return origin_of(spec.base_url) if spec.base_url else f"https://{own_hosts(spec.key_named)[0]}"
