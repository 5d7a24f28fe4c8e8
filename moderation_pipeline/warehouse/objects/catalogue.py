"""The catalogue: which object is which file of which part, in the database that all machines share.

A publication is one transaction over all its parts, and a reader's snapshot one statement over all tables. What was
replaced or taken out is remembered with its time, so that mirrors can follow and objects be swept after a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.objects.parts import PLACES, PublishedPart, place_of
from moderation_pipeline.warehouse.shared_database import SCHEMA, in_transaction, lock_number, make_tables

Result = TypeVar("Result")

METADATA = sa.MetaData(schema=SCHEMA)

OF_A_PART = (("kind", sa.Text), ("chat", sa.Text), ("config", sa.Text))
OF_A_FILE = (
    *OF_A_PART,
    ("place", sa.Text),
    ("sha256", sa.Text),
    ("size", sa.BigInteger),
    ("mtime_ns", sa.BigInteger),
)

PARTS = sa.Table(
    "warehouse_parts",
    METADATA,
    *(sa.Column(name, kind, primary_key=True) for name, kind in OF_A_PART),
    sa.Column("times", sa.BigInteger, nullable=False),
)
"""A row for each part that was ever published: who replaces the part holds the row until he is through."""

FILES = sa.Table(
    "warehouse_files",
    METADATA,
    sa.Column("path", sa.Text, primary_key=True),
    *(sa.Column(name, kind, nullable=False) for name, kind in OF_A_FILE),
    sa.Index("warehouse_files_of_part", "chat", "kind", "config"),
    sa.Index("warehouse_files_in_place", "place"),
    sa.Index("warehouse_files_by_object", "sha256"),
)

RETIRED = sa.Table(
    "warehouse_retired",
    METADATA,
    sa.Column("path", sa.Text, nullable=False),
    *(sa.Column(name, kind, nullable=False) for name, kind in OF_A_FILE),
    sa.Column("is_gone", sa.Boolean, nullable=False),
    sa.Column("retired_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("warehouse_retired_by_object", "sha256"),
    sa.Index("warehouse_retired_gone", "chat", postgresql_where=sa.text("is_gone")),
)
"""Files that were replaced, or are gone: `is_gone` where nothing took their place."""

SWEPT = sa.Table("warehouse_swept", METADATA, sa.Column("sha256", sa.Text, primary_key=True))
"""Objects that are just being deleted: whoever put one of them meanwhile has to put it again."""

SWEEPING = lock_number("sweeping objects")

FOLDER = ""
"""Stands for a folder's content: it is made, and its time set, which tells that a file was taken from it."""


class ForeignFileError(ModerationError):
    """A catalogue that names a file outside the data folder."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"The catalogue of the warehouse names the file {path!r}. Allowed are files in {', '.join(PLACES)}. "
            "Somebody else writes to the shared store: see who may."
        )


class CataloguedFile(NamedTuple):
    """A file as it was published: where from the data folder, of which part, its object, and when it was written."""

    path: str
    part: PublishedPart
    sha256: str
    size: int
    mtime_ns: int

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, of which only the time matters."""
        return self.sha256 == FOLDER


class Scope(NamedTuple):
    """Which files are asked about: of some chats, in some places; null is all."""

    chats: frozenset[str] | None = None
    places: frozenset[str] | None = None


EVERYTHING = Scope()


