"""The registry: which models are in use."""

from pathlib import Path

import pyarrow as pa

from models.registry import champions
from warehouse import Location, Warehouse


def test_champions_come_in_order_and_what_was_not_recorded_is_empty(tmp_path: Path) -> None:
    with Warehouse.open(Location.under(tmp_path)) as warehouse:
        assert champions(warehouse) == []
        recorded = (
            ("tmdb", "text", "v1", "champion", None),
            ("imdb", "text", "v2", "champion", '{"auc": 0.8}'),
            ("imdb", "tags", "v3", "champion", "{}"),
            ("imdb", "tags", "v0", "retired", "{}"),
        )
        names = ("label_set", "model", "model_version", "stage", "metrics")
        rows = [dict(zip(names, values, strict=True)) for values in recorded]
        created_at = pa.array([warehouse.clock()] * len(rows), pa.timestamp("us", tz="UTC"))
        table = pa.Table.from_pylist(rows).append_column("created_at", created_at)
        warehouse.commit(lambda tx: tx.append("ops.models", table))
        entries = champions(warehouse)
    assert [entry.model_version for entry in entries] == ["v3", "v2", "v1"]
    assert [entry.metrics for entry in entries] == [{}, {"auc": 0.8}, {}]
    assert all(entry.views == entry.thresholds == {} for entry in entries)
