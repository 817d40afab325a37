"""The joint network: everything but the poster in one network, as one more opinion for the fusion.

Where the fusion weighs finished opinions, this network sees tags, words, embedding and metadata together and
can learn what only holds for their combination. Modalities are hidden from it at random in training. It is
part of the combined model only.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import sparse

from models.files import read_json, read_tensors, write_json, write_tensors
from models.labels import Bools, Floats, Ids, positions
from models.modalities import network, profiles
from models.modalities.bags import BagEncoder
from models.modalities.base import Examples, Logits, Progress, Schedule, TrainedModel
from models.modalities.metadata import number_columns, number_matrix
from models.modalities.network import Mixed, NetworkParameters, Perceptron
from models.modalities.poster import matrix, standardisation
from models.modalities.profiles import Profiles
from models.split import training

NAME = "joint"
SOURCES = ("metadata", "tags", "text")
"""The modalities that it reads."""
HEARD = ("tags", "text")
"""It speaks about movies that have one of these."""
PARAMETERS = NetworkParameters(
    hidden=128,
    dropout=0.5,
    input_dropout=0.2,
    learning_rate=3e-3,
    weight_decay=1e-2,
    epochs=8,
    batch=256,
    hidden_groups=0.1,
)
EMBEDDING_SCALE, PROFILE_SCALE, NUMBER_SCALE = 0.05, 0.1, 0.1
MOST_WORDS = 10_000
_BOOKKEEPING = ("movie_id", "event_time", "known_time", "input_hash")


def joined(movie_ids: Ids, tables: Mapping[str, pa.Table]) -> pa.Table:
    """Return the columns of metadata, tags and text side by side for sorted movies.

    A column is null where the movie lacks its source.
    """
    columns: dict[str, pa.ChunkedArray | pa.Array] = {"movie_id": pa.array(movie_ids)}
    for source in SOURCES:
        table = tables[source]
        at, matches = positions(movie_ids, table["movie_id"].to_numpy())
        rows = table.select([n for n in table.column_names if n not in _BOOKKEEPING])
        if not table.num_rows:
            rows = rows.schema.empty_table()
            columns |= {n: pa.nulls(len(movie_ids), rows.schema.field(n).type) for n in rows.column_names}
            continue
        rows = rows.take(pa.array(at, mask=~matches))
        columns |= {name: rows[name] for name in rows.column_names}
    return pa.table(columns)


def speaks(table: pa.Table) -> Bools:
    """Return which movies of a joined table have tags or a text."""
    presence = [table[name].is_valid().to_numpy() for name in ("tags", "embedding")]
    return np.asarray(presence[0] | presence[1])


@dataclass(frozen=True)
class JointModel:
    """Genres from tags, words, embedding, genre profiles and numbers at once."""

    tags: BagEncoder
    words: BagEncoder | None
    profiles: Profiles
    numbers: tuple[str, ...]
    tensors: Mapping[str, Floats]
    """`centre`, `scale` of the embedding, and of the numbers `number_centre`, `number_scale`."""
    network: Perceptron

    def inputs(self, table: pa.Table, profile: Floats) -> Mixed:
        """Return the network's inputs for the rows of a joined table with these genre profiles."""
        bags = [self.tags.encode(table["tags"], table["weights"])]
        group = [np.zeros(bags[0].shape[1], np.int64)]
        if self.words is not None:
            bags.append(self.words.encode(table["words"], table["counts"]))
            group.append(np.ones(bags[1].shape[1], np.int64))
        dense = self._dense(table, profile)
        n_embedding = len(self.tensors["centre"])
        group.append(np.repeat([1, 2], [n_embedding, dense.shape[1] - n_embedding]))
        return Mixed(sparse.hstack(bags).tocsr(), dense, np.concatenate(group))

    def _dense(self, table: pa.Table, profile: Floats) -> Floats:
        presence = table["embedding"].is_valid().to_numpy()
        embedding = np.zeros((table.num_rows, len(self.tensors["centre"])), np.float32)
        if presence.any():
            vectors = matrix(table["embedding"].drop_null())
            embedding[presence] = np.clip((vectors - self.tensors["centre"]) / self.tensors["scale"], -8, 8)
        numbers = number_matrix(table, self.numbers)
        unknown = np.isnan(numbers)
        numbers = np.clip((numbers - self.tensors["number_centre"]) / self.tensors["number_scale"], -4, 4)
        numbers = np.where(unknown, 0, numbers)
        parts = (
            embedding * EMBEDDING_SCALE,
            profile * PROFILE_SCALE,
            numbers * NUMBER_SCALE,
            unknown * NUMBER_SCALE,
        )
        return np.concatenate(parts, axis=1).astype(np.float32)

    def logits(self, table: pa.Table) -> Logits:
        """Return `(n, n_genres) float64` for the rows of a joined table.

        NaN for movies without tags and text.
        """
        rows = np.flatnonzero(speaks(table))
        out = np.full((table.num_rows, self.network.weights["b"].shape[1]), np.nan)
        if len(rows):
            part = table.take(pa.array(rows))
            out[rows] = self.network.logits(self.inputs(part, self.profiles.features(part)))
        return out

    def save(self, directory: Path) -> None:
        """Write `network.safetensors`, `profiles.safetensors` and `joint.json`."""
        tensors = {**self.network.weights, **self.tensors, "tag_idf": self.tags.idf}
        if self.words is not None:
            tensors["word_idf"] = self.words.idf
        write_tensors(directory / "network.safetensors", tensors)
        write_tensors(directory / "profiles.safetensors", self.profiles.odds)
        write_json(
            directory / "joint.json",
            {
                "tags": self.tags.pieces,
                "words": None if self.words is None else self.words.pieces,
                "numbers": self.numbers,
                "values": self.profiles.values,
                "n_profiles": self.profiles.n_genres,
            },
        )


