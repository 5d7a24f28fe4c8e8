"""The queries that a real page names: each runs as `moderation sql` would run it, and gives the page's numbers."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from typing import Any, NamedTuple

import polars as pl
import pytest

from moderation_pipeline.definitions import defs
from moderation_pipeline.defs.partitions import run_key
from moderation_pipeline.report.quantities import count, of_thousand, percent, score
from moderation_pipeline.report.words.people_sentences import about
from moderation_pipeline.warehouse.folder import DataFolder
from moderation_pipeline.warehouse.views import query
from moderation_pipeline_tests.defs.conftest import CHAT, home_in

CONFIGS = ("hybrid", "student_only", "certified", "moderators")
INTERVAL = r"\[[^]]*\]"
FOCUS = "student_only"
"""What the page of these recommends: it is cheaper, and not shown to be worse."""


class RealPage(NamedTuple):
    """The page of a chat that went all the way, in words, and the commands that it names, by what they give."""

    folder: DataFolder
    words: str
    named: dict[str, str]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPage]:
    with home_in(tmp_path_factory.mktemp("page")) as (folder, instance):
        jobs = [("ingest", CHAT), *(("moderate", run_key(CHAT, name)) for name in CONFIGS), ("compare", CHAT)]
        for job, partition in jobs:
            defs.resolve_job_def(job).execute_in_process(instance=instance, partition_key=partition)
        html = folder.report(CHAT, "html").read_text("utf-8")
        listed = html[html.index("All other numbers of this page") :]
        pairs = re.findall(r"<dt>(.*?)</dt><dd><code>(.*?)</code></dd>", listed, re.DOTALL)
        text = re.sub(r"<style.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL)
        named = {unescape(what): unescape(command) for what, command in pairs}
        yield RealPage(folder, " ".join(unescape(text).split()), named)


def asked(page: RealPage, command: str) -> pl.DataFrame:
    """Return the answer to a command's query, as a shell would hand it over."""
    program, verb, sql = shlex.split(command)
    assert (program, verb) == ("moderation", "sql")
    assert not set(sql) & set('$`!"') | ({"\\"} & set(sql)), "a shell would read these"
    return query(page.folder, sql)


def of(rows: pl.DataFrame, **where: str) -> Mapping[str, Any]:
    """Return the one row that is so, by column."""
    ((row),) = rows.filter(**where).to_dicts() if where else rows.to_dicts()
    return row


def the_chat(rows: pl.DataFrame) -> list[str]:
    row = of(rows)
    return [
        f"{count(row['comments'])} comments by {row['users']} users in {row['channels']} channels",
        f"between {row['first_sent_at']:%Y-%m-%d %H:%M} and {row['last_sent_at']:%Y-%m-%d %H:%M} UTC",
        f"{row['violations']} of those {row['labelled']}",
    ]


def the_verdict(rows: pl.DataFrame) -> list[str]:
    (best,) = rows.filter("is_best").to_dicts()
    chosen = of(rows, config=FOCUS)
    flagged = best["true_positives"] + best["false_positives"]
    return [
        f"{best['config']} has F1 {score(best['f1'])}",
        f"of the {flagged} comments it flagged, {best['true_positives']} were",
        f"{chosen['wrongful_sanctions']} of {chosen['sanctions_checked']} sanctions that could be checked",
    ]


def a_month(rows: pl.DataFrame) -> list[str]:
    row = of(rows)
    assert row["wrongly"] == row["wronged_users"] == 0
    return [
        f"about {about(row['timeouts_and_bans'])} times, none of them wrongly",
        f"some {about(row['violations_let_be'])} violations",
    ]


def certificates(rows: pl.DataFrame) -> list[str]:
    of_all = rows.filter(action="all")
    needed = [f"it would take {count(number)} further random audits" for number in of_all["audits_needed"]]
    done, carried = of_all.select("sanctions", "sanctions_carried_out").row(0)
    return [*needed, f"Of its {done} sanctions here {carried} "]


