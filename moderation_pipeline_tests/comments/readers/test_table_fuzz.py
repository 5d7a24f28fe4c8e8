"""Whatever a table holds: no error but one that its owner is told in a sentence, and every record counted."""

from __future__ import annotations

import io
import json
from datetime import date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moderation_pipeline.comments.columns import ColumnsSpec
from moderation_pipeline.comments.ingest import Ingested, ingest
from moderation_pipeline.errors import ModerationError
from moderation_pipeline_tests.comments.lines import is_conserved

SAMPLES = {
    "csv": 'time,user_id,text,mod\n2024-01-05 10:00:00 UTC,1,"hi, ""you""",1\n,2,ho,0\n1704448800,3,"he\nha",no\n',
    "tsv": 'id\tauthor.id\tmessage\tscore\n1\t7\tfirst\t0.5\n2\t8\t"second\t0.9\n3\t9\tthird\t\n',
    "jsonl": '{"text":"hi","author":{"id":1,"name":"ann"},"t":NaN}\n{"text":"h\\ud83do","sent_at":"2024-01-05"}\n',
    "json": '{"room":{"a":[1]},"messages":[{"content":"hi","author":{"id":"1"}},{"content":[1],"author":"x"}]}',
}
SPECS: list[dict[str, object] | None] = [
    None,
    {"text": "text", "user_id": "author.id"},
    {"text": "message", "label_is_violation": {"column": "score", "at_least": 0.5}},
    {"text": "content", "records": "messages[]"},
    {
        "text": "a",
        "names": ["x", "a", "b", "c"],
        "sent_at": {"column": "x", "format": "%d/%m/%Y", "zone": "+2"},
    },
    {"text": "text", "is_moderator": {"column": "mod", "true_for": [1], "null_for": ["no"]}},
    {"text": "text", "encoding": "cp1251", "order_by": "time"},
]
NOISE = st.sampled_from(
    [
        b'"',
        b"\n",
        b"\0",
        b"\xff",
        b"\xff\xfe",
        b"{",
        b"]",
        b",",
        b"\t",
        b"\r",
        b"NaN",
        b"\\ud800",
        b"1e999",
        b"'",
    ]
) | st.binary(min_size=1, max_size=3)


def ingested(raw: bytes, name: str, spec: dict[str, object] | None) -> Ingested | None:
    with TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(raw)
        columns = ColumnsSpec.model_validate(spec) if spec is not None else None
        try:
            return ingest(path, "chat", columns=columns)
        except ModerationError:
            return None


@pytest.mark.parametrize("kind", SAMPLES)
@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 3), NOISE), max_size=4),
    spec=st.sampled_from(SPECS),
)
def test_a_table_with_anything_in_it_is_read_or_is_an_error_of_ours(
    kind: str, cuts: list[tuple[int, int, bytes]], spec: dict[str, object] | None
) -> None:
    raw = SAMPLES[kind].encode()
    for at, left_out, noise in cuts:
        raw = raw[: at % (len(raw) + 1)] + noise + raw[at % (len(raw) + 1) + left_out :]
    got = ingested(raw, f"table.{kind}", spec)
    assert got is None or is_conserved(got)


VALUES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=6)
OBJECTS = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(
                ("text", "id", "author", "time", "mod", "label_action", "author.id"), OBJECTS
            ),
        ),
        max_size=5,
    ),
    spec=st.sampled_from([None, *SPECS[1:3]]),
    is_document=st.booleans(),
)
def test_objects_of_anything_are_read_or_are_an_error_of_ours(
    rows: list[dict[str, object]], spec: dict[str, object] | None, is_document: bool
) -> None:
    raw = json.dumps(rows) if is_document else "\n".join(map(json.dumps, rows))
    got = ingested(raw.encode(), "table.jsonl", spec)
    assert got is None or is_conserved(got)


SERIES = st.sampled_from(
    [
        pl.Series(["a", None]),
        pl.Series([1.0, float("nan")]),
        pl.Series([1e300, float("inf")]),
        pl.Series([2**62, None]),
        pl.Series([True, None]),
        pl.Series([datetime(2024, 1, 1), None]),
        pl.Series([datetime(1, 1, 1), datetime(9999, 1, 1)]),
        pl.Series([date(2024, 1, 1), date(9999, 1, 1)]),
        pl.Series([time(1), None]),
        pl.Series([timedelta(1), None]),
        pl.Series([b"a", None]),
        pl.Series([["a"], None]),
        pl.Series([{"id": 1, "in": {"name": "x"}}, None]),
        pl.Series([None, None]),
        pl.Series(["a", "b"], dtype=pl.Categorical),
    ]
)


@settings(max_examples=80, deadline=None)
@given(
    arrow=st.booleans(),
    columns=st.dictionaries(
        st.sampled_from(
            ["text", "user_id", "author", "sent_at", "mod", "label_is_violation", "label_action", "id"]
        ),
        SERIES,
        min_size=1,
    ),
    spec=st.sampled_from(
        [
            None,
            {
                "text": "text",
                "user_id": "author.in.name",
                "sent_at": {"column": "sent_at", "zone": "Europe/Berlin"},
            },
            {"text": "text", "label_is_violation": {"any_of": ["mod", "label_is_violation"]}},
        ]
    ),
    cut=st.none() | st.tuples(st.integers(4, 2_000), st.integers(0, 255)),
)
def test_columns_of_any_types_and_damaged_anywhere_are_read_or_an_error_of_ours(
    arrow: bool, columns: dict[str, pl.Series], spec: dict[str, object] | None, cut: tuple[int, int] | None
) -> None:
    written = io.BytesIO()
    table = pl.DataFrame([values.alias(name) for name, values in columns.items()])
    _ = table.write_ipc(written) if arrow else table.write_parquet(written)
    raw = bytearray(written.getvalue())
    if cut is not None:
        begins = len("ARROW1" if arrow else "PAR1")
        raw[begins + cut[0] % (len(raw) - begins)] = cut[1]
    got = ingested(bytes(raw), "table.arrow" if arrow else "table.parquet", spec)
    assert got is None or is_conserved(got)
