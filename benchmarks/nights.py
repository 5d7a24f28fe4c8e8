"""What grows per night: a chat that is moderated anew each night, and one that arrives, for a hundred nights.

    python -m benchmarks.nights                 # 100 nights, some 20 minutes of one core
    python -m benchmarks.nights --nights 20

Printed per kind of file: bytes a night over the first tenth and over the last tenth of the nights, from the chat that
stays (`again`) and the one that comes (`new`) together. What is kept of each run should take as much at the end as at
the beginning; what grows faster than chats arrive is found in the last column.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from moderation_pipeline.launch import launcher
from moderation_pipeline.synthetic.synthetic_chat import SyntheticSettings, write_synthetic
from moderation_pipeline.warehouse.folder import DATA_VARIABLE, DataFolder

COMMENTS = 60
CONFIG = "hybrid"


def kind_of(path: Path, root: Path) -> str:
    """Return what a file of a data folder is of."""
    parts = path.relative_to(root).parts
    if parts[0] == "warehouse":
        return f"table {parts[1]}"
    if parts[0] == "results":
        return (
            "report and figures"
            if path.suffix in (".html", ".js", ".md", ".svg", ".png", ".json")
            else "log of comments"
        )
    if parts[0] == "dagster":
        where = parts[2] if len(parts) > 3 else parts[1]
        return f"Dagster's {where.split('.')[0]}" if where != "runs" else "Dagster's events"
    return parts[0].partition(".")[0]


def sizes(folder: DataFolder) -> Counter[str]:
    """Return the bytes of a data folder by kind."""
    found: Counter[str] = Counter()
    for path in folder.root.rglob("*"):
        if path.is_file():
            found[kind_of(path, folder.root)] += path.stat().st_size
    return found


def night(folder: DataFolder, number: int) -> None:
    """Moderate the chat that stays, and a new one."""
    new = f"night{number:03}"
    write_synthetic(folder.chats / f"{new}.jsonl", SyntheticSettings(comments=COMMENTS, seed=number))
    with launcher(folder) as launch:
        for chat in ("again", new):
            launch.ingest_chat(chat)
            launch.moderate_chat(chat, CONFIG)
            launch.compare_chat(chat)


def printed(growth: list[Counter[str]], tenth: int) -> None:
    """Print what each kind took a night, early and late."""
    print(f"{'kind':<28}{'bytes a night, early':>22}{'late':>12}{'late / early':>14}")
    for kind in sorted({kind for each in growth for kind in each}):
        early = (
            sum(each[kind] for each in growth[1 : tenth + 1]) / tenth
        )  # the first night makes what is made once
        late = sum(each[kind] for each in growth[-tenth:]) / tenth
        ratio = f"{late / early:.2f}" if early > 0 else "–"
        print(f"{kind:<28}{early:>22,.0f}{late:>12,.0f}{ratio:>14}")
    total = [sum(each.values()) for each in growth]
    print(
        f"all: {sum(total[1 : tenth + 1]) / tenth:,.0f} bytes a night early, {sum(total[-tenth:]) / tenth:,.0f} late"
    )


def main() -> None:
    """Make the nights and print what grew."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nights", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nights-") as root:
        os.environ[DATA_VARIABLE] = root
        os.environ.pop("DAGSTER_HOME", None)
        folder = DataFolder(Path(root))
        write_synthetic(folder.chats / "again.jsonl", SyntheticSettings(comments=COMMENTS, seed=0))
        growth, before, took = [], Counter[str](), []
        for number in range(arguments.nights):
            began = time.monotonic()
            night(folder, number)
            took.append(time.monotonic() - began)
            now = sizes(folder)
            growth.append(Counter({kind: now[kind] - before[kind] for kind in now | before}))
            before = now
        tenth = max(1, arguments.nights // 10)
        printed(growth, tenth)
        print(
            f"seconds a night: {sum(took[1 : tenth + 1]) / tenth:.1f} early, {sum(took[-tenth:]) / tenth:.1f} late"
        )
        print(
            "whole folder: "
            + ", ".join(f"{kind} {size / 1e6:.1f} MB" for kind, size in before.most_common(12))
        )
    sys.exit(0)


if __name__ == "__main__":
    main()
