"""What the report of a chat costs once its runs are made: of 100,000 comments, and of a million.

    python -m benchmarks.large_report [--comments 100000] [--configs hybrid student_only expert_only] [--twitch]
                                      [--keep FOLDER] [--profile STAGE]

The chat is the synthetic one, or with `--twitch` the first comments of the Twitch channels of the labelled data
(`research_stream` says where those are looked for), where most users write two or three lines and most texts are
copies. Its runs are made keyless, and kept in `--keep` for the next time. The million is those comments and what was
decided about each, ten times over, for the loop is not what is measured: each time at a later time, under other names,
and with its lines dealt out to its users anew, so that hardly a user is another's copy.

Then, in a process of its own and on one core, what `moderation run` does after the loop: state and metrics of each run,
comparison, plots, report. Prints seconds of CPU by stage, the peak of memory above what it took to read the tables
(Linux), the size of the page and of all pages beside it, and how many times as much the larger takes. Exits with 1
where it takes more than it may.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import polars as pl

CONFIGS = ("hybrid", "student_only", "expert_only")
TIMES = 10
"""How often the comments are laid end to end."""

TABLES = ("student_decisions", "expert_audits", "memory_snapshot", "action_log", "user_state")
ONE_CORE = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
MOST_SECONDS, MOST_GB, MOST_PAGE_MB = 60.0, 4.0, 3.0
"""What a report of a million comments may take."""

MB, GB = 2**20, 2**30


class Stage(NamedTuple):
    """A stage of the report: seconds of CPU, and the peak of memory above what the tables take, in bytes."""

    name: str
    cpu_s: float
    peak: int


class Measured(NamedTuple):
    """What a chat's report took, stage by stage; pages in bytes: the report, all beside it, the largest of those."""

    comments: int
    stages: list[Stage]
    page: int
    beside: int
    largest: int

    @property
    def cpu_s(self) -> float:
        """Seconds of CPU of all stages."""
        return sum(stage.cpu_s for stage in self.stages)

    @property
    def peak(self) -> int:
        """The most that a stage took of memory."""
        return max(stage.peak for stage in self.stages)


def write_chat(path: Path, size: int, *, is_twitch: bool) -> None:
    """Write the comments table of a chat of that many comments."""
    from benchmarks.rare_violations import twitch
    from moderation_pipeline.comments.ingest import ingest
    from moderation_pipeline.synthetic.synthetic_chat import SyntheticSettings, write_synthetic

    if is_twitch:
        twitch().head(size).write_parquet(path)
        return
    log = path.with_name("chat.jsonl")
    write_synthetic(log, SyntheticSettings(comments=size))
    ingest(log, "synthetic").comments.write_parquet(path)
    log.unlink()


NAMES = ("comment_id", "user_id", "user_name", "precedent", "memory_id")
PLACES = ("position", "learnt_at_position")
DEALT = ("user_id", "user_name")


def laid_end_to_end(rows: pl.DataFrame, comments: pl.DataFrame) -> pl.DataFrame:
    """Return a table's rows TIMES over, as if the chat had gone on; those of every comment get its users dealt anew."""
    import numpy as np
    import polars as pl

    lasts = comments.select(pl.col("sent_at").max() - pl.col("sent_at").min()).item() + timedelta(hours=1)
    laid = []
    for at in range(TIMES):
        again = rows.with_columns(
            *(pl.col(name) + f"/{at}" for name in NAMES if name in rows.columns),
            *(
                (pl.col(name) + at * comments.height).cast(rows.schema[name])
                for name in PLACES
                if name in rows
            ),
            *(pl.col(name) + at * lasts for name in ("sent_at", "counts_until") if name in rows.columns),
            *(pl.col(name).list.eval(pl.element() + f"/{at}") for name in ("memory_ids",) if name in rows),
        )
        if at and rows.height == comments.height:
            dealt = np.random.default_rng(at).permutation(comments.height)
            again = again.with_columns(again[name][dealt] for name in DEALT if name in rows.columns)
        laid.append(again)
    return pl.concat(laid)


