"""What the listing commands tell: which chats and configs there are, and how users stand after a run.

Each returns a frame, so that the same answer is drawn for people and printed as JSON for scripts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from moderation_pipeline.comments.chat_files import SYNTHETIC, chat_files, chat_name, named_twice
from moderation_pipeline.comments.keeping.chat_leavings import leavings
from moderation_pipeline.comments.keeping.chat_states import ChatState, chat_states
from moderation_pipeline.config.config_errors import ConfigError
from moderation_pipeline.config.config_keys import ConfigKey, config_keys
from moderation_pipeline.config.config_library import ConfigLibrary
from moderation_pipeline.config.own_rules import own_rules
from moderation_pipeline.config.run_config import DEFAULT_CONFIG, NamedConfig
from moderation_pipeline.config.sanctions import load_sanctions
from moderation_pipeline.errors import ModerationError, closest
from moderation_pipeline.slugs import check_slug
from moderation_pipeline.terminal.whose_labels import are_acts
from moderation_pipeline.text.visible import legible
from moderation_pipeline.warehouse.files import stored_partitions
from moderation_pipeline.warehouse.folder import DATA_VARIABLE, DataFolder
from moderation_pipeline.warehouse.tables import COMMENTS
from moderation_pipeline.warehouse.views import query

INGESTED = """
select i.chat, i.format, i.comments, i.rejected, c.channels, c.users, c.labelled, c.violations,
       c.first_sent_at, c.last_sent_at, r.configs
from (
    select chat, string_agg(distinct format, ', ') as format, sum(comments)::bigint as comments,
           sum(rejected)::bigint as rejected
    from ingestion group by chat
) i
left join (
    select chat, count(distinct channel) as channels, count(distinct user_id) as users,
           count(label_is_violation) as labelled, count(*) filter (label_is_violation) as violations,
           min(sent_at) as first_sent_at, max(sent_at) as last_sent_at
    from comments group by chat
) c on c.chat = i.chat
left join (
    select chat, string_agg(config, ', ' order by config) as configs from metrics group by chat
) r on r.chat = i.chat
"""

USERS_BY_CONFIG = """
with people as (
    select config, user_id, max(strikes) as strikes, bool_or(standing = 'banned') as is_banned,
           sum(comments) as comments, sum(warnings) as warnings, sum(deletions) as deletions,
           sum(timeouts) as timeouts, sum(bans) as bans, sum(under_sanction) as under_sanction
    from user_state where chat = '{chat}' and {configs} group by config, user_id
)
select config, count(user_id) as users,
       count(user_id) filter (comments = 1) as wrote_once,
       count(user_id) filter (warnings + deletions + timeouts + bans > 0) as sanctioned,
       count(user_id) filter (strikes > 0) as with_strikes,
       count(user_id) filter (is_banned) as banned,
       sum(comments)::bigint as comments,
       sum(warnings)::bigint as warnings, sum(deletions)::bigint as deletions,
       sum(timeouts)::bigint as timeouts, sum(bans)::bigint as bans,
       sum(under_sanction)::bigint as silenced_comments
from people group by config order by config
"""
"""One who wrote in several channels is one; comments of nobody known are of no user, and counted as comments."""

MOST_SANCTIONED = """
select config, channel, user_name, user_id, comments, warnings, deletions, timeouts, bans,
       wrongful_sanctions as {wrong}, strikes, standing
