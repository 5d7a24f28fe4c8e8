"""The store of objects: each is named by its content, put whole, and never changed.

Any file system of fsspec's will do: a bucket (`s3://…`, with the extra `fleet`), or a folder that all machines
mount (`file:///…`). Which object is which file is the catalogue's to say (`catalogue.py`).
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

from upath import UPath

from moderation_pipeline.errors import ModerationError
from moderation_pipeline.warehouse.folder import WAREHOUSE_VARIABLE

PLACE = "objects"
SHA256 = re.compile(r"[0-9a-f]{64}")
ADDRESS = re.compile(r"[A-Za-z][\w+.-]*://.+")
S3 = ("s3:", "s3a:")
PATIENCE = {"connect_timeout": 5, "read_timeout": 60, "retries": {"max_attempts": 0}}
"""Of the client for S3: what it gives up soon is tried again here, where it is counted and said."""

ANSWERS_WITHIN_S = 60.0
"""A server that is silent is not waited for longer. The client for S3 would wait for ever: before it sends an object it
asks whether it may, and has no limit for that answer (measured)."""
SLOWEST_BYTES_PER_S = 500_000
"""What an object is given beside that."""
LISTS_WITHIN_S = 900.0

LOCAL = ("file", "local")
PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 30.0)
"""Between tries, a minute and a half in all: a server that is started anew is waited for, one that is gone is not."""
GIVES_UP_AFTER_S = 95.0
"""After the first try that failed, however few there were: a silent server makes each last a minute."""
MOST_CUT = 3
"""Downloads in a row that are not what the name says, before the object itself is taken for damaged."""

Answer = TypeVar("Answer")


class BadWarehouseError(ModerationError):
    """An address at which there can be no warehouse."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(
            f"{WAREHOUSE_VARIABLE} is {shown(address)!r}: {why}. Allowed: s3://BUCKET/PREFIX, file:///FOLDER, or "
            "another address of fsspec's; without it the data folder alone holds the tables."
        )


class NoObjectStoreError(ModerationError):
    """A store of objects that does not answer."""

    def __init__(self, address: str, tries: int, error: Exception) -> None:
        super().__init__(
            f"The warehouse {shown(address)} could not be reached in {tries} tries ({type(error).__name__}). Nothing "
            f"is half published: the same command goes on. See whether it runs, and what {WAREHOUSE_VARIABLE}, "
            "AWS_ENDPOINT_URL and the AWS_ keys say."
        )


class RefusedError(ModerationError):
    """A store of objects that lets nobody in."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"The warehouse {shown(address)} refuses this machine. Give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
            "that may read, write, list and delete there."
        )


class MissingObjectError(ModerationError):
    """An object that the catalogue names and the store lacks, or holds another in its place."""

    def __init__(self, address: str, sha256: str, why: str) -> None:
        super().__init__(
            f"Object {sha256} of the warehouse {shown(address)} {why}. Nobody but 'moderation prune' may delete "
            "objects there. 'moderation run CHAT --config CONFIG' makes a run's tables anew; what was paid for is kept."
        )


class StoredObject(NamedTuple):
    """An object as the store lists it; `written_at` in seconds since 1970."""

    sha256: str
    size: int
    written_at: float


def shown(address: str) -> str:
    """Return an address without what may be secret in it: user, password and query."""
    return re.sub(r"\?.*", "", re.sub(r"(?<=://)[^/]*@", "", address))


def sha256_of(path: Path) -> str:
    """Return the name of a file's content."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


