"""Label sets: whose genres a model predicts, and the label matrix of a set of movies.

A movie without genres of a source is unlabelled for that source, which is something else than having none of
its genres. Names that say something about the format of a release (MovieLens' IMAX, IMDb's Short) or nothing
at all ("(no genres listed)") are not genres.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from models.errors import NoModel

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LabelSet:
    """The genres of one source, in alphabetical order; `source` is the value in `core.movie_genres`."""

    name: str
    source: str
    genres: tuple[str, ...]


MOVIELENS = LabelSet(
    "movielens",
    "movielens",
    (
        *(
            "Action",
            "Adventure",
            "Animation",
            "Children",
            "Comedy",
            "Crime",
            "Documentary",
            "Drama",
            "Fantasy",
        ),
        *("Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
    ),
)
"""MovieLens' 18 genres; IMAX is a format."""

TMDB = LabelSet(
    "tmdb",
    "tmdb",
    (
        *("Action", "Adventure", "Animation", "Comedy", "Crime", "Documentary", "Drama", "Family", "Fantasy"),
        *("History", "Horror", "Music", "Mystery", "Romance", "Science Fiction", "TV Movie", "Thriller"),
        *("War", "Western"),
    ),
)
"""TMDb's 19 movie genres of today; "Foreign" was withdrawn."""

IMDB = LabelSet(
    "imdb",
    "imdb",
    (
        *(
            "Action",
            "Adventure",
            "Animation",
            "Biography",
            "Comedy",
            "Crime",
            "Documentary",
            "Drama",
            "Family",
        ),
        *("Fantasy", "Film-Noir", "History", "Horror", "Music", "Musical", "Mystery", "News", "Romance"),
        *("Sci-Fi", "Sport", "Thriller", "War", "Western"),
    ),
)
"""IMDb's 23 genres of feature films; Short is a format, Adult a rating, -Show and -TV names are no films."""

LABEL_SETS = {labels.name: labels for labels in (MOVIELENS, TMDB, IMDB)}

SUBSETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "movielens8": (
        "movielens",
        ("Drama", "Comedy", "Thriller", "Documentary", "Action", "Romance", "Horror", "Crime"),
    ),
}
"""Subsets that only evaluations use: (label set, genres). `movielens8`: those of Terentiev's capstone."""

SAME_GENRE = {
    "Children": "Family",
    "Musical": "Music",
    "Sci-Fi": "Science Fiction",
    "Biography": "History",
}
"""Names of different sources that are counted as one genre where labels of all sources are pooled."""


def label_set(name: str) -> LabelSet:
    """Return the label set of that name; NoModel where there is none."""
    try:
        return LABEL_SETS[name]
    except KeyError:
        raise NoModel(f"no label set {name!r}: there are {', '.join(LABEL_SETS)}") from None


def subset(name: str) -> tuple[LabelSet, tuple[int, ...]]:
    """Return a label set and the positions of a subset's genres in it.

    For a label set's own name the positions are those of all its genres. NoModel where the name is unknown.
    """
    if name in SUBSETS:
        of, genres = SUBSETS[name]
        whole = label_set(of)
        return whole, tuple(whole.genres.index(genre) for genre in genres)
    whole = label_set(name)
    return whole, tuple(range(len(whole.genres)))


@dataclass(frozen=True)
class Labels:
    """`y`: `(n_movies, n_genres) float32` of zeros and ones; `known`: `(n_movies,)`, the labelled movies."""

    y: Floats
    known: Bools


def label_matrix(genres: pa.Table, movie_ids: Ids, labels: LabelSet) -> Labels:
    """Return the labels of `movie_ids` (sorted, distinct) from rows of (movie_id, source, genre)."""
    rows = genres.filter(pc.equal(genres["source"], labels.source))
    column = pc.index_in(rows["genre"], value_set=pa.array(labels.genres, pa.string()))
    rows = rows.filter(column.is_valid())
    column = column.drop_null().to_numpy()
    row, matches = positions(rows["movie_id"].to_numpy(), movie_ids)
    y = np.zeros((len(movie_ids), len(labels.genres)), np.float32)
    y[row[matches], column[matches]] = 1
    return Labels(y, np.asarray(y.any(axis=1)))