def write_longer(folder: Path, longer: Path, config: str | None) -> None:
    """Write the comments of a folder, or the tables of its run under a config, laid end to end."""
    import polars as pl

    from moderation_pipeline.moderation.standings import fold_actions

    comments = pl.read_parquet(folder / "comments.parquet")
    if config is None:
        laid_end_to_end(comments, comments).write_parquet(longer / "comments.parquet")
        return
    (longer / config).mkdir()
    for name in TABLES[:-1]:
        rows = laid_end_to_end(pl.read_parquet(folder / config / f"{name}.parquet"), comments)
        rows.write_parquet(longer / config / f"{name}.parquet")
        if name == "action_log":
            fold_actions(rows).write_parquet(longer / config / f"{TABLES[-1]}.parquet")


def write_run(folder: Path, config: str) -> None:
    """Moderate the chat under a config, and write the run's tables."""
    import polars as pl

    from moderation_pipeline.agents.build_agents import build_agents
    from moderation_pipeline.config.config_library import ConfigLibrary
    from moderation_pipeline.config.sanctions import load_sanctions
    from moderation_pipeline.embedders.tfidf import TfidfEmbedder
    from moderation_pipeline.memory.store import MemoryStore
    from moderation_pipeline.moderation.ladder import Ladder
    from moderation_pipeline.moderation.loop import moderate
    from moderation_pipeline.moderation.standings import fold_actions
    from moderation_pipeline.warehouse.folder import DataFolder

    comments, data = pl.read_parquet(folder / "comments.parquet"), DataFolder(folder)
    named, chat = ConfigLibrary(data).load(config), str(comments["chat"][0])
    spec = named.config.memory
    tables = moderate(
        comments,
        named,
        agents=build_agents(named.config, comments),
        memory=None if spec is None else MemoryStore(spec, TfidfEmbedder(), chat=chat, config=config),
        ladder=Ladder(load_sanctions("default", data)),
    )
    where = folder / config
    where.mkdir()
    for name in TABLES[:-1]:
        frame: pl.DataFrame = getattr(tables, name)
        frame.write_parquet(where / f"{name}.parquet")
    fold_actions(tables.action_log).write_parquet(where / f"{TABLES[-1]}.parquet")


class Stopwatch:
    """Measures stages one after another."""

    def __init__(self, profiled: str | None) -> None:
        self.stages: list[Stage] = []
        self._profiled = profiled
        self._before = in_memory("VmRSS")

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure what is done within it; what it leaves in memory counts for it, and for all after it."""
        Path("/proc/self/clear_refs").write_text("5", "utf-8")  # the peak begins anew
        profile = cProfile.Profile() if name == self._profiled else None
        began = time.process_time()
        if profile is not None:
            profile.enable()
        yield
        if profile is not None:
            profile.disable()
            pstats.Stats(profile, stream=sys.stderr).sort_stats("cumulative").print_stats(60)
        cpu_s = time.process_time() - began
        self.stages.append(Stage(name, cpu_s, in_memory("VmHWM") - self._before))


def in_memory(what: str) -> int:
    """Return what Linux says that this process has in memory, or had at its peak, in bytes."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(what))


def measure(folder: Path, configs: Sequence[str], profiled: str | None) -> Measured:
    """Make the report of a folder's runs, and return what each stage took."""
    import polars as pl

    from moderation_pipeline.config.config_library import ConfigLibrary
    from moderation_pipeline.evaluation.config_comparison import compare
    from moderation_pipeline.evaluation.judged import Run
    from moderation_pipeline.evaluation.run_metrics import measured_run
    from moderation_pipeline.evaluation.yardstick import reference_of
    from moderation_pipeline.moderation.standings import fold_actions
    from moderation_pipeline.report.figure_files import load_figures, save_figures
    from moderation_pipeline.report.figures import draw_figures
    from moderation_pipeline.report.page import render_report
    from moderation_pipeline.warehouse.folder import DataFolder

    data = DataFolder(folder)
    comments = pl.read_parquet(folder / "comments.parquet")
    chat = str(comments["chat"][0])
    runs = [
        Run(
            ConfigLibrary(data).load(config),
            *(pl.read_parquet(folder / config / f"{name}.parquet") for name in TABLES),
        )
        for config in configs
    ]
    watch = Stopwatch(profiled)
    for run in runs:
        with watch.stage(f"user state, {run.name}"):
            fold_actions(run.action_log)
        with watch.stage(f"metrics, {run.name}"):
            measured_run(comments, run, data_version="", reference=reference_of(run, runs))
    with watch.stage("comparison"):
        comparison = compare(chat=chat, comments=comments, runs=runs)
    with watch.stage("plots"):
        figures = draw_figures(comments=comments, runs=runs, comparison=comparison)
        save_figures(figures, data.plots(chat), chat=chat, cache=data.cache)
    with watch.stage("report"):
        rendered = render_report(
            chat=chat,
            comments=comments,
            runs=runs,
            comparison=comparison,
            figures=load_figures(data.plots(chat)),
        )
    data.report(chat, "html").write_text(rendered.html, "utf-8")
    data.disagreements(chat).mkdir(parents=True, exist_ok=True)
    for name, page in rendered.beside.items():
        (data.disagreements(chat) / name).write_text(page, "utf-8")
    beside = [len(page.encode()) for page in rendered.beside.values()]
    return Measured(
        comments.height, watch.stages, len(rendered.html.encode()), sum(beside), max(beside, default=0)
    )


