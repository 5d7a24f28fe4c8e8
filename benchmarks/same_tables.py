"""Whether a refactoring changed no result: two checkouts moderate the same chats, and their tables are compared.

    python -m benchmarks.same_tables BEFORE_DIR [AFTER_DIR]      both, in data folders that are thrown away
    python -m benchmarks.same_tables run CHECKOUT FOLDER         one checkout, in a data folder that is kept
    python -m benchmarks.same_tables compare FOLDER_A FOLDER_B   the tables of two data folders that were kept

Every ready-made config that needs no key, network or extra moderates the synthetic chat and the research stream
(`--research-comments 5000` for its beginning alone; skipped where the data is absent, see `research_stream.py`), by
the checkout's own command `moderation`, so that the two may be laid out differently. The environment is cleared, so
that no key reaches either. Prints one line per table and exits with 1 where anything differs that is not named by
`--expect TABLE.COLUMN`; only columns that measure time or hash source are left aside (`tables_compared.py`).

A data folder of the research stream holds real people's comments: keep it outside the repository.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.research_stream import is_labelled_data_there, labelled_data, write_research_stream
from benchmarks.tables_compared import compared

COMMANDS = ("both", "run", "compare")

PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
"""All that a checkout sees of the environment: with a key in it, more configs would run, and be paid for."""

RESEARCH_SEED = 0


IN_ONE_PROCESS = """
import io, json, sys
from {module} import {function} as main

def printed(arguments):
    sys.argv = ["moderation", *arguments]
    sys.stdout = output = io.TextIOWrapper(io.BytesIO(), "utf-8")
    try:
        code = main()
    except SystemExit as stop:
        code = stop.code
    output.flush()
    return None if code else output.buffer.getvalue().decode()

print(json.dumps([printed(each) for each in json.loads(sys.argv[1])]), file=sys.__stdout__)
"""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout of the project, the interpreter that has its dependencies, and the data folder it works in."""

    root: Path
    python: str
    data: Path

    def moderation(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Carry out a command of the checkout's `moderation`, wherever its module is."""
        module, _, function = self._script().partition(":")
        program = f"import sys; from {module} import {function} as main; sys.exit(main())"
        return self._python(program, *arguments)

    def must(self, *arguments: str) -> str:
        """Carry out a command and return what it printed, or leave with what it said."""
        ended = self.moderation(*arguments)
        if ended.returncode != 0:
            raise SystemExit(
                f"`moderation {' '.join(arguments)}` of {self.root} ended with {ended.returncode}:\n"
                f"{ended.stdout[-2000:]}{ended.stderr[-2000:]}"
            )
        return ended.stdout

    def printed_by(self, commands: Iterable[Sequence[str]]) -> list[str | None]:
        """Carry out commands one after the other in one process, which imports once; null for one that failed."""
        module, _, function = self._script().partition(":")
        ended = self._python(
            IN_ONE_PROCESS.format(module=module, function=function), json.dumps(list(map(list, commands)))
        )
        if ended.returncode != 0:
            raise SystemExit(f"{self.root} ended with {ended.returncode}:\n{ended.stderr[-2000:]}")
        printed: list[str | None] = json.loads(ended.stdout)
        return printed

    def check_origin(self) -> None:
        """Leave if the interpreter imports another checkout's package: one would be compared with itself."""
        package = self._script().partition(".")[0].partition(":")[0]
        ended = self._python(f"import {package}; print({package}.__file__)")
        if not Path(ended.stdout.strip()).is_relative_to(self.root):
            raise SystemExit(
                f"{self.python} imports {package} from {ended.stdout.strip() or ended.stderr.strip()}, not from "
                f"{self.root}. Name another interpreter: --python, or --before-python and --after-python."
            )

    def _script(self) -> str:
        path = self.root / "pyproject.toml"
        if not path.is_file():
            raise SystemExit(f"{self.root} is no checkout of the project: it has no pyproject.toml.")
        script: str = tomllib.loads(path.read_text("utf-8"))["project"]["scripts"]["moderation"]
        return script

    def _python(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.python, "-P", "-c", program, *arguments],  # -P: nothing is imported from the data folder
            cwd=self.data,
            env={name: os.environ[name] for name in PASSED_ON if name in os.environ}
            | {
                "HOME": str(self.data / "home"),
                "HF_HUB_OFFLINE": "1",
                "MODERATION_DATA": str(self.data),
                "PYTHONPATH": str(self.root),
            },
            capture_output=True,
            text=True,
            check=False,
        )


