"""What `reelhouse serve` shows of a home: Prometheus metrics and a health answer, over HTTP on localhost."""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import uvicorn
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from flows.engine.context import location
from flows.errors import FlowError
from flows.inspect.check import freshness
from flows.serving.same_origin import MORE_NAMES, SameOrigin
from flows.settings import Settings
from models.registry import champions
from warehouse import Warehouse, WarehouseError
from warehouse.operations import flow_histories, quarantined

CACHE_SECONDS = 15.0
STATES = ("running", "completed", "failed", "cancelled", "crashed")


def collect(settings: Settings) -> list[Metric]:
    """Return every metric of this home, read from one read-only warehouse.

    Where there is no warehouse yet, or it cannot be read, only `reelhouse_warehouse_up` is given, as 0.
    """
    up = GaugeMetricFamily("reelhouse_warehouse_up", "1 when the warehouse can be read.")
    try:
        with Warehouse.open(location(settings), read_only=True) as warehouse:
            metrics = [*_runs(warehouse), _rows(warehouse), *_quality(warehouse)]
    except WarehouseError:
        up.add_metric([], 0)
        return [up]
    up.add_metric([], 1)
    return [up, *metrics]


def _runs(warehouse: Warehouse) -> Iterable[Metric]:
    state = GaugeMetricFamily(
        "reelhouse_last_run_state", "1 for the state of the last run.", labels=["flow", "state"]
    )
    started = GaugeMetricFamily(
        "reelhouse_last_run_started_timestamp_seconds", "When the last run began.", labels=["flow"]
    )
    completed = GaugeMetricFamily(
        "reelhouse_last_completed_timestamp_seconds", "When a run last completed.", labels=["flow"]
    )
    seconds = GaugeMetricFamily(
        "reelhouse_last_run_duration_seconds", "How long the last ended run took.", labels=["flow"]
    )
    for history in flow_histories(warehouse):
        for name in STATES:
            state.add_metric([history.flow, name], float(history.state == name))
        started.add_metric([history.flow], history.started_at.timestamp())
        if history.completed_at is not None:
            completed.add_metric([history.flow], history.completed_at.timestamp())
        if history.seconds is not None:
            seconds.add_metric([history.flow], history.seconds)
    return [state, started, completed, seconds]


def _rows(warehouse: Warehouse) -> Metric:
    rows = GaugeMetricFamily("reelhouse_rows", "Rows of each table.", labels=["layer", "table"])
    for name, count in warehouse.table_counts().items():
        layer, _, table = name.partition(".")
        rows.add_metric([layer, table], count)
    return rows


def _quality(warehouse: Warehouse) -> Iterable[Metric]:
    fresh = GaugeMetricFamily(
        "reelhouse_source_freshness_seconds", "Seconds since the source was last asked.", labels=["source"]
    )
    for source, age in sorted(freshness(warehouse).items()):
        fresh.add_metric([source], age)
    aside = GaugeMetricFamily(
        "reelhouse_quarantine_rows", "Rows that were set aside.", labels=["source", "table"]
    )
    for rows in sorted(quarantined(warehouse), key=lambda rows: (rows.source or "", rows.table_name or "")):
        aside.add_metric([rows.source or "", rows.table_name or ""], rows.n_rows)
    auc = GaugeMetricFamily(
        "reelhouse_champion_auc", "The champion's mean held-out ROC-AUC.", labels=["label_set", "model"]
    )
    for entry in champions(warehouse):
        value = held_out_auc(entry.metrics)
        if value is not None:
            auc.add_metric([entry.label_set, entry.model], value)
    snapshot = GaugeMetricFamily("reelhouse_snapshot_id", "The lake's newest snapshot.")
    snapshot.add_metric([], warehouse.snapshot_id)
    return [fresh, aside, auc, snapshot]


def held_out_auc(metrics: Mapping[str, Any]) -> float | None:
    """Return the mean ROC-AUC on the test movies, of a model's metrics as `ops.models` keeps them."""
    value = metrics.get("auc")
    return float(value) if isinstance(value, int | float) else None


class _Collector:
    """Gives the metrics of a home, read again when they are older than `CACHE_SECONDS`."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._metrics: list[Metric] = []

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            now = self._clock()
            if self._read_at is None or now - self._read_at >= CACHE_SECONDS:
                self._metrics, self._read_at = collect(self._settings), now
            return list(self._metrics)


def metrics_app(settings: Settings, health: Callable[[], str | None]) -> Starlette:
    """Return the HTTP application: `/metrics`, and `/healthz`, which is 503 with the reason of `health`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(settings))

    # Plain functions: Starlette runs them in a thread, so that a slow read keeps no other request waiting.
    def metrics(request: Request) -> Response:
        return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})

    def healthz(request: Request) -> Response:
        reason = health()
        return PlainTextResponse(f"{reason or 'ok'}\n", status_code=503 if reason else 200)

    return Starlette(routes=[Route("/metrics", metrics), Route("/healthz", healthz)])


class MetricsServer:
    """Serves the metrics in a thread until `stop`; `port` 0 takes a free one, then in `port`."""

    def __init__(
        self, settings: Settings, port: int, health: Callable[[], str | None], host: str = "127.0.0.1"
    ) -> None:
        config = uvicorn.Config(
            SameOrigin(metrics_app(settings, health), settings.host_names, remedy=MORE_NAMES),
            lifespan="off",
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=2,
        )
        self._server = uvicorn.Server(config)
        try:
            self._socket = socket.create_server((host, port))
        except OSError:
            raise FlowError(
                f"port {port} is in use: choose another with REELHOUSE_METRICS_PORT, or 0 for none"
            ) from None
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="metrics", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._server.should_exit = True
        self._thread.join(timeout=5)
        self._socket.close()
