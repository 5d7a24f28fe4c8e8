"""`moderation allow`: which key may be sent to which server, said once and outside every data folder."""

from __future__ import annotations

import click

from moderation_pipeline.terminal.screen import (
    print_records,
    say,
)


@click.command()
@click.argument("variable", required=False)
@click.argument("address", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per allowed key.")
def allow(variable: str | None, address: str | None, as_json: bool) -> None:
    """Allow configs to send the key in VARIABLE to the server at ADDRESS; without either, list what is allowed.

    \b
    moderation allow MY_KEY https://llm.example.org     a server of your own, or a provider's that isn't known
    moderation allow                                    what was allowed, and in which file it stands

    A provider's key goes to that provider's own hosts without being allowed, and to no other. A data folder can't
    allow anything: a config that came with one would else read any variable of yours.
    """
    from moderation_pipeline.backends import key_hosts

    if (variable is None) != (address is None):
        raise click.UsageError("Give both: the variable's name, and the server's address.")
    if variable is not None and address is not None:
        allowed = key_hosts.allow(variable, address)
        say(
            f"The value of {allowed.variable} may be sent to {allowed.origin} ({key_hosts.allowances_file()})."
        )
        return
    say(f"Allowed by name, in {key_hosts.allowances_file()} or {key_hosts.ALLOWED_VARIABLE}:")
    print_records(sorted(key_hosts.allowed_by_name()), key_hosts.AllowedKey._fields, as_json=as_json)
