"""Fetching MovieLens' zip files and reading their members in place: nothing is ever unpacked to disk."""

import hashlib
import re
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import requests

from connectors.bulk_file import BulkFile
from connectors.delimited import Reader
from connectors.download import Downloader, Offer
from connectors.errors import BadRequest, Damaged, Malformed
from connectors.movielens.layouts import LAYOUTS, genres_from_flags
from connectors.retry import RetryPolicy, utc_now
from connectors.unpacking import (
    UNREADABLE,
    TooLarge,
    UnpackingLimits,
    list_members,
    open_member,
    refuse_member,
)

MOST_BYTES = 8 * 2**30
"""Unpacked size of the largest member that is read; the ratings of 32M are 0.9 GB."""


class MovieLens:
    """A client of MovieLens' sets.

    Args:
        base_url: `https://files.grouplens.org/datasets/movielens`, or a mirror.
        download_dir: The directory that keeps its files.
        most_bytes: The unpacked size of a member at most.
        session: The session of requests; a new one where None.
        retry: How often and how long a failing download is tried.
        clock: Returns the time, aware, in UTC.
        sleep: Takes seconds.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from connectors.mirror import SyntheticCatalogue, serve
        >>> with serve(SyntheticCatalogue(movies=20)) as mirror, TemporaryDirectory() as home:
        ...     movielens = MovieLens(f"{mirror.url}/movielens", Path(home))
        ...     file = movielens.fetch("ml-latest-small")
        ...     file.tables, sum(batch.num_rows for batch in file.read("movies"))
        ...     movielens.fetch("ml-latest-small", file.cursor) is None  # nothing is new
        (['movies', 'links', 'tags', 'ratings'], 11)
        True
    """

    def __init__(
        self,
        base_url: str,
        download_dir: Path,
        *,
        most_bytes: int = MOST_BYTES,
        session: requests.Session | None = None,
        retry: RetryPolicy | None = None,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._limits = UnpackingLimits(bytes=most_bytes)
        self._clock = clock
        self._download = Downloader(
            "MovieLens", Path(download_dir), session=session, retry=retry, clock=clock, sleep=sleep
        )

    def fetch(self, dataset: str, cursor: dict[str, Any] | None = None) -> BulkFile | None:
        """Return the set of that name, or None if it is the one of `cursor`.

        The `.md5` beside it tells whether it changed; where there is none, ETag or Last-Modified do.

        Args:
            dataset: The set's name, such as `ml-latest-small`.
            cursor: The `cursor` of the file that was landed last.

        Returns:
            The file, with those of the tables `movies`, `links`, `tags`, `ratings`, `genome_tags` and
            `genome_scores` that the set has.

        Raises:
            BadRequest: It cannot be a set's name.
            NotFound: There is no such set at the base address.
            Unauthorized: The server refuses access.
            SourceUnreachable: No connection can be made.
            TransientError: The download kept failing; Damaged where its checksum did.
            Malformed: The file is not a MovieLens set.
        """
        url, md5 = self._announced(dataset)
        if md5 and cursor and cursor.get("md5") == md5:
            return None
        file = self._download.file(
            url,
            # With a new checksum the validators of the old file say nothing.
            cursor=None if md5 else cursor,
            verify=lambda path: _verify(path, dataset, md5),
        )
        if file is None:
            return None
        members, notes = self._members(file.path)
        return BulkFile(
            source="movielens",
            dataset=dataset,
            path=file.path,
            cursor={**file.version.cursor(), "md5": md5},
            request=file.request,
            fetched_at=file.fetched_at,
            source_hash=str(file.version.sha256),
            readers={table: self._reader(file.path, dataset, member) for table, member in members.items()},
            notes=notes,
        )

    def offer(self, dataset: str, cursor: dict[str, Any] | None = None) -> Offer | None:
        """Return what `fetch` would download, or None if nothing is new; errors as for `fetch`."""
        url, md5 = self._announced(dataset)
        if md5 and cursor and cursor.get("md5") == md5:
            return None
        return self._download.offer(url, cursor=None if md5 else cursor)

    def _announced(self, dataset: str) -> tuple[str, str | None]:
        """Return the address of a set, and the MD5 published beside it, or None."""
        if not re.fullmatch(r"[A-Za-z0-9._-]+", dataset):
            raise BadRequest(f"not the name of a MovieLens set: {dataset!r}")
        url = f"{self._base}/{dataset}.zip"
        beside = self._download.text(f"{url}.md5") or ""
        page = beside.lstrip().startswith("<")  # a page of HTML may hold the like, but does not mean it
        listed = None if page else re.search(r"\b[0-9a-fA-F]{32}\b", beside)
        return url, listed[0].lower() if listed else None

    def _members(self, path: Path) -> tuple[dict[str, zipfile.ZipInfo], list[str]]:
        """Return the archive's member of each table, and notes on the members that were left aside."""
        members: dict[str, zipfile.ZipInfo] = {}
        notes: list[str] = []
        try:
            listed = list_members(path)
            for member in listed:
                *folders, name = member.filename.replace("\\", "/").split("/")
                if name not in LAYOUTS:
                    continue
                table = LAYOUTS[name][0]
                if ".." in folders or member.filename.startswith(("/", "\\")) or ":" in member.filename:
                    notes.append(f"{member.filename}: its path leads out of the archive; left aside")
                elif table in members:
                    notes.append(f"{member.filename}: a second {name}; left aside")
                else:
                    refuse_member(member, self._limits)
                    members[table] = member
        except TooLarge as error:
            what = f"{error}"
        except UNREADABLE as error:
            what = f"not a MovieLens set ({error})"
        else:
            if members:
                order = dict.fromkeys(table for table, _ in LAYOUTS.values())
                return {table: members[table] for table in order if table in members}, notes
            what = f"not a MovieLens set (none of its {len(listed)} members is a table of MovieLens)"
        raise Malformed(f"{path.name}: {what}")

    def _reader(self, path: Path, dataset: str, member: zipfile.ZipInfo) -> Callable[[], Reader]:
        name = member.filename.replace("\\", "/").rsplit("/", 1)[-1]
        layout = LAYOUTS[name][1]
        if name.endswith(".dat") and dataset.startswith("ml-1m"):
            layout = replace(layout, encoding="latin-1")
        reshape = genres_from_flags if name == "u.item" else None
        return lambda: Reader(
            f"{path.name}/{member.filename}",
            partial(open_member, path, member, self._limits),
            layout,
            constants={"dataset": dataset},
            reshape=reshape,
        )


def _verify(path: Path, dataset: str, md5: str | None) -> None:
    with path.open("rb") as file:
        if md5 is not None:
            # The publisher's checksum against damage in transit, not against forgery.
            actual = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
            if actual != md5:
                raise Damaged(f"{dataset}.zip: its MD5 is {actual}, but {md5} was announced")
        elif not zipfile.is_zipfile(file):
            raise Damaged(f"{dataset}.zip: what arrived is not a zip file")
