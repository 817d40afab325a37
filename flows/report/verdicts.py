"""What the models say and how right they are: leaderboards, held-out scores, suspects and examples."""

# ruff: noqa: S608 — statements are put together from constants, values are bound

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from models.modalities.modality import MODALITIES
from models.registry import Entry, entries
from warehouse import Warehouse
from warehouse.live import LIVE_MOVIES

Row = Mapping[str, Any]
Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

EXAMPLES = 6
SUSPECTS = 20
POSTERS_PER_GENRE = 6
SHOWN_VERSIONS = 4
SUREST = 3
TAGS = 5

SCORED = """
SELECT label_set, model, any_value(model_version) AS model_version, count(DISTINCT movie_id) AS movies
FROM predictions.current GROUP BY label_set, model ORDER BY label_set, model
"""

GENRES = """
SELECT DISTINCT genre FROM predictions.current WHERE label_set = $label_set ORDER BY genre
"""

HELD_OUT = f"""
SELECT c.movie_id, c.genre, c.probability, c.threshold, c.predicted, g.genre IS NOT NULL AS given
FROM predictions.current c
JOIN {LIVE_MOVIES} m ON m.movie_id = c.movie_id AND m.bucket = 0
LEFT JOIN core.movie_genres g
     ON g.movie_id = c.movie_id AND g.source = $label_set AND g.genre = c.genre
WHERE c.label_set = $label_set AND c.model = $model
ORDER BY c.movie_id, c.genre
"""

LABEL_SETS_OF_MOVIES = f"""
SELECT bucket = 0 AS test, genres, count(*) AS movies
FROM (
    SELECT m.movie_id, any_value(m.bucket) AS bucket, list(g.genre ORDER BY g.genre) AS genres
    FROM {LIVE_MOVIES} m
    JOIN core.movie_genres g
         ON g.movie_id = m.movie_id AND g.source = $label_set AND list_contains($genres, g.genre)
    WHERE m.bucket >= 2 OR (m.bucket = 0 AND m.original_language IS NOT NULL)
    GROUP BY m.movie_id
)
GROUP BY ALL ORDER BY movies DESC, genres
"""

SUSPICIOUS = f"""
WITH judged AS (
    SELECT c.movie_id, c.genre, c.probability, c.predicted, g.genre IS NOT NULL AS given
    FROM predictions.current c
    LEFT JOIN core.movie_genres g
         ON g.movie_id = c.movie_id AND g.source = $label_set AND g.genre = c.genre
    WHERE c.label_set = $label_set AND c.model = $model
), worst AS (
    SELECT movie_id,
           sum(-ln(greatest(CASE WHEN given THEN probability ELSE 1 - probability END, 1e-6))) AS surprise,
           list(genre ORDER BY genre) FILTER (given) AS given,
           list({{genre: genre, probability: probability}} ORDER BY probability DESC, genre)
               FILTER (predicted) AS predicted
    FROM judged GROUP BY movie_id HAVING bool_or(given)
)
SELECT w.*, m.title, m.year, m.imdb_id, m.tmdb_id, m.bucket
FROM worst w JOIN {LIVE_MOVIES} m USING (movie_id)
ORDER BY w.surprise DESC, w.movie_id LIMIT $n
"""

REPRESENTATIVE = f"""
SELECT c.genre, c.movie_id, c.probability, m.title, m.year, p.sha256, p.format
FROM predictions.current c
JOIN {LIVE_MOVIES} m ON m.movie_id = c.movie_id AND m.bucket <= 1
JOIN core.posters p ON p.movie_id = c.movie_id
SEMI JOIN (SELECT movie_id, genre FROM core.movie_genres WHERE source = $label_set) g
     ON g.movie_id = c.movie_id AND g.genre = c.genre
WHERE c.label_set = $label_set AND c.model = $model AND NOT coalesce(m.adult, false)
QUALIFY row_number() OVER (PARTITION BY c.genre, p.sha256 ORDER BY c.movie_id) = 1
    AND row_number() OVER (PARTITION BY c.genre ORDER BY c.probability DESC, c.movie_id) <= $n
ORDER BY c.genre, c.probability DESC, c.movie_id
"""

MOVIES = """
SELECT m.movie_id, m.title, m.year, p.sha256, p.format
FROM core.movies m LEFT JOIN core.posters p USING (movie_id)
WHERE list_contains($ids, m.movie_id) AND NOT coalesce(m.adult, false)
"""


TAGS_OF = """
SELECT movie_id, list(word ORDER BY users DESC, word)[:$n] AS words
FROM (
    SELECT movie_id, word, max(users) AS users FROM (
        SELECT movie_id, tag AS word, n_users AS users FROM core.movie_tags
        UNION ALL SELECT movie_id, keyword, 1 FROM core.movie_keywords
    ) WHERE list_contains($ids, movie_id) AND word IS NOT NULL GROUP BY ALL
)
GROUP BY movie_id
"""


