"""Words that users try: accepted where their meaning is plain, else answered with the line to write."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.training.test_fitting import new_net, problem


@pytest.mark.parametrize("word", ["adam", "Adam", tg.optim.Adam])
def test_a_word_or_a_class_stands_for_the_optimizer_with_its_own_settings(word):
    X, Y = problem()
    by_word, by_hand = new_net(), new_net()
    given = tg.fit(by_word, X, Y, loss="bce", optimizer=word, epochs=3, progress=False)
    adam = tg.optim.Adam(by_hand.parameters())
    expected = tg.fit(by_hand, X, Y, loss=tg.nn.binary_cross_entropy, optimizer=adam, epochs=3, progress=False)
    assert given == expected
    assert all(np.array_equal(p.data, q.data) for p, q in zip(by_word.parameters(), by_hand.parameters(), strict=True))


@pytest.mark.parametrize("word", ["sgd", "momentum", tg.optim.SGD])
def test_an_optimizer_without_a_usual_rate_is_asked_for_with_the_line_to_write(word):
    X, Y = problem()
    with pytest.raises(
        TypeError, match=r"optimizer=tg\.optim\.(SGD|Momentum)\(net\.parameters\(\), learning_rate=0\.1"
    ):
        tg.fit(new_net(), X, Y, loss="bce", optimizer=word, epochs=1, progress=False)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"lr": 0.1}, r"fit has no lr=: write optimizer=tg\.optim\.Adam\("),
        ({"momentum": 0.9}, r"write optimizer=tg\.optim\.Momentum\("),
        ({"max_norm": 1}, r"write optimizer=tg\.optim\.Adam\(.*max_norm=1"),
        ({"dropout": 0.5}, r"tg\.nn\.Dropout\(0\.5, rng=rng\)"),
        ({"l2": None}, r"\+ tg\.nn\.l2\(net, 0\.01\)"),
        ({"init": "he"}, r"tg\.nn\.mlp\(\[3, 4, 1\], init=tg\.nn\.he"),
        ({"validation_data": ()}, r"write validation=\(X, Y\)"),
        ({"verbose": 1}, "write progress=True"),
        ({"colour": "red"}, "unexpected keyword argument 'colour'"),
    ],
)
def test_an_argument_of_other_libraries_is_answered_with_the_line_to_write(given, line):
    X, Y = problem()
    with pytest.raises(TypeError, match=line):
        tg.fit(new_net(), X, Y, loss="bce", optimizer="adam", epochs=1, **given)


@pytest.mark.parametrize("word", ["mse", "MSE", "Mean_Squared_Error"])
def test_the_name_of_a_loss_may_be_in_upper_case(word):
    X, Y = problem()
    by_word, by_hand = (
        tg.fit(new_net(), X, Y, loss=loss, optimizer="adam", epochs=2, progress=False)
        for loss in (word, tg.nn.mean_squared_error)
    )
    assert by_word == by_hand


def test_cross_entropy_of_classes_with_one_output_is_answered_with_the_loss_to_take():
    X, Y = problem()
    with pytest.raises(ValueError, match="for one output, take binary_cross_entropy"):
        tg.fit(new_net(), X, Y, loss="cross_entropy", optimizer="adam", epochs=1, progress=False)


def test_an_unknown_loss_is_answered_with_the_names_of_those_there_are():
    X, Y = problem()
    with pytest.raises(ValueError, match=r"expected a loss, such as 'mse', .*'bce', .*got 'hinge'"):
        tg.fit(new_net(), X, Y, loss="hinge", optimizer="adam", epochs=1)


@pytest.mark.parametrize(
    ("output", "loss", "line"),
    [
        ("sigmoid", "binary_cross_entropy_with_logits", "tg.nn.identity, or take loss=tg.nn.binary_cross_entropy"),
        ("softmax", "binary_cross_entropy_with_logits", "this net ends with softmax: .* output=tg.nn.identity"),
        ("softmax", "cross_entropy", "softmax_cross_entropy takes logits and applies softmax itself"),
    ],
)
def test_an_activation_that_the_loss_applies_once_more_is_warned_of(output, loss, line):
    net = tg.nn.mlp([2, 3, 2], output=output, rng=np.random.default_rng(0))
    X, Y = np.ones((2, 4)), np.eye(2)[:, [0, 1, 0, 1]]
    with pytest.warns(UserWarning, match=line) as caught:
        tg.fit(net, X, Y, loss=loss, optimizer="adam", epochs=1, progress=False)
    assert caught[0].filename == __file__


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("output", "loss"),
    [
        ("sigmoid", "bce"),
        ("softmax", "bce"),
        ("identity", "cross_entropy"),
        ("identity", "binary_cross_entropy_with_logits"),
        ("softmax", "mse"),
    ],
)
def test_other_pairs_of_an_activation_and_a_loss_are_not_warned_of(output, loss):
    net = tg.nn.mlp([2, 3, 2], output=output, rng=np.random.default_rng(0))
    tg.fit(net, np.ones((2, 4)), np.eye(2)[:, [0, 1, 0, 1]], loss=loss, optimizer="adam", epochs=1, progress=False)
