"""`moderation promote`: make a config the champion of a chat or channel, if its stored runs don't speak against it."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime

import click

from moderation_pipeline.terminal.screen import print_json, print_table, say
from moderation_pipeline.warehouse.folder import DataFolder


@click.command()
@click.argument("name", required=False)
@click.argument("config", required=False)
@click.option("--accept", "reason", default="", help="Promote it though the comparison speaks against it.")
@click.option("--by", default=None, help="Who promotes it. Default: the user of this machine.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def promote(name: str | None, config: str | None, reason: str, by: str | None, as_json: bool) -> None:
    """Make CONFIG the champion of NAME, a chat or a channel. Without arguments, show the champions.

    \b
    moderation promote                                who is champion, since when and why
    moderation run stream -c hybrid -c learned        both on the same comments, then:
    moderation promote stream learned
    moderation promote stream learned --accept "half the price"

    The candidate's runs are held against the champion's (hybrid until one is promoted) in pairs, chat by chat. It is
    refused where it is worse by more than chance on any chat, and where nothing can be known. 'moderation run -c
    champion', and nights whose settings say so, use it; later runs are held against the one that was accepted.
    """
    from moderation_pipeline.config.champions import champions

    folder = DataFolder.find()
    if name is None or config is None:
        if name is not None:
            raise click.UsageError("Name the config too: moderation promote NAME CONFIG.")
        found = [each.model_dump(mode="json") for each in champions(folder).promotions]
        if as_json:
            print_json(found)
        else:
            rows = [tuple(str(each[key]) for key in SHOWN) for each in reversed(found)]
            print_table(list(SHOWN), rows)
        return
    _promoted(folder, name, config, reason, by or getpass.getuser(), as_json=as_json)


SHOWN = ("scope", "name", "config", "instead_of", "promoted_at", "by", "why", "accepted")


def _promoted(folder: DataFolder, name: str, config: str, reason: str, by: str, *, as_json: bool) -> None:
    from moderation_pipeline.config.champions import Promotion, champions, promoted
    from moderation_pipeline.config.config_library import ConfigLibrary
    from moderation_pipeline.config.run_config import DEFAULT_CONFIG
    from moderation_pipeline.terminal.questions import promoting

    named = ConfigLibrary(folder).load(config)
    place = promoting.place_of(folder, name)
    promoted_before = champions(folder).of(place.scope, place.name)
    if promoted_before == config and not reason:
        raise promoting.AlreadyChampionError(place, config)
    champion = promoted_before or DEFAULT_CONFIG
    verdict = promoting.compared(folder, place, champion, config)
    if champion != config and not verdict.may_be_promoted and not reason:
        raise promoting.RefusedPromotionError(verdict, place)
    promotion = Promotion(
        scope=place.scope,
        name=place.name,
        config=config,
        config_hash=named.config_hash,
        instead_of=champion,
        promoted_at=datetime.now(UTC),
        by=by,
        why=verdict.said,
        accepted=reason,
    )
    promoted(folder, promotion)
    if as_json:
        print_json(promotion.model_dump(mode="json"))
    else:
        say(f"{config} is the champion of {place.scope} {place.name}. {verdict.said}.")
    _accepted(folder, verdict.made_on, config, reason or f"promoted by {by}")


def _accepted(folder: DataFolder, chats: list[str], config: str, why: str) -> None:
    """Make the champion's runs those that later ones are held against."""
    from moderation_pipeline.launch import launcher

    with launcher(folder) as launch:
        for chat in chats:
            launch.accept_run(chat, config, why)
