"""What can be read off the files and no import contract says: what is named how, what the docs list.

Who may import whom is in pyproject.toml, `[tool.importlinter]`; `lint-imports` holds it.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import NamedTuple

import moderation_pipeline
from moderation_pipeline.warehouse.tables import LABELS, TABLES
from moderation_pipeline.warehouse.views import QUESTIONS

PACKAGE = Path(moderation_pipeline.__file__).parent
ROOT = PACKAGE.parent
DOCS = ROOT / "docs"

MODULES = sorted(PACKAGE.rglob("*.py"))
PART_OF_ANOTHER = {"pydantic_core"}
"""Pydantic's own other half, pinned by it to the version."""

NEVER_LEAVE_THEIR_ROOM = {
    "LanguageModelError",
    "UnfitTypeError",
    "UnreadableReplyError",
    "UnclosedThoughtError",
}
"""Errors that become rows: a failed call's and a bad reply's `reply_error`, a column's `rejected_lines`."""

MOST_MODULES = 20

NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "base"}


class Import(NamedTuple):
    """One import: in which file, of what, and whether it happens when the file itself is imported."""

    file: str
    module: str
    is_at_start: bool


def imports_of(path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text("utf-8"))
    at_start = set(map(id, statements_at_import(tree)))
    file = path.relative_to(PACKAGE).as_posix()
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from (Import(file, alias.name, id(node) in at_start) for alias in node.names)
            case ast.ImportFrom(module=str(module)):
                yield Import(file, module, id(node) in at_start)
                yield from (Import(file, f"{module}.{a.name}", id(node) in at_start) for a in node.names)


def statements_at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk what runs when a module is imported: no functions, nothing only type checkers see."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from statements_at_import(node)


@cache
def imports() -> list[Import]:
    """Every import of ours; not at this file's import, which happens in every process of tests."""
    return [each for path in MODULES for each in imports_of(path)]


def is_or_is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def test_the_terminal_waits_for_dagster_only_when_a_command_needs_it() -> None:
    heavy = re.compile(
        r"(dagster|altair|sklearn|torch|transformers|moderation_pipeline\.(defs|definitions))\b"
    )
    terminal = [each for each in imports() if each.file == "cli.py" or each.file.startswith("terminal/")]
    assert [each for each in terminal if each.is_at_start and heavy.match(each.module)] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    named = {
        path for path in MODULES if NAMES_THAT_SAY_NOTHING & {path.stem, *path.relative_to(PACKAGE).parts}
    }
    assert named == set()


def test_no_module_name_stands_twice() -> None:
    names = Counter(path.stem for path in MODULES if path.stem != "__init__")
    assert {name: count for name, count in names.items() if count > 1} == {}