from (
    select *, row_number() over (
        partition by config
        order by bans desc, timeouts desc, deletions desc, warnings desc, channel, user_id
    ) as rank
    from sanctioned_users where chat = '{chat}' and {configs}
)
where rank <= {top} order by config, rank
"""


NOT_MADE = ChatState("unread", "'moderation run' makes and reads it")
"""The synthetic chat before it was first generated."""


class NoSuchChatError(ModerationError):
    """A chat that was never added."""

    def __init__(self, chat: str, known: Sequence[str], folder: DataFolder) -> None:
        if Path(chat).exists():
            kind = "folder" if Path(chat).is_dir() else "file"
            fix = f"It is a {kind}: 'moderation add {chat}' adds it as {chat_name(Path(chat))!r}."
        else:
            fix = f"Chats are: {', '.join(known)}. 'moderation add FILE' adds one."
        where = f"Looked for in {folder.chats}; another data folder is named by --data or {DATA_VARIABLE}."
        super().__init__(f"There is no chat {chat!r}.{closest(chat, known)} {fix} {where}")


class NoSuchKeyError(ModerationError):
    """A key that no config may hold."""

    def __init__(self, prefix: str) -> None:
        names = [each.key for each in config_keys()]
        super().__init__(
            f"No key of a config begins with {prefix!r}.{closest(prefix, names)} 'moderation configs --keys' lists all."
        )


class NothingRunError(ModerationError):
    """A question about runs that were never made."""

    def __init__(self, chat: str, config: str | None, folder: DataFolder) -> None:
        under = f" under config {config!r}" if config else ""
        with_config = f" --config {config}" if config else ""
        super().__init__(
            f"The chat {chat!r} has not been moderated{under} yet: moderation run {chat}{with_config}. "
            f"Looked for in {folder.root}."
        )


def chats(folder: DataFolder) -> pl.DataFrame:
    """Return one row per chat: those under data/chats, those in the warehouse, and the synthetic one.

    With how it stands, and what it takes on disk.
    """
    files = chat_files(folder)
    states = chat_states(folder)
    ingested = query(folder, INGESTED)
    known = pl.DataFrame(
        {"chat": sorted({*states, *ingested["chat"], SYNTHETIC})}, schema={"chat": pl.String}
    )
    names = {name: legible(f"{path.name}/" if path.is_dir() else path.name) for name, path in files.items()}
    file_names = known["chat"].replace_strict(names, default=None)
    told = [states.get(chat, NOT_MADE) for chat in known["chat"]]
    sizes = [
        sum(each.size for each in leavings(folder, chat, files.get(chat))) / 1e6 for chat in known["chat"]
    ]
    return (
        known.with_columns(
            pl.Series("state", [each.state for each in told], pl.String),
            pl.Series("why", [legible(each.why) or None for each in told], pl.String),
            pl.Series("megabytes", sizes, pl.Float64),
            file=file_names.cast(pl.String),
        )
        .join(ingested, on="chat", how="left")
        .join(_stale(folder), on="chat", how="left")
        .sort("chat")
    )


def _stale(folder: DataFolder) -> pl.DataFrame:
    """Return by chat the configs whose runs are of comments, or of a config, that have changed since."""
    asked = "select chat, string_agg(config, ', ' order by config) as stale from stale_runs group by chat"
    return query(folder, asked)


def known_chats(folder: DataFolder) -> list[str]:
    """Return the chats that have a file or comments, and the one that is generated."""
    stored = [path.stem for path in stored_partitions(folder, COMMENTS)]
    return sorted({*chat_files(folder), *named_twice(folder), *stored, SYNTHETIC})


def require_chat(folder: DataFolder, chat: str) -> str:
    """Return the name if there is such a chat: a file, one in the warehouse, or the one that is generated.

    Raises:
        NoSuchChatError: there is none; it suggests a close name, or to add the file of that name.
    """
    known = known_chats(folder)
    if chat not in known:
        raise NoSuchChatError(chat, known, folder)
    return chat


class Users(NamedTuple):
    """How the users of a chat stand: counts by config, and those with the most sanctions under one."""

    by_config: pl.DataFrame
    most_sanctioned: pl.DataFrame


def users(folder: DataFolder, chat: str, configs: Sequence[str], *, top: int) -> Users:
    """Return the state statistics of a chat's users under some configs, all where none is named.

    Users are named under the configs asked for; where none was, under the default one, or the first there is.

    Raises:
        NoSuchChatError: no such chat.
        NothingRunError: the chat was not moderated under these configs.
    """
    require_chat(folder, chat)
    by_config = query(folder, USERS_BY_CONFIG.format(chat=chat, configs=_among(configs)))
    known = by_config["config"].to_list()
    missing = [config for config in configs if config not in known]
    if missing or not known:
        raise NothingRunError(chat, missing[0] if missing else None, folder)
    shown = configs or [DEFAULT_CONFIG if DEFAULT_CONFIG in known else known[0]]
    # What moderators let be is not known to be wrong.
    wrong = "let_be" if are_acts(folder, chat) else "wrongful"
    most = query(folder, MOST_SANCTIONED.format(chat=chat, configs=_among(shown), top=top, wrong=wrong))
    return Users(by_config, most)


def _among(configs: Sequence[str]) -> str:
    """Return the SQL that keeps some configs; slugs need no quoting that could be broken out of."""
    names = ", ".join(f"'{check_slug(config, 'Config')}'" for config in configs)
    return f"config in ({names})" if names else "true"


def keys(prefix: str) -> pl.DataFrame:
    """Return every key of a config that begins with the prefix: allowed, default, meaning.

    Raises:
        NoSuchKeyError: there is none.
    """
    found = config_keys(prefix)
    if not found:
        raise NoSuchKeyError(prefix)
    return pl.DataFrame(found, schema=ConfigKey._fields, orient="row")


def configs(folder: DataFolder) -> tuple[pl.DataFrame, list[str]]:
    """Return one row per valid config, and what is wrong with each of the others."""
    library = ConfigLibrary(folder)
    rows, problems = [], []
    for name in library.names():
        try:
            named = usable_config(folder, library, name)
            rows.append(_config_row(named, is_own=library.is_own(name)))
        except ConfigError as error:
            problems.append(str(error))
    return pl.DataFrame(rows, schema=list(ConfigRow._fields), orient="row"), problems


class ConfigRow(NamedTuple):
    """A config as it is listed; `replaces` names the data folder's files that stand for ready-made ones in it."""

    config: str
    regime: str
    student: str
    expert: str
    memory: str
    audits: str
    source: str
    replaces: str | None
    description: str


def usable_config(folder: DataFolder, library: ConfigLibrary, name: str) -> NamedConfig:
    """Return the config of that name, once the files that it names are seen to be usable too.

    Raises:
        ModerationError: the config, its sanctions or its rules can't be used.
    """
    named = library.load(name)
    try:
        load_sanctions(named.config.sanctions, folder)
        own_rules(named.config.rules, folder)
    except ModerationError as error:
        raise ConfigError(f"{named.path}: {error}") from None
    return named


def _config_row(named: NamedConfig, *, is_own: bool) -> ConfigRow:
    config, audit = named.config, named.config.audit
    share = f" {audit.rate:.3g}" if audit.policy not in ("all", "none") else ""
    return ConfigRow(
        config=named.name,
        regime=config.regime,
        student="none" if config.student == "none" else config.student.backend,
        expert="none" if config.expert == "none" else config.expert.backend,
        memory=config.memory.embedder if config.memory else "none",
        audits=f"{audit.policy}{share}",
        source=str(named.path) if is_own else "ready-made",
        replaces=" ".join(each.note for each in named.replaces) or None,
        description=config.description,
    )
