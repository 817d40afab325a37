"""Running the mirror: in a thread for tests and the demo, or in the foreground for the command line."""

import asyncio
import errno
import secrets
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, TypeVar

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from connectors.mirror.faults import FaultPlan, FaultRule
from connectors.mirror.server import MirrorApp
from connectors.mirror.source_catalogue import Catalogue, MirrorError

_T = TypeVar("_T")


class Mirror:
    """A mirror that is listening; a context manager that stops it. Made by `serve`."""

    def __init__(
        self, app: MirrorApp, listening: socket.socket, guard: Callable[[ASGIApp], ASGIApp] | None = None
    ) -> None:
        self.app = app
        host, port = listening.getsockname()[:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        # Where any key will do, one that occurs in no text: it must never be taken for a word of the data.
        self._token = app.token or secrets.token_hex(32)
        self._socket = listening
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        config = uvicorn.Config(
            guard(app) if guard else app,
            http=_Protocol,
            lifespan="off",
            access_log=False,
            log_config=None,
            date_header=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=5,
        )
        self._server = _Server(config, self._ready, app.closing)
        self._thread = threading.Thread(target=self._run, name=f"mirror {self.url}", daemon=True)
        self._thread.start()
        self._ready.wait()
        if not self._server.started:
            raise MirrorError(f"the mirror could not start at {self.url}: see the error above")

    def _run(self) -> None:
        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            await self._server.serve(sockets=[self._socket])

        try:
            asyncio.run(main())
        finally:
            self._ready.set()

    def __enter__(self) -> "Mirror":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop listening and return once every connection is closed; requests that hang are dropped."""
        if self._thread.is_alive() and self._loop is not None:
            self._loop.call_soon_threadsafe(self.app.closing.set)
            self._thread.join()
        self._socket.close()

    def advance(self, days: int = 1) -> None:
        """Move the catalogue's clock `days` on; requests in progress see either day."""
        self._call(lambda: self.app.catalogue.advance(days))

    def set_faults(self, *rules: FaultRule) -> None:
        """Replace the rules by which the mirror misbehaves; none without any."""
        self._call(lambda: setattr(self.app, "faults", FaultPlan(rules)))

    def fault_hits(self) -> list[int]:
        """Return how often each of the present rules was applied."""
        return self._call(lambda: self.app.faults.hits)

    def log(self) -> dict[str, Any]:
        """Return the requests so far; see `MirrorApp.log`."""
        return self._call(self.app.log)

    def clear_log(self) -> None:
        """Forget the requests so far."""
        self._call(self.app.clear_log)

    def env(self) -> dict[str, str]:
        """Return the settings that point Reelhouse's connectors at this mirror, as environment variables."""
        catalogue = self.app.catalogue
        return {
            "REELHOUSE_TMDB_URL": f"{self.url}/3",
            "REELHOUSE_TMDB_EXPORT_URL": f"{self.url}/p/exports",
            "REELHOUSE_TMDB_TOKEN": self._token,
            "REELHOUSE_TMDB_REQUESTS_PER_SECOND": "1000",
            "REELHOUSE_IMAGE_REQUESTS_PER_SECOND": "1000",
            "REELHOUSE_IMDB_URL": f"{self.url}/imdb",
            "REELHOUSE_IMDB_DATASETS": ",".join(sorted(catalogue.imdb_datasets())),
            "REELHOUSE_MOVIELENS_URL": f"{self.url}/movielens",
            "REELHOUSE_MOVIELENS_SETS": ",".join(sorted(catalogue.movielens_sets())),
        }

    def _call(self, question: Callable[[], _T]) -> _T:
        """Run `question` between two requests: a catalogue is used by one thread at a time."""

        async def ask() -> _T:
            return question()

        if self._loop is None or not self._thread.is_alive():
            return question()
        return asyncio.run_coroutine_threadsafe(ask(), self._loop).result()


def serve(
    catalogue: Catalogue,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str | None = None,
    faults: FaultPlan | None = None,
    guard: Callable[[ASGIApp], ASGIApp] | None = None,
) -> Mirror:
    """Return a mirror of `catalogue` that is listening in a background thread.

    Args:
        catalogue: What is served, such as a `SyntheticCatalogue` or a `DirectoryCatalogue`.
        host: The address to listen on.
        port: The port; 0 picks a free one.
        token: The only TMDb key that is accepted; any that is not empty where None.
        faults: The rules by which the mirror misbehaves; none where None.
        guard: Puts an application in front of the mirror's, which may refuse requests; none where None.

    Returns:
        The mirror. Its `with` block stops it.

    Raises:
        MirrorError: The port cannot be had, or the server cannot start.

    Example:
        >>> import requests
        >>> from connectors.mirror import SyntheticCatalogue
        >>> with serve(SyntheticCatalogue(movies=20)) as mirror:
        ...     answer = requests.get(f"{mirror.url}/3/movie/234", {"api_key": "any"})
        ...     answer.json()["id"], mirror.log()["counts"]
        (234, {'GET details': 1})
    """
    return Mirror(MirrorApp(catalogue, token=token, faults=faults), _listen(host, port), guard)


def run(
    catalogue: Catalogue,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str | None = None,
    faults: FaultPlan | None = None,
    guard: Callable[[ASGIApp], ASGIApp] | None = None,
    on_listening: Callable[[Mirror], None] = lambda mirror: None,
) -> None:
    """Serve `catalogue` until SIGINT or SIGTERM, then return; from the main thread only.

    `on_listening` is called once the mirror listens; the rest is as in `serve`. Raises `MirrorError` when the
    port cannot be had.
    """
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with serve(catalogue, host=host, port=port, token=token, faults=faults, guard=guard) as mirror:
            on_listening(mirror)
            stop.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _listen(host: str, port: int) -> socket.socket:
    # The protocol is spelt out because asyncio sets TCP_NODELAY on such sockets only: without it, each answer
    # waits 40 ms for the client's delayed acknowledgement.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(2048)
    except (OSError, OverflowError) as error:
        listening.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise MirrorError(
                f"port {port} on {host} is taken: stop what uses it or choose another"
            ) from None
        raise MirrorError(f"cannot listen on {host}, port {port}: {error}") from None
    return listening


class _Server(uvicorn.Server):
    """A uvicorn server that says when it listens, and stops when `closing` is set."""

    def __init__(self, config: uvicorn.Config, ready: threading.Event, closing: asyncio.Event) -> None:
        super().__init__(config)
        self._ready = ready
        self._closing = closing

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()

    async def main_loop(self) -> None:
        await self._closing.wait()


class _Protocol(H11Protocol):
    """uvicorn's HTTP protocol; it lets the faults reach the connection, to cut or reset it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}