def load(directory: Path, *, threads: int = 1) -> JointModel:
    """Return the model that its `save` wrote."""
    about = read_json(directory / "joint.json")
    tensors = read_tensors(directory / "network.safetensors")
    weights = {name: tensors.pop(name) for name in ("A", "a", "B", "b", "C")}
    tags = BagEncoder(about["tags"], tensors.pop("tag_idf"))
    words = None
    if about["words"] is not None:
        words = BagEncoder(about["words"], tensors.pop("word_idf"), whole=True)
    odds = read_tensors(directory / "profiles.safetensors")
    learnt = Profiles(about["values"], odds, about["n_profiles"])
    return JointModel(tags, words, learnt, tuple(about["numbers"]), tensors, Perceptron(weights))


def parameters() -> list[object]:
    """Return what decides a training besides code and data, as JSON-ready values."""
    return [asdict(PARAMETERS)]


def fit(
    examples: Examples,
    *,
    seed: int,
    without: npt.NDArray[np.bool_] | None = None,
    schedule: Schedule = None,
    progress: Progress | None = None,
) -> TrainedModel:
    """Fit a joint model on the training movies, without those marked in `without`; see `tags.fit`.

    The genre profiles learn from all movies of the table, the network from those with tags or a text.
    """
    table = examples.table
    in_training = training(examples.buckets)
    usable = in_training if without is None else in_training & ~without
    learnt, profile = profiles.fit(table, examples.pooled, examples.buckets, usable)
    heard = speaks(table)
    numbers = number_columns(table.schema)
    values = number_matrix(table, numbers)[in_training & heard]
    with np.errstate(invalid="ignore"):
        centre = np.array([np.mean(v[~np.isnan(v)]) if (~np.isnan(v)).any() else 0 for v in values.T])
        deviation = np.array([np.std(v[~np.isnan(v)]) if (~np.isnan(v)).any() else 1 for v in values.T])
    presence = table["embedding"].is_valid().to_numpy()
    embedding = table["embedding"].drop_null().combine_chunks()
    text_centre, text_scale = standardisation(pa.chunked_array([embedding]), in_training[presence])
    words = None
    if "words" in table.column_names:
        words = BagEncoder.fit(
            table["words"], in_training & presence, at_least=3, at_most=MOST_WORDS, whole=True
        )
    untrained = JointModel(
        BagEncoder.fit(table["tags"], in_training & table["tags"].is_valid().to_numpy()),
        words,
        learnt,
        numbers,
        {
            "centre": text_centre,
            "scale": text_scale,
            "number_centre": centre.astype(np.float32),
            "number_scale": np.where(deviation > 1e-6, deviation, 1).astype(np.float32),
        },
        Perceptron({}),
    )
    rows = np.flatnonzero(heard)
    inputs = untrained.inputs(table.take(pa.array(rows)), profile[rows])
    own = np.full(len(heard), -1)
    own[rows] = np.arange(len(rows))
    fitted = network.fit(
        inputs,
        examples.targets.take(rows),
        _among(own, examples.training_rows(without)),
        _among(own, examples.validation_rows()),
        PARAMETERS,
        seed=seed,
        epochs=schedule if isinstance(schedule, int) else None,
        progress=progress,
    )
    model = JointModel(untrained.tags, words, learnt, numbers, untrained.tensors, fitted.network)
    return TrainedModel(model, fitted.epochs, fitted.curve)


def _among(own: npt.NDArray[np.int64], rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    places = own[rows]
    return np.asarray(places[places >= 0])
