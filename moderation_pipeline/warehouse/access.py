"""Who may read what is written: chats, replies and tables are their owner's alone, unless he has opened the folder.

By the umask, so that it holds for whatever writes, SQLite's and Dagster's files too. What was written before is left as
it is: `chmod -R go= DATA` closes an older folder.
"""

from __future__ import annotations

import os
import stat

from moderation_pipeline.warehouse.folder import DataFolder

OWNER_ALONE = 0o077
GROUP_READS = 0o027
GROUP_WRITES = 0o007
OTHERS = 0o007


def keep_private(folder: DataFolder) -> None:
    """Have this process, and those that it starts, create files and folders for whom the owner meant them."""
    inherited = os.umask(OWNER_ALONE)
    os.umask(umask_for(folder, inherited))


def umask_for(folder: DataFolder, inherited: int) -> int:
    """Return the umask under which is written.

    A data folder that its group may enter and others may not (0750, 0770) was opened on purpose: no system's usual
    umask makes one. So was an umask that shuts out others alone (027, 007). The usual ones (022, 002) and the folders
    that they make (0755, 0775) say nothing about what is meant, and what is created is its owner's alone.
    """
    try:
        mode = stat.S_IMODE(folder.root.stat().st_mode)
    except OSError:
        mode = 0
    if mode & 0o057 == 0o050:
        return GROUP_WRITES if mode & stat.S_IWGRP else GROUP_READS
    return inherited if inherited & OTHERS == OTHERS else OWNER_ALONE