def in_its_own_process(*arguments: str) -> str:
    """Run this module once more, on one core, and return what it printed."""
    command = [sys.executable, "-m", "benchmarks.large_report", *arguments]
    done = subprocess.run(
        command, env={**os.environ, **ONE_CORE}, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def made(keep: Path, size: int, configs: Sequence[str], *, is_twitch: bool) -> tuple[Path, Path]:
    """Make a chat of that size, its runs and both TIMES over, where they are not kept; return the two folders."""
    name = "twitch" if is_twitch else "synthetic"
    folder, longer = keep / f"{name}-{size}", keep / f"{name}-{size * TIMES}"
    for each in (folder, longer):
        each.mkdir(parents=True, exist_ok=True)
    if not (folder / "comments.parquet").is_file():
        write_chat(folder / "comments.parquet", size, is_twitch=is_twitch)
    if not (longer / "comments.parquet").is_file():
        write_longer(folder, longer, None)
    for config in configs:
        if not (folder / config).is_dir():
            in_its_own_process("--folder", str(folder), "--run", config)
        if not (longer / config).is_dir():
            write_longer(folder, longer, config)
    return folder, longer


def shown(less: Measured, more: Measured) -> str:
    """Return the table that is printed."""

    def cells(cpu_s: float, peak: int) -> str:
        return f"{f'{cpu_s:.1f} s, {peak / GB:.2f} GB':>24}"

    def row(name: str, one: tuple[float, int], other: tuple[float, int]) -> str:
        return f"{name:<28}{cells(*one)}{cells(*other)}{other[0] / max(one[0], 1e-9):>8.1f}"

    heads = "".join(f"{f'{each.comments:,} comments':>24}" for each in (less, more))
    lines = [f"{'stage':<28}{heads}{'times':>8}"]
    for one, other in zip(less.stages, more.stages, strict=True):
        lines.append(row(one.name, (one.cpu_s, one.peak), (other.cpu_s, other.peak)))
    lines.append(row("all", (less.cpu_s, less.peak), (more.cpu_s, more.peak)))
    for name, said in (("page", "page, MB"), ("beside", "beside it, MB"), ("largest", "largest, MB")):
        sizes = "".join(f"{getattr(each, name) / MB:>24.2f}" for each in (less, more))
        lines.append(f"{said:<28}{sizes}")
    return "\n".join(lines)


def main() -> int:
    """Print the table; return 1 where the largest chat takes more than it may."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--comments", type=int, default=100_000)
    parser.add_argument("--configs", nargs="+", default=list(CONFIGS))
    parser.add_argument("--twitch", action="store_true")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--profile", help="a stage of which to print where its time goes")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--run", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.folder is not None:
        if given.run is not None:
            write_run(given.folder, given.run)
        else:
            print(json.dumps(measure(given.folder, given.configs, given.profile)._asdict()))
        return 0
    with tempfile.TemporaryDirectory(prefix="large-report-") as temporary:
        keep = given.keep or Path(temporary)
        found: list[Measured] = []
        for folder in made(keep, given.comments, given.configs, is_twitch=given.twitch):
            profiled = ["--profile", given.profile] if given.profile and found else []
            said = json.loads(
                in_its_own_process("--folder", str(folder), "--configs", *given.configs, *profiled)
            )
            found.append(Measured(**said | {"stages": [Stage(*stage) for stage in said["stages"]]}))
    less, more = found
    print(shown(less, more))
    within = more.cpu_s <= MOST_SECONDS and more.peak <= MOST_GB * GB and more.page <= MOST_PAGE_MB * MB
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
