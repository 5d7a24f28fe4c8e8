"""A folder that somebody sent: in it a module of each name that the program imports, and a .env that names it."""

from __future__ import annotations

import os
from importlib.metadata import packages_distributions
from pathlib import Path

IMPORTED = ("click", "dagster", "yaml", "polars", "orjson", "pydantic", "rich", "dotenv", "openai", "aiohttp")
STANDARD = ("json", "sitecustomize", "usercustomize", "sqlite3", "dataclasses", "asyncio")


def hostile_modules(folder: Path) -> Path:
    """Fill the folder, and return one in which each module that was imported from it leaves a mark."""
    marks = folder / "marks"
    marks.mkdir()
    for name in (*IMPORTED, *STANDARD):
        assert name in STANDARD or name in packages_distributions()
        (folder / f"{name}.py").write_text(
            f"open({str(marks / name)!r}, 'w').close()\nraise SystemExit('imported from the working directory')\n"
        )
    (folder / ".env").write_text(
        f"PYTHONPATH={folder}\nPYTHONSTARTUP={folder / 'json.py'}\nPYTHONSAFEPATH=\n"
    )
    return marks


def without_python_settings() -> dict[str, str]:
    """Return the environment without what tells Python where to look."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