def labels_beside_certificates(rows: pl.DataFrame) -> list[str]:
    row = of(rows, config="certified")
    return [
        f"{row['wrongful_sanctions']} of {row['sanctions_checked']} (",
        f"{row['wrongful_sanctions']} of {row['labelled']} (",
        f"{row['false_negatives']} of {row['let_through']} (",
    ]


def experts_errors(rows: pl.DataFrame) -> list[str]:
    row = of(rows, config="certified", kind="any", category="all")
    return [f"wrong on {percent(row['rate'])} of {row['audits']} labelled comments"]


def what_is_paid(rows: pl.DataFrame) -> list[str]:
    dearest = rows.sort("audits").to_dicts()[-1]
    return [f"No run cost money; {dearest['config']} asked the Expert {dearest['audits']} times"]


def agreement(rows: pl.DataFrame) -> list[str]:
    row = of(rows, config="certified")
    return [
        f"Under certified the Student agrees with the Expert on {percent(row['agreement_rate'], 0)} of comments"
    ]


def memories(rows: pl.DataFrame) -> list[str]:
    assert of(rows, config="certified")["memories"] == 1
    return ["certified learnt 1 memory"]


def what_is_done(rows: pl.DataFrame) -> list[str]:
    return [f"{FOCUS} sanctions {of_thousand(of(rows, config=FOCUS)['sanction_share'])} of 1,000 comments"]


def confusion(rows: pl.DataFrame) -> list[str]:
    row = of(rows, config=FOCUS)
    violations = row["false_negatives"] + row["true_positives"]
    innocent = row["false_positives"] + row["others_let_be"]
    return [
        f"missed {row['false_negatives']} of {violations} violations by the labels and flagged"
        f" {row['false_positives']} of {innocent} comments labelled innocent"
    ]


def categories(rows: pl.DataFrame) -> list[str]:
    flagged = rows.filter(pl.col("labelled") != "none", pl.col("judged") != "none")
    right = flagged.filter(pl.col("labelled") == pl.col("judged"))["comments"].sum()
    return [f"flagged {flagged['comments'].sum()} violations by the labels, and put {right} of them"]


def learning(rows: pl.DataFrame) -> list[str]:
    row = rows.sort("f1_last", "config", descending=[True, False]).row(0, named=True)
    return [
        f"the Student of {row['config']} ends at F1 {score(row['f1_last'])}, from {score(row['f1_first'])}"
    ]


def sanctioned(rows: pl.DataFrame) -> list[str]:
    row = of(rows)
    return [
        f"would sanction {row['users_sanctioned']} of {row['users']} users",
        f"{row['users_wrongly']} users would be sanctioned at least once for a comment labelled innocent",
    ]


def foreseen(rows: pl.DataFrame) -> list[str]:
    assert rows.height == 4
    return [
        f"{row['channel'] or 'all channels'} {int(row['lines'])} {int(row['acted_on'])} {row['auroc']:.3f} {INTERVAL} "
        f"{row['average_precision']:.3f} {INTERVAL} {percent(row['in_top'])}"
        for row in rows.to_dicts()
    ]


def same_texts(rows: pl.DataFrame) -> list[str]:
    row = of(rows)
    assert row["texts"] == 1
    return [
        f"{int(row['both_ways'])} of them also let be",
        f"they acted on {percent(row['again'])} of its copies",
    ]


def records(rows: pl.DataFrame) -> list[str]:
    assert of(rows) == {"records": 300, "rejected": 0, "ignored": 0, "merged": 0}
    return []


def comments(rows: pl.DataFrame) -> list[str]:
    row = of(rows)
    assert [row[each] for each in ("unlabelled", "without_time", "without_user")] == [0, 0, 0]
    assert row["repeated"] <= 0.1, "so that the page need not say it"
    return [
        f"{row['in_another_language']} ({percent(row['in_another_language'] / 300)})",
        f"{row['too_short_to_tell']} (",
    ]


def languages(rows: pl.DataFrame) -> list[str]:
    return [
        f"{row['language']} {row['comments']}" for row in rows.to_dicts() if row["language"] in ("de", "es")
    ]