class Catalogue:
    """The catalogue in a database; its tables are made where they lack."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        make_tables(engine, "catalogue", _statements())

    def files(self, scope: Scope = EVERYTHING) -> list[CataloguedFile]:
        """Return the files of a scope as they are at one moment, in the order of their paths."""
        return self._asked(sa.select(FILES).where(*_within(FILES, scope)).order_by(FILES.c.path))

    def files_of(self, parts: Iterable[PublishedPart]) -> list[CataloguedFile]:
        """Return the files of some parts, as they are at one moment."""
        return self._asked(sa.select(FILES).where(_of_parts(FILES, parts)))

    def gone(self, scope: Scope = EVERYTHING) -> list[CataloguedFile]:
        """Return the files of a scope that were published once and are no more, each as it was then."""
        again = sa.select(FILES.c.path).where(FILES.c.path == RETIRED.c.path).exists()
        return self._asked(sa.select(RETIRED).where(RETIRED.c.is_gone, ~again, *_within(RETIRED, scope)))

    def publish(self, parts: Mapping[PublishedPart, Sequence[CataloguedFile]]) -> Sequence[str]:
        """Replace parts whole, all in one transaction; without files a part is taken out.

        Return the objects among theirs that are just being deleted as old ones. Then nothing was published: `spare`
        them, put them again, and publish again.
        """

        def work(connection: sa.Connection) -> Sequence[str]:
            with connection.begin_nested() as replaced:
                for part, files in sorted(parts.items()):
                    _replace(connection, part, files)
                new = {file.sha256 for files in parts.values() for file in files}
                swept = connection.scalars(sa.select(SWEPT.c.sha256).where(SWEPT.c.sha256.in_(new))).all()
                if swept:
                    replaced.rollback()
            return swept

        return in_transaction(self._engine, work)

    def forget(self, chat: str) -> None:
        """Take all parts of a chat out, in one transaction."""

        def work(connection: sa.Connection) -> None:
            of_chat = sa.select(*(PARTS.c[name] for name, _ in OF_A_PART)).where(PARTS.c.chat == chat)
            for kind, name, config in sorted(connection.execute(of_chat).all()):
                _replace(connection, PublishedPart(kind, name, config), ())

        in_transaction(self._engine, work)

    def unnamed(self, among: Iterable[str], *, age_s: float) -> set[str]:
        """Return those of the objects that nothing has named for so long."""
        return in_transaction(self._engine, lambda connection: _unnamed(connection, among, age_s))

    def with_no_other_sweeping(self, work: Callable[[], Result]) -> Result:
        """Return what the work returns, which lists and deletes objects as the only one who does."""

        def alone(connection: sa.Connection) -> Result:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(SWEEPING)))
            return work()

        return in_transaction(self._engine, alone)

    def condemn(self, among: Iterable[str], *, age_s: float) -> set[str]:
        """Mark as being deleted, and return, those of the objects that nothing has named for so long."""

        def work(connection: sa.Connection) -> set[str]:
            # Waits for publications that are under way, and holds up others until the marks are seen.
            connection.execute(sa.text(f"lock table {FILES.fullname} in share mode"))
            condemned = _unnamed(connection, among, age_s)
            if condemned:
                marks = postgresql.insert(SWEPT).on_conflict_do_nothing()
                connection.execute(marks, [{"sha256": name} for name in sorted(condemned)])
            # Mirrors follow what is gone by these rows; of what was replaced nobody asks again.
            old = RETIRED.c.retired_at < _before(age_s)
            connection.execute(sa.delete(RETIRED).where(~RETIRED.c.is_gone, old))
            return condemned

        return in_transaction(self._engine, work)

    def spare(self, names: Iterable[str]) -> None:
        """Take the marks off objects, once nobody is deleting any more; then they have to be put again."""
        unmarked = sa.delete(SWEPT).where(SWEPT.c.sha256.in_(list(names)))

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(SWEEPING)))
            connection.execute(unmarked)

        in_transaction(self._engine, work)

    def _asked(self, statement: sa.Select[tuple[object, ...]]) -> list[CataloguedFile]:
        return in_transaction(self._engine, lambda connection: _read(connection.execute(statement)))


def _statements() -> list[str]:
    """Return what makes the tables, each where it lacks."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    made: list[CreateTable | CreateIndex] = []
    for table in METADATA.sorted_tables:
        made.append(CreateTable(table, if_not_exists=True))
        made.extend(CreateIndex(index, if_not_exists=True) for index in table.indexes)
    return [str(each.compile(dialect=dialect)) for each in made]


def _replace(connection: sa.Connection, part: PublishedPart, files: Sequence[CataloguedFile]) -> None:
    """Put files in the place of those that a part had; whoever replaces the same part waits for the transaction."""
    held = postgresql.insert(PARTS).values(**part._asdict(), times=1)
    key = [name for name, _ in OF_A_PART]
    connection.execute(held.on_conflict_do_update(index_elements=key, set_={"times": PARTS.c.times + 1}))
    of_part = sa.select(FILES).where(_of_parts(FILES, [part]))
    before = {file.path: file for file in _read(connection.execute(of_part))}
    now = {file.path: file for file in files}
    if before == now:
        return
    retired = [
        {**_row(file), "is_gone": path not in now}
        for path, file in before.items()
        if now.get(path) != file and not file.is_folder
    ]
    if retired:
        connection.execute(sa.insert(RETIRED).values(retired_at=sa.func.now()), retired)
    connection.execute(sa.delete(FILES).where(FILES.c.path.in_({*before, *now})))
    if now:
        connection.execute(sa.insert(FILES), [_row(file) for file in files])


def _unnamed(connection: sa.Connection, among: Iterable[str], age_s: float) -> set[str]:
    recent = sa.select(RETIRED.c.sha256).where(RETIRED.c.retired_at >= _before(age_s))
    return set(among).difference(connection.scalars(sa.union(sa.select(FILES.c.sha256), recent)))


def _before(age_s: float) -> sa.ColumnElement[datetime]:
    """Return the moment so long ago, by the server's clock: machines' own differ."""
    return sa.func.now() - sa.func.make_interval(0, 0, 0, 0, 0, 0, age_s)


def _within(table: sa.Table, scope: Scope) -> list[sa.ColumnElement[bool]]:
    asked = (("chat", scope.chats), ("place", scope.places))
    return [table.c[name].in_(sorted(wanted)) for name, wanted in asked if wanted is not None]


def _of_parts(table: sa.Table, parts: Iterable[PublishedPart]) -> sa.ColumnElement[bool]:
    columns = [table.c[name] for name, _ in OF_A_PART]
    return sa.tuple_(*columns).in_([tuple(part) for part in parts])


def _row(file: CataloguedFile) -> dict[str, object]:
    told = {"path": file.path, "sha256": file.sha256, "size": file.size, "mtime_ns": file.mtime_ns}
    return {**told, **file.part._asdict(), "place": place_of(file.path)}


def _read(rows: Iterable[sa.Row[tuple[object, ...]]]) -> list[CataloguedFile]:
    return [
        CataloguedFile(
            _checked(row.path),
            PublishedPart(row.kind, row.chat, row.config),
            row.sha256,
            row.size,
            row.mtime_ns,
        )
        for row in rows
    ]


def _checked(path: str) -> str:
    """Return a path that stays in the data folder: what others wrote is not believed."""
    if ".." in PurePosixPath(path).parts or place_of(path) not in PLACES:
        raise ForeignFileError(path)
    return path
