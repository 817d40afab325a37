"""The documents' steps, one by one."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import torch

from models.baselines import preprocessing as steps


def test_english_since_1995() -> None:
    languages, years = ["en", "fr", None, "en", "en"], [1995, 2001, 2001, 1994, None]
    assert steps.english_since(languages, years).tolist() == [True, False, False, False, False]
    assert steps.english_since(languages, years, unknown=True).tolist() == [True, False, True, False, False]


def test_genres_below_a_twentieth_of_the_occurrences_go() -> None:
    y = np.zeros((100, 3), np.float32)
    y[:60, 0], y[:35, 1], y[:4, 2] = 1, 1, 1
    assert steps.genre_floor(y).tolist() == [0, 1]
    assert steps.genre_floor(y, 0.04).tolist() == [0, 1, 2]


def test_tags_lose_punctuation_and_genre_names_but_not_compounds() -> None:
    rules = steps.TagRules(("Sci-Fi", "Comedy"), top=3, at_least=2)
    movies: list[Mapping[str, int]] = [
        {"Comedy": 9, "dark comedy": 3, "Sci-Fi": 2},
        {"twist!": 1, "Twist": 4},
    ]
    words = rules.vocabulary(movies)
    # the hyphen's loss makes "scifi", which does not equal the genre's name: the document's own leak
    assert words == ("twist", "dark comedy", "scifi")
    bag = rules.bag([*movies, {"twist": 1}, {}], words)
    assert bag.tolist() == [[0, 1, 1], [1, 0, 0], [0, 0, 0], [0, 0, 0]]


def test_only_the_most_frequent_tags_stay() -> None:
    rules = steps.TagRules((), top=1, at_least=1)
    assert rules.vocabulary([{"rare": 1, "common": 5}]) == ("common",)


def test_balanced_sampling_takes_the_first_rows_and_loses_other_labels() -> None:
    y = np.array([[1, 0], [1, 1], [1, 1], [0, 1]], np.float32)
    rows, labels = steps.balanced_sample(y, 2)
    assert rows.tolist() == [0, 1, 2]
    assert labels.tolist() == [[1, 0], [1, 1], [0, 1]]
    rows, labels = steps.balanced_sample(y)
    assert labels.sum(axis=0).tolist() == [3, 3]


def test_scaling_learns_from_training_rows_only() -> None:
    train = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]], np.float32)
    scaled = steps.Scaling.fit(train).apply(np.array([[2, 5], [np.nan, np.nan]], np.float32))
    assert scaled.tolist() == [[0, 5], [0, 0]]
    assert scaled.dtype == np.float32


def test_scores_find_the_number_that_tells_the_genre() -> None:
    rng = np.random.default_rng(0)
    y = (rng.random((200, 2)) < 0.4).astype(np.float32)
    x = np.stack([y[:, 0] + rng.normal(0, 0.3, 200), rng.normal(size=200), np.ones(200)], axis=1)
    f = steps.anova(x, y)
    assert f.shape == (3, 2)
    assert f[0, 0] > 50 > f[1, 0] and f[2].tolist() == [0, 0]
    assert steps.chi_square(np.abs(x), y)[0].argmax() == 0
    r = steps.correlation(np.stack([x[:, 0], -x[:, 0], x[:, 2]], axis=1))
    assert r[0, 1] == pytest.approx(-1) and r[2].tolist() == [0, 0, 0]


def test_a_genre_without_movies_scores_nothing() -> None:
    assert steps.anova(np.ones((4, 2)), np.zeros((4, 1))).tolist() == [[0], [0]]


def test_dropping_keeps_what_the_score_needs() -> None:
    def score(names: Sequence[str]) -> float:
        return ("good" in names) - 0.1 * ("bad" in names)

    assert steps.drop_features(("bad", "good", "idle"), score) == ("good",)
    assert steps.drop_features(("bad", "good"), score, keep=("bad",)) == ("bad", "good")
    assert steps.drop_features(("bad",), score) == ("bad",)


def test_search_goes_coordinate_by_coordinate() -> None:
    tried: list[dict[str, int]] = []

    def score(settings: Mapping[str, int]) -> float:
        tried.append(dict(settings))
        return -abs(settings["a"] - 3) - abs(settings["b"] - 1)

    assert steps.coordinate_search({"a": 1, "b": 1}, {"a": (1, 2, 3), "b": (1, 5)}, score) == {"a": 3, "b": 1}
    assert len(tried) == 4


def test_augmentation_changes_pixels_not_shapes() -> None:
    torch.manual_seed(0)
    pixels = torch.rand(8, 3, 32, 24)
    changed = steps.augment(pixels)
    assert changed.shape == pixels.shape
    assert not torch.equal(changed, pixels)
    still = steps.augment(torch.ones(4, 3, 8, 8), brightness=0)
    assert torch.equal(still, torch.ones(4, 3, 8, 8))