def test_no_public_class_name_stands_twice() -> None:
    names = Counter(
        node.name
        for path in MODULES
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert {name: count for name, count in names.items() if count > 1} == {}


def test_no_folder_has_more_modules_than_can_be_taken_in_at_a_glance() -> None:
    modules = Counter(
        path.parent.relative_to(PACKAGE).as_posix() for path in MODULES if path.stem != "__init__"
    )
    assert {folder: count for folder, count in modules.items() if count > MOST_MODULES} == {}


def test_every_module_draws_its_border_in_a_docstring() -> None:
    without = {path for path in MODULES if not ast.get_docstring(ast.parse(path.read_text("utf-8")))}
    assert without == set()


def test_every_module_that_a_docstring_names_exists() -> None:
    places = {"moderation_pipeline": PACKAGE, "benchmarks": ROOT / "benchmarks"}
    files = [
        f"{name}/{path.relative_to(place).as_posix()}"
        for name, place in places.items()
        for path in place.rglob("*.py")
    ]
    named = {
        (path.relative_to(PACKAGE).as_posix(), name)
        for path in MODULES
        for name in re.findall(r"`([\w/]+\.py)`", path.read_text("utf-8"))
    }
    assert {each for each in named if not any(f"/{file}".endswith(f"/{each[1]}") for file in files)} == set()


def test_labels_are_named_by_none_of_those_who_decide() -> None:
    """Law 8: labels reach `evaluation` and the Expert `labels`; readers write, the warehouse keeps them."""
    label = re.compile(rf"\b({'|'.join(LABELS)}|LABELS)\b")
    who_decides = re.compile(r"(agents|audits|backends|cases|certificates|embedders|memory|moderation|text)/")
    naming = {path.relative_to(PACKAGE).as_posix() for path in MODULES if label.search(code_of(path))}
    assert {file for file in naming if who_decides.match(file)} <= {"agents/labels_expert.py"}


def test_scores_that_a_chat_came_with_are_read_by_the_student_scores_alone() -> None:
    """Law 8: they are no text, so no prompt, rule or memory may come by them."""
    who_decides = re.compile(r"(agents|audits|cases|certificates|embedders|memory|moderation|text)/")
    reading = {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        if re.search(r"""["']scores["']""", code_of(path))
    }
    assert {file for file in reading if who_decides.match(file)} == {"agents/deciding/score_student.py"}


@cache
def code_of(path: Path) -> str:
    """Return a module's text without its docstrings and comments."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value = ast.Constant(value=None)
    return ast.unparse(tree)


def test_every_error_of_ours_is_one_that_a_user_is_told_in_a_sentence() -> None:
    """The terminal words errors under ModerationError, and calls every other a bug."""
    parents = {
        node.name: {ast.unparse(parent) for parent in node.bases}
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and node.name.endswith("Error") and node.name != "ModerationError"
    }
    ours = {*parents, "ModerationError"}
    assert {name for name, above in parents.items() if not above & ours} == NEVER_LEAVE_THEIR_ROOM


def test_the_architecture_lists_the_rooms_that_there_are() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert listed_under("Rooms", "architecture.md") == rooms


def test_the_documents_list_the_tables_and_views_that_there_are() -> None:
    assert listed_under("Tables", "warehouse.md") == set(TABLES)
    assert listed_under("Views", "warehouse.md") == set(QUESTIONS)


def test_the_architecture_can_be_read_in_one_sitting() -> None:
    assert len((DOCS / "architecture.md").read_text("utf-8").splitlines()) <= 150


def test_every_file_that_the_documents_name_exists() -> None:
    places = [ROOT, PACKAGE, DOCS]
    documents = [*DOCS.glob("*.md"), ROOT / "CONTRIBUTING.md", ROOT / "README.md"]
    named = {
        (document.name, name)
        for document in documents
        for name in re.findall(
            r"(?:`|\]\()([\w/]+\.(?:py|md|yaml)|[a-z_/]+/)(?:`|\))", document.read_text("utf-8")
        )
        if not name.startswith("data/")
    }
    modules = {path.name for path in MODULES}
    missing = {
        each
        for each in named
        if each[1] not in modules and not any((place / each[1]).exists() for place in places)
    }
    assert missing == set()


def listed_under(heading: str, document: str) -> set[str]:
    """Return what the first column of the table under a heading of a document names in backquotes."""
    text = (DOCS / document).read_text("utf-8")
    section = re.search(rf"^#+ {heading}\n(.*?)(?=^#+ |\Z)", text, re.M | re.S)
    assert section is not None, f"docs/{document} has no heading {heading!r}"
    return {name.rstrip("/") for name in re.findall(r"^\| `([\w/]+)` \|", section[1], re.M)}


def test_whatever_is_imported_is_declared_as_a_dependency() -> None:
    declared = {normal(name) for name in declared_dependencies()}
    distributions = packages_distributions()
    tops = {(each.module.split(".")[0], each.file) for each in imports()}
    undeclared = {
        (top, file)
        for top, file in tops
        if top in distributions
        and top not in sys.stdlib_module_names | PART_OF_ANOTHER
        and not declared & {normal(name) for name in distributions[top]}
    }
    assert undeclared == set()


def normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def declared_dependencies() -> Iterator[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    yield project["name"]
    for group in [project["dependencies"], *project["optional-dependencies"].values()]:
        yield from (re.split(r"[<>=~! ;\[]", requirement)[0] for requirement in group)


def test_every_promise_of_security_names_a_test_that_exists() -> None:
    text = (DOCS / "security.md").read_text("utf-8")
    promises = text.partition("\n## Promises\n")[2].partition("\n## Decisions\n")[0]
    rows = [line for line in promises.splitlines() if line.startswith("| ") and line != "| promise | test |"]
    named = {row: re.findall(r"`([\w/]+\.py)::(test_\w+)`", row.rpartition(" | ")[2]) for row in rows}
    tests = ROOT / "moderation_pipeline_tests"
    missing = {
        test
        for found in named.values()
        for test in found
        if not (path := tests / test[0]).exists() or f"def {test[1]}(" not in path.read_text("utf-8")
    }
    assert len(rows) > 20
    assert [row for row, found in named.items() if not found] == []
    assert missing == set()


def test_what_people_read_is_rounded_in_one_way() -> None:
    rounds_itself = re.compile(r"\{[^{}]*:[+,]*\.\{?\w+\}?[f%]\}|:\{sign\}\.")
    rooms = ("report", "terminal", "tuning", "defs")
    found = [
        f"{path.relative_to(PACKAGE)}: {line.strip()}"
        for room in rooms
        for path in sorted((PACKAGE / room).rglob("*.py"))
        for line in path.read_text("utf-8").splitlines()
        if rounds_itself.search(line) and 'len(f"' not in line
    ]
    assert found == []