@dataclass(frozen=True)
class HeldOut:
    """A champion's scores of the labelled test movies.

    `y`, `p` and `d` are `(n_movies, n_genres)`: given genres, probabilities, decisions. `thresholds` has one
    per genre.
    """

    model: str
    model_version: str
    genres: tuple[str, ...]
    movie_ids: npt.NDArray[np.int64]
    y: Floats
    p: Floats
    d: Bools
    thresholds: Floats


@dataclass(frozen=True)
class Verdicts:
    """Everything about one label set; lists hold one row per line or picture."""

    label_set: str
    versions: list[Entry]
    scored: list[Row]
    constant: Row | None = None
    held_out: HeldOut | None = None
    doubts: list[Row] = field(default_factory=list)
    """Labels that models which had not seen them doubt most (models.scoring.label_errors)."""
    suspects: list[Row] = field(default_factory=list)
    """Movies that the champion contradicts most, where no version has kept honest opinions."""
    posters: dict[str, list[Row]] = field(default_factory=dict)
    posters_by: str = ""
    right: list[Row] = field(default_factory=list)
    wrong: list[Row] = field(default_factory=list)


def read_verdicts(
    warehouse: Warehouse,
    label_sets: Sequence[str],
    doubts: Callable[[str], list[Row]] = lambda label_set: [],
    on_label_set: Callable[[], None] = lambda: None,
) -> list[Verdicts]:
    """Read the verdicts of every label set that has a model or a score; those of `label_sets` come first.

    `doubts` gives a label set's most doubtful labels; `on_label_set` is called after each label set.
    """
    versions, scored = _registered(warehouse), warehouse.query(SCORED).to_pylist()
    names = {entry.label_set for entry in versions} | {row["label_set"] for row in scored}
    ordered = [name for name in label_sets if name in names] + sorted(names - set(label_sets))
    out: list[Verdicts] = []
    for name in ordered:
        own_versions = [entry for entry in versions if entry.label_set == name]
        own_scored = [row for row in scored if row["label_set"] == name]
        out.append(_verdicts(warehouse, name, own_versions, own_scored, doubts(name)))
        on_label_set()
    return out


def _registered(warehouse: Warehouse) -> list[Entry]:
    """Return all registered models, a model's champion first; metrics that are no mapping are left out."""
    registered = [
        replace(entry, metrics=_mapping(entry.metrics), thresholds=_mapping(entry.thresholds))
        for entry in entries(warehouse)
    ]
    return sorted(registered, key=lambda entry: (entry.label_set, entry.model, entry.stage != "champion"))


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _verdicts(
    warehouse: Warehouse, name: str, versions: list[Entry], scored: list[Row], doubts: list[Row]
) -> Verdicts:
    genres = sorted(versions[0].thresholds) if versions else []
    genres = genres or warehouse.query(GENRES, {"label_set": name})["genre"].to_pylist()
    constant = _constant(warehouse, name, genres)
    ranked = sorted(scored, key=lambda row: _rank(row["model"]))
    if not ranked:
        return Verdicts(name, _recent(versions), scored, constant, doubts=doubts)
    best = ranked[0]
    by = {"label_set": name, "model": best["model"]}
    models = {row["model"] for row in scored}
    sighted = (name for name, modality in MODALITIES.items() if modality.sees_posters and name in models)
    pictured = next(sighted, best["model"])
    posters: dict[str, list[Row]] = {}
    for row in warehouse.query(
        REPRESENTATIVE, {"label_set": name, "model": pictured, "n": POSTERS_PER_GENRE}
    ).to_pylist():
        posters.setdefault(row["genre"], []).append(row)
    held_out = _held_out(warehouse, best, by)
    right, wrong = _examples(warehouse, held_out) if held_out else ([], [])
    return Verdicts(
        label_set=name,
        versions=_recent(versions),
        scored=ranked,
        constant=constant,
        held_out=held_out,
        doubts=doubts,
        suspects=[] if doubts else warehouse.query(SUSPICIOUS, {**by, "n": SUSPECTS}).to_pylist(),
        posters=posters,
        posters_by=pictured,
        right=right,
        wrong=wrong,
    )


def _recent(versions: list[Entry]) -> list[Entry]:
    """Return the champion and the latest other versions of each model, the combined model first."""
    recent: list[Entry] = []
    for entry in versions:
        if sum(other.model == entry.model for other in recent) < SHOWN_VERSIONS:
            recent.append(entry)
    return sorted(recent, key=lambda entry: _rank(entry.model))


def _rank(model: str) -> int:
    """Return the place of a model: the combined one is first, those of earlier releases are last."""
    order = ("combined", *MODALITIES)
    return order.index(model) if model in order else len(order)


