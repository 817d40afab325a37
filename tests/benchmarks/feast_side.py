"""The part of bench_feast that runs in Feast's own environment; knows nothing of Reelhouse.

    python feast_side.py DIRECTORY ROUNDS

Reads `spine.parquet` and `rows.parquet` in the directory, asks a Feast store with DuckDB for all features of
the spine, writes `answer.parquet`, and prints one line of JSON: versions, and seconds of each round.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pyarrow.parquet as pq
from feast import Entity, FeatureStore, FeatureView, Field, FileSource
from feast.infra.offline_stores.duckdb import DuckDBOfflineStoreConfig
from feast.repo_config import RepoConfig
from feast.types import Float64
from feast.value_type import ValueType

directory, rounds = Path(sys.argv[1]), int(sys.argv[2])
names = [name for name in pq.read_schema(directory / "rows.parquet").names if name.startswith("c")]
movie = Entity(name="movie_id", join_keys=["movie_id"], value_type=ValueType.INT64)
view = FeatureView(
    name="wide",
    entities=[movie],
    schema=[Field(name=name, dtype=Float64) for name in names],
    source=FileSource(path=str(directory / "rows.parquet"), timestamp_field="event_time"),
)
store = FeatureStore(
    config=RepoConfig(
        project="bench",
        registry=str(directory / "registry.db"),
        provider="local",
        offline_store=DuckDBOfflineStoreConfig(),
        online_store=None,
        entity_key_serialization_version=3,
    )
)
store.apply([movie, view])
spine = pq.read_table(directory / "spine.parquet").to_pandas()
features = [f"wide:{name}" for name in names]
seconds = []
for _ in range(rounds):
    started = time.perf_counter()
    answer = store.get_historical_features(entity_df=spine, features=features).to_arrow()
    seconds.append(time.perf_counter() - started)
pq.write_table(answer, directory / "answer.parquet")
print(json.dumps({"feast": version("feast"), "duckdb": version("duckdb"), "seconds": seconds}))
