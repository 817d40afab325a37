"""Drawn posters: real JPEGs, the same every time, that lean on the genre and not too much."""

import colorsys
import io

import numpy as np
import pytest
from PIL import Image

from connectors.mirror import poster_art
from connectors.mirror.poster_scenes import HEIGHT, SCENES, WIDTH
from connectors.mirror.synthetic.genres import TMDB_GENRES


def drawn(key: str, genre: str = "Drama", title: str = "The Long Road", year: int = 1999) -> bytes:
    return poster_art.draw(key, title=title, genres=(genre,), year=year, names=("Ann Cole", "Bo Hale"))


def pixels(jpeg: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(jpeg)).resize((24, 36)), dtype=float) / 255


@pytest.mark.parametrize("genre", TMDB_GENRES)
def test_every_genre_gives_a_whole_jpeg(genre: str) -> None:
    content = drawn("7:11", genre)
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (WIDTH, HEIGHT))
    assert 5_000 < len(content) < 120_000
    assert pixels(content).std() > 0.02


def test_every_scene_is_some_genres_and_every_genre_has_one() -> None:
    assert set(poster_art._SCENES) == set(poster_art._PALETTES) == set(TMDB_GENRES)
    assert {scene for scenes in poster_art._SCENES.values() for scene in scenes} == set(SCENES)


def test_equal_arguments_give_equal_bytes_and_others_do_not() -> None:
    assert drawn("1") == drawn("1")
    assert len({drawn("1"), drawn("2"), drawn("1", title="Other"), drawn("1", genre="Horror")}) == 4


@pytest.mark.parametrize(
    "title",
    ["Ça ira", "夏の手紙", "?", "A" * 60, "One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve"],
)
def test_any_title_can_be_set(title: str) -> None:
    assert pixels(drawn("3", title=title)).shape == (36, 24, 3)


def test_a_movie_without_genres_has_a_poster_too() -> None:
    assert poster_art.draw("5", title="Untitled", genres=(), year=1948)


def test_genres_show_in_light_and_colour_but_not_always() -> None:
    def looks(genre: str) -> tuple[np.ndarray, np.ndarray]:
        images = [pixels(drawn(f"{genre}:{i}", genre)) for i in range(60)]
        light = np.array([image.mean() for image in images])
        warm = np.array([colorsys.rgb_to_hsv(*image.mean(axis=(0, 1)))[0] for image in images])
        return light, ((warm < 0.15) | (warm > 0.9)).astype(float)

    horror, comedy, western, future = map(looks, ("Horror", "Comedy", "Western", "Science Fiction"))
    assert horror[0].mean() + 0.12 < comedy[0].mean()
    assert future[0].mean() + 0.08 < western[0].mean()
    assert western[1].mean() > future[1].mean() + 0.2
    assert horror[0].max() > comedy[0].min() + 0.2  # some horror is brighter than some comedy
