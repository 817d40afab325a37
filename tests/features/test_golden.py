"""What the views computed when their revisions were last set.

A failure here means that a view's code gives other output for the same inputs. Where that is meant, raise the
view's `revision` and put the new output here: the warehouse then computes every movie again, instead of
mixing the two.
"""

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageDraw

from features.metadata import Metadata
from features.poster import Poster
from features.poster_statistics import PosterStatistics
from features.ratings import Ratings
from features.sentences import SentenceEncoder
from features.tags import Tags
from features.text import Text
from features.texture import Texture
from features.weights import minilm_directory
from features.words import Words

RAW = [
    *(
        "In Netflix queue",
        "Zombies",
        "zombie",
        "Sci-Fi",
        "dark comedy",
        "Wolves",
        "Post-Apocalyptic",
        "seen 2006",
    ),
    *("World War II", "new year's eve", "superheroes", "DVD-Video", "Amélie", "movies", "Los Angeles"),
]


def test_revisions() -> None:
    assert {view.name: view.revision for view in (Metadata, Tags, Text, Poster, Texture, Ratings, Words)} == {
        "metadata": 1,
        "tags": 1,
        "text": 2,
        "poster": 1,
        "texture": 1,
        "ratings": 1,
        "words": 1,
    }


def test_metadata_is_the_sql_that_it_was() -> None:
    """The SQL is part of the version, so that another text is another version by itself; this is for the
    eye."""
    assert Metadata().compute(pa.table({"movie_id": [1], "year": [2000]})).to_pylist() == [
        {"movie_id": 1, "year": 2000}
    ]


def test_tags() -> None:
    struct = pa.list_(pa.struct([("tag", pa.string()), ("n", pa.int64())]))
    inputs = pa.table(
        {
            "movie_id": [1],
            "tags": pa.array([[{"tag": tag, "n": 2} for tag in RAW]], struct),
            "keywords": pa.array([["zombie", "heist", "family"]], pa.list_(pa.string())),
        }
    )
    row = Tags().compute(inputs).to_pylist()[0]
    assert dict(zip(row["tags"], [round(weight, 4) for weight in row["weights"]], strict=True)) == {
        "amelie": 1.6931,
        "heist": 1.0,
        "los angeles": 1.6931,
        "movie": 1.6931,
        "new years eve": 1.6931,
        "post apocalyptic": 1.6931,
        "superhero": 1.6931,
        "wolf": 1.6931,
        "zombie": 2.6094,
    }


def test_words() -> None:
    inputs = pa.table({"movie_id": [1], "overview": ["It's a café; a thief's café."], "tagline": ["1999!"]})
    row = Words().compute(inputs).to_pylist()[0]
    assert dict(zip(row["words"], row["counts"], strict=True)) == {
        "a": 2.0,
        "a cafe": 1.0,
        "a thiefs": 1.0,
        "cafe": 2.0,
        "cafe a": 1.0,
        "its": 1.0,
        "its a": 1.0,
        "thiefs": 1.0,
        "thiefs cafe": 1.0,
    }


def test_poster_statistics() -> None:
    image = Image.new("RGB", (96, 144), (40, 60, 120))
    draw = ImageDraw.Draw(image)
    draw.rectangle((10, 20, 60, 90), fill=(220, 40, 30))
    draw.ellipse((40, 80, 90, 140), fill=(240, 230, 90))
    encoder = PosterStatistics()
    found = encoder.encode([encoder.prepare(image)])[0]
    starts = [0, 18, 26, 34, 98, 122, 146, 170, 194, 242, 248, 255, 257, 260, 264]
    sums = np.add.reduceat(
        found * (np.arange(1, len(found) + 1) % 7 + 1), starts
    )  # one per kind of statistic
    np.testing.assert_allclose(
        sums,
        [
            7.077,
            6.801,
            8.231,
            7.562,
            36.975,
            -1.065,
            11.657,
            10.689,
            42.529,
            0.39,
            11.219,
            3.242,
            4.717,
            4.995,
            1.043,
        ],
        atol=0.01,
    )


def test_text_embedding() -> None:
    directory = minilm_directory()
    if directory is None:
        pytest.skip("reelhouse[offline] is not installed")
    found = SentenceEncoder(directory).encode(["A thief falls in love with a detective."])[0]
    np.testing.assert_allclose(found[:6], [-0.1173, 0.0677, 0.0264, -0.0132, 0.0348, 0.0638], atol=0.005)
