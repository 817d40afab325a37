"""Training keeps the best weights and repeats itself; the documents' networks have the sizes that they
state."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import nn

from models.baselines import cs109b, epfl, keras_course, networks, terentiev


def _adam(weights: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.Adam(weights, 0.05)


def _convolved(widths: Sequence[int]) -> int:
    return networks.parameters(cs109b.convolutions(widths))


def test_an_lstm_over_whole_rows_gives_what_one_over_packed_sequences_does() -> None:
    torch.manual_seed(0)
    ours, plain = keras_course.KerasLSTM(6, 4), nn.LSTM(6, 4, batch_first=True, bidirectional=True)
    state = {name: value for name, value in ours.ahead.state_dict().items()}
    state |= {f"{name}_reverse": value for name, value in ours.back.state_dict().items()}
    plain.load_state_dict(state)
    x, lengths = torch.randn(5, 9, 6), torch.tensor([9, 1, 4, 7, 9])
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    expected, _ = nn.utils.rnn.pad_packed_sequence(plain(packed)[0], batch_first=True)
    read = torch.arange(9)[None] < lengths[:, None]
    torch.testing.assert_close(ours(x, lengths)[read], expected[read])


def test_document_b_networks_have_its_parameters() -> None:
    assert _convolved(cs109b.ONE_LAYER) == 896
    assert _convolved(cs109b.SIX_LAYERS) == 84_064
    assert cs109b.from_scratch(cs109b.SIX_LAYERS, 20)(torch.zeros(2, 3, 64, 64)).shape == (2, 20)


def test_document_c_lstm_has_its_parameters() -> None:
    assert networks.parameters(keras_course.OverviewNetwork(25)) == 4_303_129


def test_document_c_cnn_has_its_input_and_near_its_size() -> None:
    net = keras_course.poster_network(25)
    assert net(torch.zeros(2, 3, 64, 64)).shape == (2, 25)
    assert networks.parameters(net) == pytest.approx(3_464_601, rel=0.05)


def test_document_e_shapes() -> None:
    assert epfl.shaped(epfl.BOX, 24, 39)(torch.zeros(3, 24)).shape == (3, 39)
    widths = [part.out_features for part in epfl.shaped(epfl.U_SHAPE, 5, 7) if isinstance(part, nn.Linear)]
    assert widths == [64, 32, 16, 8, 16, 32, 64, 128, 64, 7]


def test_document_a_network_takes_either_input_or_both() -> None:
    posters, tags = torch.zeros(2, 6), torch.zeros(2, 4)
    assert terentiev.TwoInputs(6, 4, 8)(posters, tags).shape == (2, 8)
    assert terentiev.TwoInputs(0, 4, 8)(posters, tags).shape == (2, 8)
    only = terentiev.TwoInputs(6, 0, 8)
    assert torch.equal(only(posters, tags), only(posters, torch.ones(2, 4)))
    assert networks.parameters(terentiev.TwoInputs(0, 400, 8)) == 400 * 200 + 200 + 200 * 8 + 8


def test_padding_changes_no_answer_of_the_lstm() -> None:
    torch.manual_seed(0)
    net = keras_course.OverviewNetwork(3, words=20).eval()
    words = keras_course.Vocabulary(["a dog runs", "a dog"], size=20)
    short, long = words.encode(["a dog"], length=3), words.encode(["a dog"], length=9)
    assert torch.allclose(net(short), net(long), atol=1e-6)
    assert net(words.encode([""])).shape == (1, 3)


def test_vocabulary_counts_zero_for_none_and_one_for_unknown() -> None:
    words = keras_course.Vocabulary(["The dog", "the cat, the end"], size=4)
    assert words.encode(["THE dinosaur"], length=3).tolist() == [[2, 1, 0]]
    assert len(words.number) == 2


def test_the_rate_falls_after_the_tenth_epoch() -> None:
    assert [keras_course.rate_factor(epoch) for epoch in (0, 9)] == [1, 1]
    assert keras_course.rate_factor(11) == pytest.approx(np.exp(-0.02))


def test_the_weights_of_the_best_check_are_kept() -> None:
    rng = np.random.default_rng(0)
    networks.seeded(rng)
    net = nn.Linear(2, 1)
    x, y = torch.randn(40, 2), np.ones((40, 1), np.float32)
    seen: list[torch.Tensor] = []
    values = iter([0.1, 0.9, 0.5, 0.2])

    def check() -> float:
        seen.append(net.weight.detach().clone())
        return next(values)

    curve = networks.train(net, [x], y, networks.Fit(4, 10, _adam), rng, check)
    assert curve.best == 1 and curve.score == [0.1, 0.9, 0.5, 0.2]
    assert torch.equal(net.weight, seen[1])
    assert not torch.equal(seen[1], seen[3])


def test_training_learns_repeats_and_tells_each_epoch() -> None:
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(120, 3)).astype(np.float32))
    y = (x[:, :2] > 0).float().numpy()

    def once() -> tuple[networks.TrainingCurves, np.ndarray, list[int]]:
        rng, told = np.random.default_rng(1), []
        networks.seeded(rng)
        net = nn.Linear(3, 2)
        plan = networks.Fit(5, 16, _adam, checks_per_epoch=2)
        curve = networks.train(net, [x], y, plan, rng, lambda: 0.0, lambda done, of: told.append(done))
        return curve, networks.sigmoids(net, [x]), told

    (curve, p, told), (_, again, _) = once(), once()
    assert told == [1, 2, 3, 4, 5]
    assert len(curve.loss) == len(curve.score) == 10
    assert curve.loss[-1] < curve.loss[0]
    assert ((p > 0.5) == (y > 0)).mean() > 0.9
    assert np.array_equal(p, again)


def test_training_leaves_torch_with_as_many_threads_as_before() -> None:
    before = torch.get_num_threads()
    x, y = torch.zeros(4, 1), np.zeros((4, 1), np.float32)
    networks.train(nn.Linear(1, 1), [x], y, networks.Fit(1, 2, _adam), np.random.default_rng(0))
    assert torch.get_num_threads() == before


def test_document_a_loss_does_not_see_the_scale_of_all_outputs() -> None:
    y = torch.tensor([[1.0, 0.0, 1.0]])
    small = torch.logit(torch.tensor([[0.1, 0.05, 0.1]]))
    large = torch.logit(torch.tensor([[0.8, 0.4, 0.8]]))
    assert networks.categorical_on_sigmoids(small, y) == pytest.approx(
        float(networks.categorical_on_sigmoids(large, y)), abs=1e-5
    )
    assert networks.binary_cross_entropy(small, y) > networks.binary_cross_entropy(large, y)


def test_document_d_loss_adds_a_movies_labels() -> None:
    even = torch.zeros(1, 4)
    both = networks.categorical_on_softmax(even, torch.tensor([[1.0, 1.0, 0.0, 0.0]]))
    assert float(both) == pytest.approx(2 * np.log(4), rel=1e-5)