def limits_of_runs(rows: pl.DataFrame) -> list[str]:
    said = [
        f"{row['config']} left {row['undecided']} comments undecided"
        for row in rows.to_dicts()
        if row["undecided"]
    ]
    twin = of(rows, config="moderators")
    shadow = of(rows, config="certified")["shadow_actions"]
    return [
        *said,
        f"{shadow} sanctions of certified were decided in shadow mode",
        f"moderators's Student is off by {percent(twin['calibration_error'])} on average",
        f"AUROC), by audits worth {twin['calibration_sample_size']:.0f} equal ones",
    ]


def parts_of_students(rows: pl.DataFrame) -> list[str]:
    tiers = rows.filter(config="certified")
    assert tiers["tier"].str.ends_with("base").all(), "as the page says"
    assert tiers["comments"].sum() == 300
    return ["The learned head of certified decided nothing"]


def who_decided(rows: pl.DataFrame) -> list[str]:
    assert "fallback" not in rows["decided_by"], "else the page would say it"
    return []


GIVEN: dict[str, Callable[[pl.DataFrame], list[str]]] = {
    "Comments, users, channels and labels of the chat": the_chat,
    "Which config judges best": the_verdict,
    "Timeouts and bans of a month": a_month,
    "What certificates bound": certificates,
    "What the labels say of the same": labels_beside_certificates,
    "What the Experts themselves get wrong": experts_errors,
    "Plot: what is asked and paid": what_is_paid,
    "Plot: agreement over time": agreement,
    "Plot: memories learnt": memories,
    "Plot: what is done": what_is_done,
    "Plot: confusion": confusion,
    "Plot: categories": categories,
    "Plot: learning curve": learning,
    "Users who would be sanctioned": sanctioned,
    "How well moderators foresees": foreseen,
    "How alike the moderators decide": same_texts,
    "Limits: records": records,
    "Limits: comments": comments,
    "Limits: languages": languages,
    "Limits: runs": limits_of_runs,
    "Limits: which part of a Student": parts_of_students,
    "Limits: who decided": who_decided,
}
"""By how a query is called: what its answer has the page say, as patterns where an interval stands in between."""


def test_every_query_that_a_page_names_is_looked_at(page: RealPage) -> None:
    by_query = {what for what, command in page.named.items() if command.startswith("moderation sql")}
    assert {what: [each for each in GIVEN if what.startswith(each)] for what in by_query} == {
        what: [next(each for each in GIVEN if what.startswith(each))] for what in by_query
    }
    assert len(by_query) == len(GIVEN)
    assert [command for command in page.named.values() if "sql" not in command] == [
        f"moderation evaluate {CHAT}"
    ]


@pytest.mark.parametrize("called", GIVEN)
def test_a_query_that_a_page_names_gives_the_numbers_of_the_page(page: RealPage, called: str) -> None:
    (command,) = [command for what, command in page.named.items() if what.startswith(called)]
    for said in GIVEN[called](asked(page, command)):
        plain = " ".join(said.split())  # no-break spaces are spaces there
        assert re.search(plain, page.words) if INTERVAL in plain else plain in page.words, said


def test_a_column_that_a_page_names_holds_the_number_of_its_row(page: RealPage) -> None:
    html = page.folder.report(CHAT, "html").read_text("utf-8")
    (command,) = re.findall(r"_high</code>: <code>(.*?)</code>", html)
    shown = [*re.findall(r'<th scope="col">([a-z_]+)', html[: html.index("Both in one")])]
    assert shown == [FOCUS, *(name for name in sorted(CONFIGS) if name != FOCUS)], "the recommended one first"
    rows = pl.DataFrame({"config": shown}).join(
        asked(page, unescape(command)), on="config", maintain_order="left"
    )
    for name, column, worded in (
        ("Right when it flags", "precision", percent),
        ("Finds", "recall", percent),
        ("Both in one", "f1", score),
    ):
        (line,) = re.findall(rf'<tr><th scope="row">{name}<span.*?</tr>', html, re.DOTALL)
        cells = re.findall(r"<td>([^<]*)", line)
        assert [unescape(each) for each in cells] == [worded(number) for number in rows[column]]
