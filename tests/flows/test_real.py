"""One whole night on the real records, over real HTTP: nothing is lost, and the models are worth it."""

import csv
import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from connectors.mirror import DirectoryCatalogue, serve
from tests.flows.lake import row, scalar

pytestmark = [pytest.mark.slow, pytest.mark.real_data]


@pytest.fixture(scope="module")
def night(
    shared_data: Path, shared_weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """A night from an empty home, and the same night again; their printed results by name."""
    home = tmp_path_factory.mktemp("real") / "home"
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("REELHOUSE_", "PREFECT_"))
    }
    with serve(DirectoryCatalogue(shared_data)) as mirror:
        extra = {
            "REELHOUSE_HOME": str(home),
            "REELHOUSE_CONFIG": os.devnull,
            "REELHOUSE_POSTER_ENCODER": str(shared_weights),
        }

        def reelhouse(*arguments: str) -> "subprocess.CompletedProcess[str]":
            return subprocess.run(
                [sys.executable, "-m", "flows.cli", *arguments],
                env={**kept, **mirror.env(), **extra},
                capture_output=True,
                text=True,
                check=False,
            )

        first, second = (reelhouse("nightly", "--local", "--json") for _ in range(2))
        plain = reelhouse("compare", "--plain", "--json")
    assert first.returncode == 0, first.stderr
    assert second.returncode == 0, second.stderr
    assert plain.returncode == 0, plain.stderr
    return {"home": home, "second": second, "plain": json.loads(plain.stdout)}


def records(path: Path) -> list[dict[str, Any]]:
    """The lines of a gzipped file of JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def test_every_record_of_every_source_arrives(night: dict[str, Any], shared_data: Path) -> None:
    home = night["home"]
    movies = {record["id"] for record in records(shared_data / "tmdb" / "movies.jsonl.gz")}
    keywords = {record["id"] for record in records(shared_data / "tmdb" / "keywords.jsonl.gz")}
    assert (len(movies), len(keywords)) == (5_928, 38_643)
    landed = set(scalar(home, "SELECT list(tmdb_id) FROM raw.tmdb_movies WHERE payload IS NOT NULL"))
    assert movies <= landed
    assert keywords <= landed
    with_list = "SELECT count(*) FROM raw.tmdb_movies WHERE json_exists(payload, '$.keywords.keywords')"
    assert scalar(home, with_list) >= 38_643
    sets = "SELECT list(n ORDER BY n) FROM (SELECT count(*) AS n FROM raw.movielens_movies GROUP BY dataset)"
    assert scalar(home, sets) == [8_292, 23_198]
    assert scalar(home, "SELECT count(*) FROM raw.imdb_title_basics") == 124_128
    posters = list(csv.DictReader(io.StringIO((shared_data / "posters" / "manifest.csv").read_text())))
    assert (
        scalar(home, "SELECT count(*) FROM ops.poster_files WHERE state = 'stored'") == len(posters) == 4_038
    )
    # The mirror sends what is narrow enough as it is; the one that is wider than w185 it scales down.
    narrow = {poster["sha256"] for poster in posters if int(poster["width"]) <= 185}
    stored = set(scalar(home, "SELECT list(DISTINCT sha256) FROM ops.poster_files WHERE state = 'stored'"))
    assert narrow <= stored
    assert len(stored - narrow) == sum(int(poster["width"]) > 185 for poster in posters) == 1
    assert scalar(home, "SELECT max(width) FROM ops.poster_files") == 185


UNSCORED = """
WITH present AS (
    SELECT movie_id FROM features.metadata WHERE present
    UNION SELECT movie_id FROM features.tags WHERE present
    UNION SELECT movie_id FROM features.text WHERE present
    UNION SELECT movie_id FROM features.poster WHERE present
)
SELECT count(*), count(*) FILTER (s.movie_id IS NULL) FROM present
CROSS JOIN (VALUES ('movielens'), ('tmdb')) AS sets (label_set)
LEFT JOIN (SELECT DISTINCT movie_id, label_set FROM predictions.current WHERE model = 'combined') AS s
    ON s.movie_id = present.movie_id AND s.label_set = sets.label_set
"""


def test_every_movie_with_a_modality_is_predicted_for_both_label_sets(night: dict[str, Any]) -> None:
    wanted, missing = row(night["home"], UNSCORED)
    assert wanted > 300_000
    assert missing == 0


def test_a_second_night_does_nothing_and_says_so(night: dict[str, Any]) -> None:
    assert "nothing to do: nothing fetched, encoded, trained or scored" in night["second"].stderr


NOISE = 0.015  # on about 500 test movies a smaller difference of AUC is noise


def test_our_models_are_as_good_as_plain_ones_and_the_combination_is_best(night: dict[str, Any]) -> None:
    eight = [each for each in night["plain"] if each["genres"] == "movielens8"]
    ours = {each["model"]: each["our_auc"] for each in eight}
    for each in eight:
        assert each["our_auc"] > each["baseline_auc"] - NOISE, each
    assert ours["combined"] > max(ours["metadata"], ours["tags"], ours["text"]) + NOISE
