"""Fetching and reading IMDb's files."""

import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import requests

from connectors.bulk_file import BulkFile
from connectors.delimited import Reader
from connectors.download import Downloader, Offer
from connectors.errors import BadRequest, Damaged
from connectors.imdb.layouts import LAYOUTS
from connectors.retry import RetryPolicy, utc_now
from connectors.unpacking import open_file


class IMDb:
    """A client of IMDb's datasets.

    Args:
        base_url: `https://datasets.imdbws.com`, or a mirror.
        download_dir: The directory that keeps its files.
        session: The session of requests; a new one where None.
        retry: How often and how long a failing download is tried.
        clock: Returns the time, aware, in UTC.
        sleep: Takes seconds.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from connectors.mirror import SyntheticCatalogue, serve
        >>> with serve(SyntheticCatalogue(movies=20)) as mirror, TemporaryDirectory() as home:
        ...     imdb = IMDb(f"{mirror.url}/imdb", Path(home))
        ...     file = imdb.fetch("title.ratings")
        ...     print(sum(batch.num_rows for batch in file.read("title.ratings")), "ratings")
        ...     imdb.fetch("title.ratings", file.cursor) is None  # nothing is new
        1501 ratings
        True
    """

    def __init__(
        self,
        base_url: str,
        download_dir: Path,
        *,
        session: requests.Session | None = None,
        retry: RetryPolicy | None = None,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._download = Downloader(
            "IMDb", Path(download_dir), session=session, retry=retry, clock=clock, sleep=sleep
        )

    def fetch(self, dataset: str, cursor: dict[str, Any] | None = None) -> BulkFile | None:
        """Return the newest file of `dataset`, or None if it is the one of `cursor`.

        Args:
            dataset: A key of `LAYOUTS`, such as `title.ratings`.
            cursor: The `cursor` of the file that was landed last.

        Returns:
            The file, with one table of the same name.

        Raises:
            BadRequest: IMDb has no such dataset.
            NotFound: There is no such file at the base address.
            Unauthorized: The server refuses access.
            SourceUnreachable: No connection can be made.
            TransientError: The download kept failing.
        """
        url = self._url(dataset)
        file = self._download.file(url, cursor=cursor, verify=_verify_gzip)
        if file is None:
            return None

        return BulkFile(
            source="imdb",
            dataset=dataset,
            path=file.path,
            cursor=file.version.cursor(),
            request=file.request,
            fetched_at=file.fetched_at,
            source_hash=str(file.version.sha256),
            readers={dataset: lambda: reader(file.path, dataset)},
        )

    def offer(self, dataset: str, cursor: dict[str, Any] | None = None) -> Offer | None:
        """Return what `fetch` would download, or None if nothing is new; errors as for `fetch`."""
        return self._download.offer(self._url(dataset), cursor=cursor)

    def _url(self, dataset: str) -> str:
        if dataset not in LAYOUTS:
            raise BadRequest(f"IMDb has no dataset {dataset!r}, only {', '.join(LAYOUTS)}")
        return f"{self._base}/{dataset}.tsv.gz"


def reader(path: Path, dataset: str) -> Reader:
    """Return a reader of IMDb's `.tsv.gz` at `path`; `dataset` is a key of `LAYOUTS`."""
    return Reader(path.name, partial(open_file, path), LAYOUTS[dataset])


def _verify_gzip(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(16)
    if start[:2] != b"\x1f\x8b":
        raise Damaged(f"{path.name.removesuffix('.part')}: not a gzip file (starts with {start!r})")
