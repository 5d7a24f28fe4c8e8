"""The database that machines share: its address is not repeated, its tables are made once, a restart is waited for."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.folder import STORE_VARIABLE
from moderation_pipeline.warehouse.shared_database import (
    StoreAddressError,
    StoreUnreachableError,
    in_transaction,
    make_tables,
    place_of,
    shared_database,
)
from moderation_pipeline_tests.postgres_server import PASSWORD, PostgresServer

A_TABLE = ("create table if not exists moderation.numbers (number integer primary key)",)


def test_one_machine_shares_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    for unset in ("", "  "):
        monkeypatch.setenv(STORE_VARIABLE, unset)
        assert shared_database() is None
    monkeypatch.delenv(STORE_VARIABLE)
    assert shared_database() is None


@pytest.mark.parametrize(
    "address",
    [
        "mysql://moderator:geheim@host/db",
        "moderator:geheim@host/db",
        "postgresql://moderator:geheim@geheim@host/db",
        "postgresql://moderator:geheim@host",
        "postgresql://moderator:geheim@host:geheim/db",
    ],
    ids=["another kind", "no kind", "an unescaped @", "no database", "a port in letters"],
)
def test_an_address_that_can_t_be_used_is_not_repeated(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STORE_VARIABLE, address)

    with pytest.raises(StoreAddressError, match=r"Write it as postgresql://") as raised:
        shared_database()
    assert "geheim" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.fixture
def database(shared_store: str) -> Engine:
    found = shared_database()
    assert found is not None
    assert shared_store
    return found


def test_the_connections_are_kept_for_the_process(database: Engine) -> None:
    assert database is shared_database()
    assert PASSWORD not in place_of(database)
    assert PASSWORD not in repr(database)
    with database.connect() as connection:
        assert connection.scalar(text("show application_name")) == "moderation"


def test_tables_are_made_by_many_at_once(database: Engine) -> None:
    with ThreadPoolExecutor(4) as threads:
        for made in [threads.submit(make_tables, database, f"room {n}", A_TABLE) for n in range(4)]:
            made.result()

    assert (
        in_transaction(database, lambda each: each.scalar(text("select count(*) from moderation.numbers")))
        == 0
    )


def test_an_error_of_a_statement_is_not_tried_again_and_shows_no_values(database: Engine) -> None:
    with pytest.raises(ProgrammingError) as raised:
        in_transaction(
            database, lambda each: each.execute(text("select :said from nowhere"), {"said": "geheim"})
        )
    assert "geheim" not in str(raised.value)


def test_a_restart_is_waited_for_and_said_once(
    own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(STORE_VARIABLE, own_postgres.url)
    database = shared_database()
    assert database is not None
    make_tables(database, "test", A_TABLE)
    own_postgres.stop("immediate")
    again = threading.Timer(1.0, own_postgres.start)
    again.start()

    with caplog.at_level(logging.WARNING):
        in_transaction(database, lambda each: each.execute(text("insert into moderation.numbers values (1)")))
    again.join()

    assert [record.getMessage().partition(" (")[0] for record in caplog.records] == [
        f"The shared store at 127.0.0.1:{own_postgres.port}/postgres doesn't answer"
    ]
    assert PASSWORD not in caplog.text


def test_patience_ends_with_what_to_do(own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STORE_VARIABLE, own_postgres.url)
    own_postgres.stop()
    database = shared_database()
    assert database is not None

    with pytest.raises(StoreUnreachableError, match=r"didn't answer for 0 s.*Is it up") as raised:
        in_transaction(database, lambda each: each.scalar(text("select 1")), patience_s=0.2)
    assert isinstance(raised.value, ModerationError)
    assert PASSWORD not in str(raised.value)


def test_a_wrong_password_is_said_without_it(shared_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STORE_VARIABLE, shared_store.replace(PASSWORD, "geheim"))
    monkeypatch.setattr("moderation_pipeline.warehouse.shared_database.REFUSED_S", 0.1)
    database = shared_database()
    assert database is not None

    with pytest.raises(StoreUnreachableError, match="password authentication failed") as raised:
        in_transaction(database, lambda each: each.scalar(text("select 1")))
    assert "geheim" not in str(raised.value)