def _held_out(warehouse: Warehouse, best: Row, by: Mapping[str, str]) -> HeldOut | None:
    table = warehouse.query(HELD_OUT, by)
    if not table.num_rows:
        return None
    genres, column = np.unique(np.array(table["genre"].to_pylist(), object), return_inverse=True)
    movie_ids, row = np.unique(table["movie_id"].to_numpy(), return_inverse=True)
    shape = (len(movie_ids), len(genres))
    y, p, d = np.zeros(shape, np.float32), np.full(shape, np.nan, np.float32), np.zeros(shape, bool)
    y[row, column] = table["given"].to_numpy(zero_copy_only=False)
    p[row, column] = table["probability"].to_numpy()
    d[row, column] = table["predicted"].to_numpy(zero_copy_only=False)
    thresholds = np.full(len(genres), np.nan, np.float32)
    thresholds[column] = table["threshold"].to_numpy()
    judged = np.isfinite(p).all(axis=1) & y.any(axis=1)  # a movie without genres is unlabelled
    if not judged.any():
        return None
    return HeldOut(
        model=best["model"],
        model_version=best["model_version"],
        genres=tuple(str(genre) for genre in genres),
        movie_ids=movie_ids[judged],
        y=y[judged],
        p=p[judged],
        d=d[judged],
        thresholds=thresholds,
    )


def _constant(warehouse: Warehouse, name: str, genres: list[str]) -> Row | None:
    """Return the metrics of saying the same of every movie, over test movies with a TMDb record.

    Each genre's share among the training movies is its probability, and their most common set of genres is
    the decision. None where there are no such movies.
    """
    from models.metrics import table as measure  # brings scipy: only when there are models to compare with

    sets = warehouse.query(LABEL_SETS_OF_MOVIES, {"label_set": name, "genres": genres}).to_pylist()
    learnt, test = ([row for row in sets if row["test"] is side] for side in (False, True))
    if not learnt or not test:
        return None
    position = {genre: i for i, genre in enumerate(genres)}

    def matrix(rows: list[Row]) -> Floats:
        y = np.zeros((len(rows), len(genres)), np.float32)
        for i, row in enumerate(rows):
            y[i, [position[genre] for genre in row["genres"]]] = 1
        return y

    times = np.array([row["movies"] for row in learnt], np.float64)
    share = ((matrix(learnt) * times[:, None]).sum(axis=0) / times.sum()).astype(np.float32)
    y = np.repeat(matrix(test), [row["movies"] for row in test], axis=0)
    p, d = np.tile(share, (len(y), 1)), np.tile(matrix(learnt[:1]) > 0, (len(y), 1))
    measured = measure(y, p, d, tuple(genres)).as_json()
    return {**measured, "says": learnt[0]["genres"]}


def _examples(warehouse: Warehouse, held_out: HeldOut) -> tuple[list[Row], list[Row]]:
    """Return test movies decided exactly right, those with most genres first, and the most surprising."""
    y, d = held_out.y > 0, held_out.d
    exact = np.flatnonzero((y == d).all(axis=1))
    exact = exact[np.argsort(-y[exact].sum(axis=1), kind="stable")]
    # float64 and clipped: a probability of exactly 0 or 1 must not become infinite surprise
    p = np.clip(held_out.p.astype(np.float64), 1e-6, 1 - 1e-6)
    surprise = -np.where(y, np.log(p), np.log1p(-p)).sum(axis=1)
    missed = np.flatnonzero((y != d).any(axis=1))
    missed = missed[np.argsort(-surprise[missed], kind="stable")]
    # more than are shown, because those with a poster go first
    candidates = [exact[: EXAMPLES * 10], missed[: EXAMPLES * 10]]
    ids = held_out.movie_ids[np.concatenate(candidates)].tolist()
    words = {
        row["movie_id"]: row["words"] for row in warehouse.query(TAGS_OF, {"ids": ids, "n": TAGS}).to_pylist()
    }
    known = {
        row["movie_id"]: {**row, "tags": words.get(row["movie_id"], [])}
        for row in warehouse.query(MOVIES, {"ids": ids}).to_pylist()
    }
    return _shown(held_out, candidates[0], known), _shown(held_out, candidates[1], known)


def _shown(held_out: HeldOut, rows: npt.NDArray[np.intp], known: Mapping[int, Row]) -> list[Row]:
    out: list[Row] = []
    for i in rows.tolist():
        movie = known.get(int(held_out.movie_ids[i]))
        if movie is None:
            continue
        order = np.argsort(-held_out.p[i], kind="stable")
        genres = [
            {
                "genre": held_out.genres[j],
                "probability": float(held_out.p[i, j]),
                "given": bool(held_out.y[i, j]),
                "predicted": bool(held_out.d[i, j]),
            }
            for j in order
            if held_out.y[i, j] or held_out.d[i, j]
        ]
        surest = [
            {"genre": held_out.genres[j], "probability": float(held_out.p[i, j])} for j in order[:SUREST]
        ]
        out.append({**movie, "genres": genres, "surest": surest})
    out.sort(key=lambda row: row["sha256"] is None)
    return out[:EXAMPLES]
