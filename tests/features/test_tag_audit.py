"""The audit finds the tag that gives a genre away."""

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.leaks import WORDS, genre_named
from features.tag_audit import strongest_tags
from features.tags import Tags, normalise


def test_the_tag_that_names_the_genre_comes_first() -> None:
    rng = np.random.default_rng(0)
    horror = rng.random(300) < 0.3
    tags = [
        ["boat", *(["spooky"] if h and rng.random() < 0.5 else []), *(["sea"] if rng.random() < 0.5 else [])]
        for h in horror
    ]
    genres = [["Horror"] if h else ["Drama"] for h in horror]
    found = strongest_tags(pa.array(tags), pa.array(genres)).to_pylist()
    assert (found[0]["tag"], found[0]["genre"], found[0]["precision"]) == ("spooky", "Horror", 1.0)
    assert found[0]["lift"] == pytest.approx(1 / horror.mean())
    assert found[0]["movies"] == sum("spooky" in bag for bag in tags)
    assert all(row["strength"] > 0 for row in found)


def test_rare_tags_and_movies_without_genres_do_not_count() -> None:
    tags = pa.array([["rare"], ["common"]] + [["common"]] * 5)
    genres = pa.array([["War"], ["War"], *[["Drama"]] * 4, []])
    found = strongest_tags(tags, genres, min_movies=5).to_pylist()
    assert {row["tag"] for row in found} == {"common"}
    assert found[0]["movies"] == 5


@pytest.mark.real_data
def test_no_strong_predictor_among_the_real_keywords_reads_like_a_genre(shared_data: Path) -> None:
    with gzip.open(shared_data / "tmdb" / "movies.jsonl.gz", "rt", encoding="utf-8") as lines:
        movies = {movie["id"]: movie for movie in map(json.loads, lines)}.values()
    keywords = [[word["name"] for word in movie["keywords"]["keywords"]] for movie in movies]
    inputs = pa.table(
        {
            "movie_id": range(len(keywords)),
            "tags": pa.array(
                [[] for _ in keywords], pa.list_(pa.struct([("tag", "string"), ("n", "int64")]))
            ),
            "keywords": pa.array(keywords, pa.list_(pa.string())),
        }
    )
    genres = pa.array([[genre["name"] for genre in movie["genres"]] for movie in movies])
    with_leaks = strongest_tags(Tags(leaks=True).compute(inputs)["tags"], genres, top=150)["tag"].to_pylist()
    kept = strongest_tags(Tags().compute(inputs)["tags"], genres, top=150)
    names = {name for forms in WORDS.values() for name in forms}
    assert {"biography", "world war ii", "musical"} <= set(with_leaks)
    assert any(genre_named(tag) for tag in with_leaks)
    assert not [tag for tag in kept["tag"].to_pylist() if set(normalise(tag).split()) & names]
    for row in kept.slice(0, 15).to_pylist():
        print(f"{row['tag']}: {row['genre']} in {row['precision']:.0%} of {row['movies']}")