def checkout_in(root: Path, data: Path, python: str | None) -> Checkout:
    """Return the checkout with an empty data folder; its interpreter is the one of its .venv unless named."""
    if data.exists() and any(data.iterdir()):
        raise SystemExit(
            f"{data} is not empty: tables of another run would count as this one's. Name a new folder."
        )
    data.mkdir(parents=True, exist_ok=True)
    own = root.absolute() / ".venv" / "bin" / "python"
    interpreter = python or (str(own) if own.exists() else sys.executable)
    return Checkout(root.resolve(), interpreter, data.resolve())


def keyless_configs(checkout: Checkout) -> list[str]:
    """Return the ready-made configs whose agents all answer as they are, in an environment without keys.

    An answer with a note is another's: a fallback that stepped in for what can't be used here.
    """
    names = [str(each["config"]) for each in json.loads(checkout.must("configs", "--json"))]
    printed = checkout.printed_by(["check", name, "--json"] for name in names)
    return [name for name, said in zip(names, printed, strict=True) if said is not None and _is_keyless(said)]


def _is_keyless(said: str) -> bool:
    return all(each["note"] is None for each in json.loads(said))


def fill(checkout: Checkout, research_comments: int | None) -> None:
    """Moderate the chats under the keyless configs, saying what was done and how long it took."""
    began = time.perf_counter()
    checkout.check_origin()
    configs = keyless_configs(checkout)
    print(f"{checkout.root} in {checkout.data}, under {', '.join(configs)}", flush=True)
    chosen = [argument for name in configs for argument in ("--config", name)]
    checkout.must("synthesize")
    checkout.must("run", "synthetic", *chosen)
    print(f"synthetic chat moderated after {time.perf_counter() - began:.0f} s", flush=True)
    if not is_labelled_data_there():
        print(f"The research stream is skipped: no labelled data in {labelled_data()}.", flush=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "research.parquet"
        write_research_stream(path, RESEARCH_SEED, research_comments)
        checkout.must("add", str(path))
    checkout.must("run", "research", *chosen)
    print(f"research stream moderated after {time.perf_counter() - began:.0f} s", flush=True)


def compare(before: Path, after: Path, expected: Sequence[str]) -> int:
    """Print one line per table, and return the exit code: 1 where anything differs that was not expected."""
    tables = compared(before, after, expected)
    for each in tables:
        print(each.line())
    differing = [each.table for each in tables if each.unexpected]
    rows = sum(each.rows for each in tables)
    print(f"{len(differing)} of {len(tables)} tables differ" if differing else f"Equal: {rows:,} rows")
    return 1 if differing else 0


def both(given: argparse.Namespace) -> int:
    """Let both checkouts moderate, one after the other, and compare."""
    with tempfile.TemporaryDirectory() as before, tempfile.TemporaryDirectory() as after:
        fill(checkout_in(given.before, Path(before), given.before_python), given.research_comments)
        fill(checkout_in(given.after, Path(after), given.after_python), given.research_comments)
        return compare(Path(before), Path(after), given.expect)


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """Return what was asked for; without a command's name it is `both`."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    commands = parser.add_subparsers(dest="command", required=True)
    two, one, pair = (commands.add_parser(name) for name in COMMANDS)
    two.add_argument("before", type=Path)
    two.add_argument("after", type=Path, nargs="?", default=Path())
    two.add_argument("--before-python", help="interpreter; default: the checkout's .venv, else this one")
    two.add_argument("--after-python", help="the same for the other side")
    one.add_argument("checkout", type=Path)
    one.add_argument("folder", type=Path, help="a new data folder")
    one.add_argument("--python", help="interpreter; default: the checkout's .venv, else this one")
    pair.add_argument("before", type=Path)
    pair.add_argument("after", type=Path)
    for each in (two, one):
        each.add_argument("--research-comments", type=int, help="only so many, from the start; default: all")
    for each in (two, pair):
        each.add_argument(
            "--expect", action="append", default=[], metavar="TABLE.COLUMN", help="may differ; repeatable"
        )
    is_named = bool(given) and given[0] in (*COMMANDS, "-h", "--help")
    return parser.parse_args(given if is_named or not given else ["both", *given])


def main() -> int:
    """Do what was asked for, and return the exit code."""
    given = arguments(sys.argv[1:])
    if given.command == "both":
        return both(given)
    if given.command == "compare":
        return compare(given.before, given.after, given.expect)
    fill(checkout_in(given.checkout, given.folder, given.python), given.research_comments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