class ObjectStore:
    """Objects under an address. What fails is tried again after each of `pauses_s`, then said."""

    def __init__(
        self,
        address: str,
        *,
        pauses_s: Sequence[float] = PAUSES_S,
        sleep: Callable[[float], object] = time.sleep,
        answers_within_s: float = ANSWERS_WITHIN_S,
    ) -> None:
        self.address = address
        self._pauses_s, self._sleep, self._answers_within_s = pauses_s, sleep, answers_within_s
        self._files, self._root = _file_system(address)

    def put(self, path: Path, sha256: str) -> None:
        """Put a file under the name of its content, whole or not at all.

        Raises:
            BadWarehouseError: there is no such bucket.
        """
        size = path.stat().st_size

        def once() -> None:
            self._put_whole(path, self._place(sha256))
            if (stored := self._size(sha256)) != size:
                raise OSError(f"{stored} of {size} bytes arrived")

        try:
            self._tried(once)
        except (FileNotFoundError, NotADirectoryError):
            raise BadWarehouseError(self.address, "there is no such bucket or folder") from None

    def fetch(self, sha256: str, size: int, to: Path) -> None:
        """Have the object at the path, once it is known to be whole.

        Raises:
            MissingObjectError: the store has no such object, or its content is another.
        """
        to.parent.mkdir(parents=True, exist_ok=True)
        temporary = to.with_name(f".{to.name}.{uuid4().hex}.partial")
        cut = 0

        def once() -> None:
            nonlocal cut
            self._files.get_file(self._place(sha256), str(temporary), **self._within(size))
            if temporary.stat().st_size == size and sha256_of(temporary) == sha256:
                return
            cut += 1
            if cut == MOST_CUT:
                raise MissingObjectError(self.address, sha256, "is not what its name says")
            raise OSError("the download was cut short")

        try:
            self._tried(once)
            temporary.replace(to)
        except FileNotFoundError:
            raise MissingObjectError(self.address, sha256, "is not there") from None
        finally:
            temporary.unlink(missing_ok=True)

    def listed(self) -> Iterator[StoredObject]:
        """Yield every object that there is, in no order."""
        limit = {"timeout": LISTS_WITHIN_S} if self._within() else {}
        found = self._tried(lambda: self._files.find(f"{self._root}/{PLACE}", detail=True, **limit))
        for place, told in found.items():
            if SHA256.fullmatch(name := place.rsplit("/", 1)[-1]):
                yield StoredObject(name, int(told["size"]), _seconds(told))

    def delete(self, sha256: str) -> None:
        """Take an object away; one that is gone is gone all the same."""

        def once() -> None:
            try:
                self._files.rm_file(self._place(sha256), **self._within())
            except FileNotFoundError:
                return

        self._tried(once)

    def _place(self, sha256: str) -> str:
        return f"{self._root}/{PLACE}/{sha256[:2]}/{sha256}"

    def _put_whole(self, path: Path, place: str) -> None:
        if self._files.protocol[0] not in LOCAL:
            # Of an object store, which shows an object once it is whole.
            self._files.put_file(str(path), place, **self._within(path.stat().st_size))
            return
        temporary = f"{place}.{uuid4().hex}.partial"
        self._files.makedirs(place.rsplit("/", 1)[0], exist_ok=True)
        try:
            self._files.put_file(str(path), temporary)
            os.replace(temporary, place)
        finally:
            Path(temporary).unlink(missing_ok=True)

    def _size(self, sha256: str) -> int:
        self._files.invalidate_cache()
        return int(self._files.info(self._place(sha256), **self._within())["size"])

    def _within(self, size: int = 0) -> dict[str, float]:
        """Return how long an answer may take, where the file system is one that waits for answers."""
        if not getattr(self._files, "async_impl", False):
            return {}
        return {"timeout": self._answers_within_s + size / SLOWEST_BYTES_PER_S}

    def _tried(self, ask: Callable[[], Answer]) -> Answer:
        """Return the answer; what may be over in a moment is tried again. What is not there is not waited for."""
        passing, failed_at = _passing(self.address), None
        for tries, pause_s in enumerate((*self._pauses_s, None), start=1):
            try:
                return ask()
            except (FileNotFoundError, NotADirectoryError):
                raise
            except PermissionError:
                raise RefusedError(self.address) from None
            except passing as error:
                failed_at = failed_at or time.monotonic()
                if pause_s is None or time.monotonic() - failed_at > GIVES_UP_AFTER_S:
                    raise NoObjectStoreError(self.address, tries, error) from None
                self._sleep(pause_s)
        raise AssertionError("the last pause is none, and ends the loop")


def _passing(address: str) -> tuple[type[Exception], ...]:
    """Return what may be over in a moment: whatever a network or its library says."""
    if not address.startswith(S3):
        return (OSError,)
    from botocore.exceptions import BotoCoreError, ClientError

    return (OSError, BotoCoreError, ClientError)


def _seconds(told: dict[str, Any]) -> float:
    written = told.get("LastModified") or told.get("mtime") or told.get("created")
    if isinstance(written, datetime):
        return (written if written.tzinfo else written.replace(tzinfo=UTC)).timestamp()
    return float(written or 0)


def _file_system(address: str) -> tuple[Any, str]:
    if ADDRESS.fullmatch(address) is None:
        raise BadWarehouseError(address, "that is no address")
    try:
        place = UPath(address, **_options(address))
        if address.startswith(S3):
            place.fs.retries = 1  # as above: five of its own would each wait
        return place.fs, place.path.rstrip("/")
    except ImportError:
        raise BadWarehouseError(
            address,
            "what speaks its protocol is not installed (for s3 it comes with `pip install -e '.[fleet]'`)",
        ) from None
    except ValueError:
        raise BadWarehouseError(address, "no file system has that protocol") from None


def _options(address: str) -> dict[str, Any]:
    if not address.startswith(S3):
        return {}
    # Listings are kept by s3fs, and would tell of a store as it was before others wrote to it. The endpoint is said,
    # for s3fs keeps a client for whatever it was told, and the environment is not that.
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return {"use_listings_cache": False, "config_kwargs": PATIENCE, "endpoint_url": endpoint}
