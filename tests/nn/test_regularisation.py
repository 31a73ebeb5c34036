"""Dropout and L2: their formulas, modes, and transforms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl import nn


def net_with_dropout(seed=0, rate=0.4):
    rng = np.random.default_rng(seed)
    return nn.Sequential(
        nn.Dense(3, 6, rng=rng), nn.relu, nn.Dropout(rate, rng=rng), nn.Dense(6, 1, rng=rng), nn.sigmoid
    )


@given(st.floats(0, 0.95), st.integers(0, 2**32 - 1))
def test_dropout_zeroes_a_share_and_divides_the_rest_by_the_probability_of_keeping_it(rate, seed):
    dropout = nn.Dropout(rate, rng=np.random.default_rng(seed))
    A = np.random.default_rng(1).uniform(1, 2, (20, 50))
    found = np.asarray(dropout(tg.Tensor(A)).data)
    kept = found != 0
    np.testing.assert_allclose(found[kept], A[kept] / (1 - rate), rtol=1e-14)
    deviation = np.sqrt(rate * (1 - rate) / A.size)
    assert abs(kept.mean() - (1 - rate)) <= 6 * deviation  # one draw in a billion lies outside


def test_dropout_does_nothing_in_evaluation_mode_and_draws_nothing():
    dropout = nn.Dropout(0.5, rng=np.random.default_rng(0))
    before = dropout.rng.bit_generator.state
    A = tg.parameter(np.ones((2, 3)))
    with dropout.eval():
        assert dropout(A) is A
    assert dropout.rng.bit_generator.state == before
    assert dropout(A) is not A


def test_modes_are_set_for_all_that_is_inside_and_taken_back_as_they_were():
    net = nn.Sequential(net_with_dropout(), net_with_dropout())
    first, second = (part.layers[2] for part in net.layers)
    first.eval()
    with net.train():
        assert first.training
        assert second.training
    assert not first.training
    assert second.training
    net.eval()
    assert not any(module.training for _, module in net.named_modules())
    assert repr(net.layers[0].eval()) == f"{net.layers[0]!r} in evaluation mode"


def test_the_gradient_is_that_of_the_net_with_the_masks_of_its_own_forward_pass():
    net, X = net_with_dropout(), np.random.default_rng(1).normal(size=(3, 5))
    loss = np.sum(net(X))
    tensors = tg.named_tensors(loss)
    loss.backward()
    W1, b1, W2, b2 = (p.numpy() for p in net.parameters())
    kept = np.where(tensors["A1"].numpy() == 0, 0, 1 / 0.6)  # relu's zeros too, which pass no gradient anyway
    Z1 = W1 @ X + b1
    A2 = 1 / (1 + np.exp(-(W2 @ (np.maximum(Z1, 0) * kept) + b2)))
    dZ2 = A2 * (1 - A2)
    dZ1 = W2.T @ dZ2 * kept * (Z1 > 0)
    A1 = tensors["A1"].numpy()
    by_hand = [dZ1 @ X.T, dZ1.sum(axis=1, keepdims=True), dZ2 @ A1.T, dZ2.sum(axis=1, keepdims=True)]
    for parameter, expected in zip(net.parameters(), by_hand, strict=True):
        np.testing.assert_allclose(parameter.grad, expected, rtol=1e-12, atol=1e-14)


def test_names_are_those_of_the_course():
    net = net_with_dropout()
    loss = np.sum(net(np.ones((3, 5))))
    names = set(tg.named_tensors(loss))
    assert {"W1", "b1", "Z1", "A1", "W2", "b2", "Z2", "A2"} == names
    assert "D1" in str(tg.draw(loss))


def gradients(f, net, X):
    return [g.numpy().tobytes() for g in tg.grad(f)(net, X).values()]


def test_a_checkpoint_and_a_compiled_step_use_each_mask_once():
    X = np.random.default_rng(1).normal(size=(3, 5))
    plain = gradients(lambda net, X: np.sum(net(X)), net_with_dropout(), X)
    recomputed = gradients(lambda net, X: np.sum(tg.checkpoint(net)(X)), net_with_dropout(), X)
    assert recomputed == plain
    eager, fast = net_with_dropout(), net_with_dropout()

    def step(net):
        def of(X):
            loss = np.sum(net(X))
            loss.backward()
            return loss

        return of

    compiled, by_hand = tg.compile(step(fast)), step(eager)
    for _ in range(3):
        assert compiled(X).item() == pytest.approx(by_hand(X).item(), rel=1e-12)
    for p, q in zip(fast.parameters(), eager.parameters(), strict=True):
        np.testing.assert_allclose(p.grad, q.grad, rtol=1e-12, atol=1e-14)
    fast.eval()
    eager.eval()
    assert compiled(X).item() == pytest.approx(by_hand(X).item(), rel=1e-12)


def test_inside_of_vmap_all_samples_share_a_mask():
    A = np.arange(1.0, 41.0).reshape(8, 5)
    mapped = tg.vmap(nn.Dropout(0.5, rng=np.random.default_rng(0)), in_axes=1, out_axes=1)(A).numpy()
    mask = nn.Dropout(0.5, rng=np.random.default_rng(0))(np.ones(8)).numpy()
    assert np.array_equal(mapped, A * mask[:, np.newaxis])


@pytest.mark.parametrize("compile", [False, True])
def test_fit_draws_masks_in_steps_and_none_for_validation(compile):
    X = np.random.default_rng(1).normal(size=(3, 12))
    Y = (X[:1] > 0).astype(float)
    net = net_with_dropout(rate=0.5)
    modes = []
    history = tg.fit(
        net,
        X,
        Y,
        loss="bce",
        optimizer=tg.optim.Adam(net.parameters(), 0.01),
        epochs=3,
        validation=(X, Y),
        compile=compile,
        callbacks=[tg.training.every_step(lambda state: modes.append(state.net.training))],
        progress=False,
    )
    assert modes == [True] * 3
    assert not net.training
    by_hand = tg.nn.binary_cross_entropy(net(X), Y).item()
    assert history["validation_loss"][-1] == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize("rate", [-0.1, 1.0, np.nan])
def test_a_rate_outside_of_0_and_1_is_refused(rate):
    with pytest.raises(ValueError, match="Dropout: expected 0 <= rate < 1"):
        nn.Dropout(rate, rng=np.random.default_rng(0))


def test_dropout_needs_a_generator():
    with pytest.raises(TypeError, match=r"Dropout: expected rng=np\.random\.default_rng"):
        nn.Dropout(0.5)


# ---- L2


@given(st.just(0.0) | st.floats(1e-200, 10), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_l2_is_the_courses_term_and_its_gradient_is_lambda_over_m_w(strength, m, seed):
    net = nn.mlp([2, 3, 1], rng=np.random.default_rng(seed))
    net.layers[0].b.data = np.ones((3, 1))
    term = nn.l2(net, strength, m=m)
    W1, _, W2, _ = (p.numpy() for p in net.parameters())
    assert term.item() == pytest.approx(strength / (2 * m) * (np.sum(W1**2) + np.sum(W2**2)), rel=1e-12)
    dW1, dW2 = tg.gradients(term, [net.layers[0].W, net.layers[2].W])
    np.testing.assert_allclose(dW1, strength / m * W1, rtol=1e-12)
    np.testing.assert_allclose(dW2, strength / m * W2, rtol=1e-12)


def test_l2_leaves_biases_and_frozen_parameters_out():
    net = nn.Sequential(nn.Dense(2, 3, rng=np.random.default_rng(0)), nn.BatchNorm(3))
    net.layers[0].W.requires_grad = False
    with pytest.raises(ValueError, match="l2: expected a net with weights"):
        nn.l2(net, 0.1)
    with pytest.raises(TypeError, match=r"l2: expected a Module, whose parameters have names, got \[Tensor"):
        nn.l2(net.parameters(), 0.1)
    with pytest.raises(ValueError, match="l2: expected a strength of 0 or more, got -1"):
        nn.l2(net, -1)
