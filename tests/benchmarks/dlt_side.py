"""The part of bench_load that runs in dlt's own environment; knows nothing of Reelhouse.

    python dlt_side.py dlt|pandas FILE DIRECTORY

Loads a title.basics.tsv.gz, and prints one line of JSON: version, seconds, and peak memory in megabytes.
"""

import json
import os
import re
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

TYPES = {
    "tconst": "string",
    "titleType": "string",
    "primaryTitle": "string",
    "originalTitle": "string",
    "isAdult": "int32",
    "startYear": "int32",
    "endYear": "int32",
    "runtimeMinutes": "int32",
    "genres": "string",
}


def with_dlt(file: Path, directory: Path) -> None:
    """Arrow batches of the file into a DuckDB file, dlt's fast path."""
    os.environ["DLT_DATA_DIR"] = str(directory / "dlt")
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    import dlt
    import pyarrow as pa
    import pyarrow.csv as csv

    @dlt.resource(name="title_basics", write_disposition="replace")
    def titles() -> Iterator[Any]:
        with csv.open_csv(
            pa.CompressedInputStream(pa.OSFile(str(file)), "gzip"),
            read_options=csv.ReadOptions(block_size=8 << 20),
            parse_options=csv.ParseOptions(delimiter="\t", quote_char=False),
            convert_options=csv.ConvertOptions(
                column_types={name: pa.type_for_alias(kind) for name, kind in TYPES.items()},
                null_values=["\\N"],
                strings_can_be_null=True,
            ),
        ) as batches:
            for batch in batches:
                yield pa.Table.from_batches([batch])

    pipeline = dlt.pipeline(
        "load", destination=dlt.destinations.duckdb(str(directory / "dlt.duckdb")), dataset_name="imdb"
    )
    pipeline.run(titles())


def with_pandas(file: Path, directory: Path) -> None:
    """The whole file into one frame, and that into Parquet."""
    import pandas as pd

    kinds = {name: "string" if kind == "string" else "Int32" for name, kind in TYPES.items()}
    frame = pd.read_csv(file, sep="\t", na_values="\\N", keep_default_na=False, quoting=3, dtype=kinds)
    frame.to_parquet(directory / "pandas.parquet")


part, path, work = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
started = time.perf_counter()
{"dlt": with_dlt, "pandas": with_pandas}[part](path, work)
seconds = time.perf_counter() - started
(kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
print(json.dumps({"version": version(part), "seconds": seconds, "megabytes": int(kilobytes) / 1000}))
