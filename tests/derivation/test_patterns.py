"""Functions are recognised by their formulas, whoever wrote these, and only where they are those functions."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests.derivation.test_derivations import RNG, X, lines, run
from tinygrad_dl import nn


@given(
    st.sampled_from([nn.softmax, lambda Z, axis: np.exp(nn.log_softmax(Z, axis)), nn.log_softmax]),
    st.sampled_from([0, 1, -1, -2]),
    st.booleans(),
    st.integers(0, 99),
)
def test_a_softmax_is_named_and_so_are_its_gradients(function, axis, as_scores, seed):
    rng = np.random.default_rng(seed)
    W = tg.parameter(rng.normal(size=(3, 2)), name="W1")
    Z = W @ X
    Z.name = "Z1"
    targets = rng.uniform(size=(3, 5))
    A = function(Z, axis)
    loss = np.mean(A * targets) if as_scores else np.mean((A - targets) ** 2)
    derivation = tg.derive(loss)
    assert lines(derivation)["A1"].startswith("softmax(Z1")
    assert "np.sum(np.exp" not in derivation.source
    found = run(derivation, X=X, W1=W.numpy(), Y=targets)  # nothing else is needed, such as the shift of the logits
    np.testing.assert_allclose(found["cost"], loss.item(), rtol=1e-9)
    np.testing.assert_allclose(found["dW1"], tg.gradients(loss, W), rtol=1e-7, atol=1e-12)


def test_attention_has_the_gradient_of_the_scores_that_one_derives_by_hand():
    Q, K, V = (tg.parameter(RNG.normal(size=(4, 2)), name=name) for name in "QKV")
    S = (Q @ X).T @ (K @ X)
    S.name = "S"
    A = nn.softmax(S)
    A.name = "A"
    found = lines(tg.derive(np.sum((V @ X @ A) ** 2)))
    assert found["A"] == "softmax(S)"
    assert found["dS"] == "A * (dA - np.sum(dA * A, axis=0, keepdims=True))"


def test_what_is_no_softmax_is_not_called_one():
    s, w = tg.parameter(2.0, name="s"), tg.parameter(RNG.normal(size=(3, 3)), name="w")
    e = np.exp(w)
    for loss in (s / np.sum(s * 2, axis=0), np.sum((e / np.sum(e, axis=1)) ** 2), np.sum((e / np.sum(w, axis=0)) ** 2)):
        derivation = tg.derive(loss)
        assert "softmax" not in derivation.source
        name = "s" if "s" in tg.named_tensors(loss) else "w"
        gradient = tg.gradients(loss, {"s": s, "w": w}[name])
        np.testing.assert_allclose(run(derivation, s=2.0, w=w.numpy())[f"d{name}"], gradient, rtol=1e-9, atol=1e-12)