def positions(wanted: Ids, among: Ids) -> tuple[npt.NDArray[np.intp], Bools]:
    """Return the position of each of `wanted` in the sorted `among`, and whether it occurs there."""
    if not len(among):
        return np.zeros(len(wanted), np.intp), np.zeros(len(wanted), bool)
    where = np.minimum(np.searchsorted(among, wanted), len(among) - 1)
    return where, among[where] == wanted


@dataclass(frozen=True)
class Targets:
    """What a network is trained on: the wanted label set first, then those that help.

    `y` and `weight` are `(n_movies, n_outputs) float32`; a weight of 0 marks an unknown label. The first
    `n_genres` outputs are the model's own genres.
    """

    y: Floats
    weight: Floats
    n_genres: int

    def take(self, rows: npt.NDArray[np.intp]) -> "Targets":
        """Return the targets of some rows."""
        return Targets(self.y[rows], self.weight[rows], self.n_genres)

    @property
    def known(self) -> Bools:
        """Which movies are labelled in the model's own label set."""
        return np.asarray(self.weight[:, : self.n_genres].max(axis=1) > 0)

    @property
    def any_known(self) -> Bools:
        """Which movies are labelled in any label set."""
        return np.asarray(self.weight.max(axis=1) > 0)


def targets(by_set: dict[str, Labels], own: str, *, others_weight: float = 0.5) -> Targets:
    """Return the targets of a model for the label set `own`, helped by the other label sets' labels."""
    names = [own, *(name for name in by_set if name != own)]
    y = np.concatenate([by_set[name].y for name in names], axis=1)
    weight = np.concatenate(
        [
            np.repeat(by_set[name].known[:, None], by_set[name].y.shape[1], axis=1).astype(np.float32)
            * np.float32(1.0 if name == own else others_weight)
            for name in names
        ],
        axis=1,
    )
    return Targets(y, weight, by_set[own].y.shape[1])


def pooled(
    by_set: dict[str, Labels], sets: Sequence[LabelSet] | None = None
) -> tuple[tuple[str, ...], Labels]:
    """Return (genres, labels): the labels of all sources under common names.

    A movie is known where any source labels it.
    """
    label_sets = [LABEL_SETS[name] for name in by_set] if sets is None else list(sets)
    names = sorted({SAME_GENRE.get(genre, genre) for member in label_sets for genre in member.genres})
    number = {name: i for i, name in enumerate(names)}
    n = len(next(iter(by_set.values())).known)
    y = np.zeros((n, len(names)), np.float32)
    known = np.zeros(n, bool)
    for member in label_sets:
        labels = by_set[member.name]
        known |= labels.known
        for column, genre in enumerate(member.genres):
            at = number[SAME_GENRE.get(genre, genre)]
            np.maximum(y[:, at], labels.y[:, column], out=y[:, at])
    return tuple(names), Labels(y, known)


def elsewhere(by_set: dict[str, Labels], own: str) -> Floats:
    """Return what other sources say of the genres of the label set `own`, `(n, n_genres) float32`.

    NaN where no other source that has the genre labels the movie.
    """
    genres = [SAME_GENRE.get(genre, genre) for genre in LABEL_SETS[own].genres]
    out = np.full((len(by_set[own].known), len(genres)), np.nan, np.float32)
    for name, labels in by_set.items():
        if name != own:
            for column, genre in enumerate(LABEL_SETS[name].genres):
                if (common := SAME_GENRE.get(genre, genre)) in genres:
                    at, rows = genres.index(common), labels.known
                    out[rows, at] = np.fmax(out[rows, at], labels.y[rows, column])
    return out
