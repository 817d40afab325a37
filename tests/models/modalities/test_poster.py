"""The poster model learns from every labelled poster, and an average poster says nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.view import vector_column
from models.errors import ViewMismatch
from models.labels import LABEL_SETS, Labels, elsewhere, pooled, targets
from models.modalities import poster
from models.modalities.base import Examples

RNG = np.random.default_rng(4)
N, WIDTH = 600, 12
DRAMA = {name: LABEL_SETS[name].genres.index("Drama") for name in ("movielens", "tmdb")}


def examples(labelled: int) -> Examples:
    """Posters whose first number tells a drama; MovieLens labels the first `labelled`, TMDb the others."""
    x = RNG.normal(1, 1, (N, WIDTH)).astype(np.float32)
    drama = x[:, 0] > 1
    by_set = {}
    for name in ("movielens", "tmdb"):
        y = np.zeros((N, len(LABEL_SETS[name].genres)), np.float32)
        known = np.arange(N) < labelled if name == "movielens" else np.arange(N) >= labelled
        y[drama & known, DRAMA[name]] = 1
        y[~drama & known, 0] = 1
        by_set[name] = Labels(y, known)
    genres, union = pooled(by_set)
    table = pa.table({"movie_id": np.arange(N), "embedding": vector_column(x)})
    buckets = (np.arange(N) % 10).astype(np.int8)
    return Examples(
        table, targets(by_set, "movielens"), union, genres, elsewhere(by_set, "movielens"), buckets
    )


def ranked(given: Examples) -> float:
    model = poster.fit(given, seed=1).model
    told = model.logits(given.table)[given.buckets == 0, DRAMA["movielens"]]
    x = poster.matrix(given.table["embedding"])[given.buckets == 0, 0]
    return float(np.corrcoef(told, x)[0, 1])


def test_genres_of_other_sources_teach_where_the_own_source_says_nothing() -> None:
    assert ranked(examples(labelled=30)) > 0.8


def test_an_average_poster_gives_the_prior() -> None:
    model = poster.fit(examples(labelled=300), seed=1).model
    assert isinstance(model, poster.VectorModel)
    table = pa.table({"embedding": vector_column(model.neutral("embedding")[None])})
    assert np.allclose(model.logits(table)[0], model.prior, atol=1e-5)


def test_the_texture_beside_it_teaches_and_may_be_missing_of_a_movie(tmp_path: Path) -> None:
    plain = examples(labelled=300)
    told = poster.matrix(plain.table["embedding"])[:, :1]
    texture = np.concatenate([told, RNG.normal(1, 1, (N, 2)).astype(np.float32)], axis=1)
    some = pa.array(
        [row if i % 7 else None for i, row in enumerate(texture.tolist())], pa.list_(pa.float32())
    )
    deaf = plain.table.set_column(1, "embedding", vector_column(RNG.normal(1, 1, (N, 5)).astype(np.float32)))
    given = replace(plain, table=deaf.append_column("texture", some))
    model = poster.fit(given, seed=1).model
    drama = model.logits(given.table)[given.buckets == 0, DRAMA["movielens"]]
    there = given.table["texture"].is_valid().to_numpy()[given.buckets == 0]
    assert np.corrcoef(drama[there], told[given.buckets == 0, 0][there])[0, 1] > 0.8
    without = given.table.set_column(2, "texture", pa.nulls(N, pa.list_(pa.float32())))
    assert np.ptp(model.logits(without)[:, DRAMA["movielens"]]) < np.ptp(drama) / 2
    model.save(tmp_path)
    assert (poster.load(tmp_path).logits(given.table) == model.logits(given.table)).all()
    with pytest.raises(ViewMismatch, match="texture, which is not built any more"):
        model.logits(deaf)


def test_a_poster_is_judged_alike_alone_and_among_others() -> None:
    given = examples(labelled=300)
    model = poster.fit(given, seed=1).model
    together = model.logits(given.table)
    assert all((model.logits(given.table.slice(i, 1))[0] == together[i]).all() for i in range(0, N, 97))


def test_other_sources_are_asked_for_genres_of_the_same_name_only() -> None:
    by_set = {
        "movielens": Labels(np.zeros((2, 18), np.float32), np.zeros(2, bool)),
        "tmdb": Labels(np.zeros((2, 19), np.float32), np.array([True, False])),
    }
    by_set["tmdb"].y[0, LABEL_SETS["tmdb"].genres.index("Family")] = 1
    said = elsewhere(by_set, "movielens")
    genres = LABEL_SETS["movielens"].genres
    assert said[0, genres.index("Children")] == 1
    assert said[0, genres.index("Drama")] == 0
    assert np.isnan(said[0, genres.index("Film-Noir")])
    assert np.isnan(said[1]).all()
