"""The data folder's secret, which goes into the draws of audits where a config asks for it.

Chance is a hash of seed, purpose and comment (`chance.py`), all of them public: whoever knows them can err where no
audit will look. With the secret nobody does who can't read the folder. It is in no table, log or provenance; copied
with the folder, the same rows come out again (law 1).
"""

from __future__ import annotations

import os
import secrets
from uuid import uuid4

from moderation_pipeline.warehouse.folder import DataFolder

BYTES = 16


def chance_secret(folder: DataFolder) -> str:
    """Return the folder's secret, made at the first call: for its owner to read and nobody else.

    Written whole under another name and then linked, so that of two processes the first one's holds for both.
    """
    path = folder.chance_secret
    if not path.exists():
        folder.root.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{uuid4().hex}.partial")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(BYTES))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text("utf-8")
