"""The set decoder chooses whole sets that movies have."""

import numpy as np

from models.decisions import decoder
from models.decisions.decoder import SetDecoder
from models.metrics import exact_match

RNG = np.random.default_rng(19)
KINDS = np.array([[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1], [1, 0, 0, 0]], np.float32)
Y = KINDS[RNG.choice(4, 3_000, p=[0.4, 0.3, 0.2, 0.1])]
LOGITS = (Y - 0.5) * 2 + RNG.normal(0, 1.5, Y.shape)
LEARNT, CHOSEN, TEST = slice(0, 1_000), slice(1_000, 2_000), slice(2_000, 3_000)


def test_it_gets_more_sets_right_than_genre_by_genre() -> None:
    made = decoder.fit(Y[LEARNT], LOGITS[CHOSEN], Y[CHOSEN])
    decoded = made.decide(LOGITS[TEST])
    assert exact_match(Y[TEST], decoded) > exact_match(Y[TEST], LOGITS[TEST] > 0) + 0.1


def test_it_says_only_sets_that_movies_have() -> None:
    made = decoder.fit(Y[LEARNT], LOGITS[CHOSEN], Y[CHOSEN])
    said = {tuple(row) for row in made.decide(LOGITS[TEST]).astype(int).tolist()}
    assert said <= {tuple(row) for row in KINDS.astype(int).tolist()}


def test_a_movie_is_decided_alike_alone_and_among_others() -> None:
    made = decoder.fit(Y[LEARNT], LOGITS[CHOSEN], Y[CHOSEN])
    together = made.decide(LOGITS[TEST])
    assert all((made.decide(LOGITS[TEST][i : i + 1])[0] == together[i]).all() for i in range(50))


def test_it_survives_json() -> None:
    made = decoder.fit(Y[LEARNT], LOGITS[CHOSEN], Y[CHOSEN])
    again = SetDecoder.from_json(made.as_json())
    assert (again.decide(LOGITS[TEST]) == made.decide(LOGITS[TEST])).all()


def test_without_movies_to_choose_on_it_still_decides() -> None:
    assert decoder.fit(Y[LEARNT], LOGITS[:0], Y[:0]).decide(LOGITS[:3]).shape == (3, 4)
