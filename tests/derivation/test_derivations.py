"""A derivation is what a person derives by hand, and gives the numbers of backprop when it is run."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl import nn
from tinygrad_dl.derivation.replay import replay

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 5))
LABELS = {
    "binary_cross_entropy": (RNG.uniform(size=(1, 5)) > 0.5) * 1.0,
    "binary_cross_entropy_with_logits": (RNG.uniform(size=(1, 5)) > 0.5) * 1.0,
    "mean_squared_error": RNG.normal(size=(1, 5)),
    "softmax_cross_entropy": np.eye(3)[:, [0, 1, 2, 0, 1]],
}


def loss_of(name, hidden=nn.tanh, sizes=(2, 4), rng=0):
    Y = LABELS[name]
    output = nn.sigmoid if name == "binary_cross_entropy" else nn.identity
    net = nn.mlp([*sizes, len(Y)], hidden=hidden, output=output, rng=np.random.default_rng(rng))
    return net, getattr(nn, name)(net(X), Y)


def run(derivation, **given):
    """The values of all lines of a derivation."""
    names = {"np": np, "sigmoid": nn.sigmoid, "softmax": nn.softmax, **given}
    exec(derivation.source, names)
    return names


def lines(derivation):
    return dict(line.split(" = ", 1) for line in derivation.source.split("\n") if not line.startswith("from "))


# ---- as the notes derive it


def test_a_shallow_net_has_the_seven_formulas_of_week_3():
    _, loss = loss_of("binary_cross_entropy")
    found = lines(tg.derive(loss))
    assert {name: found[name] for name in found if name.startswith("d")} == {
        "dZ2": "A2 - Y",
        "dW2": "dZ2 @ A1.T / m",
        "db2": "np.sum(dZ2, axis=1, keepdims=True) / m",
        "dA1": "W2.T @ dZ2",
        "dZ1": "dA1 * (1 - A1**2)",
        "dW1": "dZ1 @ X.T / m",
        "db1": "np.sum(dZ1, axis=1, keepdims=True) / m",
    }
    assert found["cost"] == "-np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m"
    assert found["m"] == "X.shape[1]"


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("name", LABELS)
def test_the_lines_are_in_the_order_of_the_notes(name, depth):
    net, loss = loss_of(name, sizes=[2, *[3] * depth])
    order = [f"{q}{layer}" for layer in range(depth + 1, 0, -1) for q in ("dA", "dZ", "dW", "db")]  # each b after its W
    for total in (loss, loss + tg.nn.l2(net, 0.1)):
        assert [line for line in lines(tg.derive(total)) if line.startswith("d")] == order[1:]


@pytest.mark.parametrize(
    ("hidden", "slope"),
    [(nn.tanh, "(1 - A{l}**2)"), (nn.relu, "(Z{l} > 0)"), (nn.sigmoid, "(A{l} * (1 - A{l}))")],
)
@pytest.mark.parametrize("layers", [2, 3, 5])
def test_a_net_of_any_depth_has_the_formulas_of_week_4(layers, hidden, slope):
    _, loss = loss_of("binary_cross_entropy", hidden, (2, *[3] * (layers - 1)))
    derivation = tg.derive(loss)
    found = lines(derivation)
    for l in range(1, layers):  # noqa: E741 (the course's letter)
        assert found[f"dA{l}"] == f"W{l + 1}.T @ dZ{l + 1}"
        assert found[f"dZ{l}"] == f"dA{l} * {slope.format(l=l)}"
        assert found[f"dW{l}"] == f"dZ{l} @ {f'A{l - 1}' if l > 1 else 'X'}.T / m"
        assert found[f"db{l}"] == f"np.sum(dZ{l}, axis=1, keepdims=True) / m"
    weeks = {step.quantity: step.week for step in derivation.steps}
    assert weeks[f"dW{layers}"] == ("week 3" if layers == 2 else "week 4")


@pytest.mark.parametrize("name", ["binary_cross_entropy_with_logits", "softmax_cross_entropy"])
def test_the_error_of_logits_is_their_probability_less_the_label(name):
    _, loss = loss_of(name)
    found = lines(tg.derive(loss))
    assert found["A2"] == ("softmax(Z2)" if name.startswith("softmax") else "sigmoid(Z2)")
    assert found["dZ2"] == "A2 - Y"


def test_integer_labels_are_one_hot():
    net = nn.mlp([2, 4, 3], rng=np.random.default_rng(0))
    found = lines(tg.derive(nn.softmax_cross_entropy(net(X), np.array([0, 1, 2, 0, 1]))))
    assert found["dZ2"] == "A2 - P"
    assert found["P"] == "np.arange(3)[:, None] == np.reshape(Y, -1)"


def test_a_squared_weight_adds_the_weight_to_its_gradient():
    net, loss = loss_of("binary_cross_entropy")
    found = lines(tg.derive(loss + 0.5 * np.sum(net.layers[0].W ** 2)))
    assert found["dW1"] == "0.5 * (2 * W1) + dZ1 @ X.T / m"
    assert found["dW2"] == "dZ2 @ A1.T / m"


def test_a_dropout_mask_multiplies_the_gradient_too():
    W1, W2 = (tg.parameter(RNG.normal(size=shape), name=f"W{i}") for i, shape in ((1, (4, 2)), (2, (1, 4))))
    D1 = tg.Tensor((RNG.uniform(size=(4, 5)) < 0.8) * 1.0, name="D1")
    A1 = np.tanh(W1 @ X) * D1 / 0.8
    A1.name = "A1"
    derivation = tg.derive(nn.mean_squared_error(W2 @ A1, LABELS["mean_squared_error"]))
    assert lines(derivation)["dA1"].startswith("W2.T @ (2 * ")
    assert "dA1 / 0.8 * D1" in lines(derivation)["dW1"]


def test_batch_norm_has_the_gradients_of_its_scale_shift_variance_and_mean():
    names = {}

    def named(name, x):
        x.name = name
        names[name] = x
        return x

    W1, W2 = (tg.parameter(RNG.normal(size=shape), name=f"W{i}") for i, shape in ((1, (4, 2)), (2, (1, 4))))
    gamma, beta = tg.parameter(np.ones((4, 1)), name="gamma"), tg.parameter(np.zeros((4, 1)), name="beta")
    Z1 = named("Z1", W1 @ X)
    mu = named("mu", np.mean(Z1, axis=1, keepdims=True))
    var = named("var", np.mean((Z1 - mu) ** 2, axis=1, keepdims=True))
    Zhat = named("Zhat", (Z1 - mu) / np.sqrt(var + 1e-8))
    Zt = named("Zt", gamma * Zhat + beta)
    Z2 = named("Z2", W2 @ np.tanh(Zt))
    found = lines(tg.derive(nn.binary_cross_entropy_with_logits(Z2, LABELS["binary_cross_entropy"])))
    assert found["dbeta"] == "np.sum(dZt, axis=1, keepdims=True) / m"
    assert found["dgamma"] == "np.sum(dZt * Zhat, axis=1, keepdims=True) / m"
    assert found["dZhat"] == "dZt * gamma"
    assert found["dZ1"].endswith("+ dmu / m")


# ---- as backprop computes it


@given(
    st.sampled_from(list(LABELS)),
    st.sampled_from([nn.tanh, nn.relu, nn.leaky_relu, nn.sigmoid, nn.identity]),
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.integers(0, 999),
)
def test_the_lines_compute_the_gradients_of_backprop(name, hidden, hidden_sizes, seed):
    net, loss = loss_of(name, hidden, (2, *hidden_sizes), seed)
    derivation = tg.derive(loss)
    parameters = {p.name: p for p in net.parameters()}
    found = run(derivation, X=X, Y=LABELS[name], **{name: p.numpy() for name, p in parameters.items()})
    np.testing.assert_allclose(found["cost"], loss.item(), rtol=1e-9)
    for name, gradient in tg.gradients(loss, parameters).items():
        scale = np.max(np.abs(gradient)) + 1e-9
        np.testing.assert_allclose(found[f"d{name}"], gradient, atol=1e-9 * scale, strict=True)
    tensors = tg.named_tensors(loss)
    for name in derivation.per_sample:
        gradient = tg.gradients(loss, tensors[name[1:]])
        scale = np.max(np.abs(gradient)) + 1e-9
        np.testing.assert_allclose(found[name] / found["m"], gradient, atol=1e-9 * scale)


@given(st.integers(0, 99))
def test_functions_of_any_tensors_are_derived(seed):
    rng = np.random.default_rng(seed)
    w, v = tg.parameter(rng.normal(size=(3,)), name="w"), tg.parameter(rng.normal(size=(2, 3)), name="v")
    loss = np.sum(np.exp(np.sin(w) * v) / (1 + v**2)) + w[0] * w[1] + np.max(v)
    derivation = tg.derive(loss)
    found = run(derivation, w=w.numpy(), v=v.numpy())
    for name, gradient in tg.gradients(loss, {"w": w, "v": v}).items():
        np.testing.assert_allclose(found[f"d{name}"], gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "f",
    [
        lambda A, B: np.sum(A @ B),
        lambda A, B: np.mean(-A @ B),
        lambda A, B: np.sum((A * B.T) @ A.T / 3),
        lambda A, B: np.mean(A[:, :1] * B[1]),
        lambda A, B: np.sum(np.sum(A) * B),
        lambda A, B: np.sum(np.reshape(A, (3, 2)) - B) + np.sum(np.reshape(-A, 6)),
        lambda A, B: np.sum(np.concatenate([A, B.T])) + np.sum(np.broadcast_to(A[0], (4, 3)) * A[1]),
        lambda A, B: np.sum(A * B.T) + np.sum(A.T * 2.0),
        lambda A, B: np.sum(nn.relu(A)) + np.sum(nn.relu(A)) - np.sum(nn.relu(B)) ** 2,
        lambda A, B: np.sum(A * (A.data > 0)) + np.sum(A * (B.T.data > 0)) - np.sum(B * (B.data > 0)),
        lambda A, B: np.sum(A[0, 0].T * B) - A[1, 1].T,
        lambda A, B: -np.sum(np.maximum(A, B.T)),
        lambda A, B: A[0, 0] * np.sum(B) - np.sum(A),
        lambda A, B: np.sum(np.where(A.data > 0, A, -A)) + np.sum(np.einsum("ij,jk->ik", A, B)),
        lambda A, B: np.sum(tg.gradients(np.sum(np.tanh(A) @ B), A, create_graph=True) * A),
    ],
)
def test_the_lines_run_and_have_their_shapes_whatever_reads_the_shape_of_a_gradient(f):
    A, B = (
        tg.parameter(np.random.default_rng(0).normal(size=size), name=name)
        for name, size in (("A", (2, 3)), ("B", (3, 2)))
    )
    loss = f(A, B)
    derivation = tg.derive(loss)
    arrays = {node.name: node.value for node in replay(loss, [A, B]).program.inputs}
    found = run(derivation, **{k: v for k, v in arrays.items() if k.isidentifier()})
    for step in derivation.steps:
        assert np.shape(found[step.quantity]) == step.shape
    for name, gradient in tg.gradients(loss, {"A": A, "B": B}).items():
        assert np.shape(found[f"d{name}"]) == gradient.shape
        np.testing.assert_allclose(found[f"d{name}"], gradient, rtol=1e-9)


@given(st.permutations(["x", "x", None, None, "W"]))
def test_equal_names_and_none_are_made_distinct_and_so_are_their_gradients(names):
    tensors = [tg.parameter(float(i + 2), name=name) for i, name in enumerate(names)]
    loss = np.sum(tensors[0] * tensors[1] ** 2 * tensors[2] ** 3 * tensors[3] ** 4 * tensors[4] ** 5)
    inputs = {node.name: node.value for node in replay(loss, []).program.inputs}
    found = run(tg.derive(loss), **{name: value for name, value in inputs.items() if name != "1"})
    by_value = {float(value): name for name, value in inputs.items()}
    for x, gradient in zip(tensors, tg.gradients(loss, tensors), strict=True):
        np.testing.assert_allclose(found[f"d{by_value[x.item()]}"], gradient, rtol=1e-12)
    if names.count("x") == 2:
        assert {"x", "W"} <= set(inputs)


def test_the_number_of_samples_is_the_length_of_the_data_whatever_comes_first():
    W, scale = tg.parameter(RNG.normal(size=(2, 3)), name="W"), tg.Tensor(np.full((2, 1), 3.0), name="scale")
    data = RNG.normal(size=(3, 5))
    loss = np.sum(scale * W) + np.sum((W @ data) ** 2) / data.shape[1]
    derivation = tg.derive(loss)
    found = run(derivation, W=W.numpy(), scale=scale.numpy(), X=data)
    assert found["m"] == derivation.samples == 5
    np.testing.assert_allclose(found["dW"], tg.gradients(loss, W), rtol=1e-9)


PARTS = [
    lambda W, c: W,
    lambda W, c: W + c,
    lambda W, c: W.T @ c,
    lambda W, c: W @ W.T,
    lambda W, c: np.sum(W) * W,
    lambda W, c: np.exp(np.sum(W - c) / 5) - W,
    lambda W, c: np.sum(W, axis=0),
    lambda W, c: np.reshape(W, (3, 2)) @ W,
    lambda W, c: np.cumsum(W),
    lambda W, c: np.stack([W, W - c]),
    lambda W, c: np.roll(W, 1),
]


@given(part=st.sampled_from(PARTS), wrap=st.sampled_from([np.sum, np.mean, lambda a: -(np.sum(a) ** 2), np.var]))
def test_gradients_through_sums_have_the_shapes_of_their_arrays(part, wrap):
    W, c = tg.parameter(RNG.normal(size=(2, 3)), name="W"), tg.parameter(RNG.normal(size=(2, 1)), name="c")
    loss = wrap(part(W, c))
    found = run(tg.derive(loss), W=W.numpy(), c=c.numpy())
    loss.backward()
    for parameter in (W, c):
        if parameter.grad is not None:
            assert np.shape(found[f"d{parameter.name}"]) == parameter.shape
            np.testing.assert_allclose(found[f"d{parameter.name}"], parameter.grad, rtol=1e-9, atol=1e-12)


def test_an_intermediate_without_a_name_has_a_line_if_its_gradient_is_asked_for():
    x, W = tg.Tensor(X, name="x"), tg.parameter(np.ones((2, 2)), name="W")
    Z = W @ x
    found = lines(tg.derive(np.sum(np.tanh(Z)), [Z, W]))
    assert found == {"x_": "W @ x", "t1": "np.tanh(x_)", "cost": "np.sum(t1)", "dx_": "1 - t1**2", "dW": "dx_ @ x.T"}


def test_only_the_gradients_asked_for_are_derived():
    net, loss = loss_of("binary_cross_entropy")
    found = lines(tg.derive(loss, net.layers[2].W))
    assert {name for name in found if name.startswith("d")} == {"dZ2", "dW2"}


# ---- what it tells


def test_each_line_has_its_shape_rule_and_week():
    _, loss = loss_of("binary_cross_entropy")
    steps = {step.quantity: step for step in tg.derive(loss).steps}
    assert steps["dW2"].shape == (1, 4)
    assert steps["dZ1"].rule == "np.tanh"
    assert steps["dZ1"].week == "week 3"
    assert steps["Z1"].rule == ""
    assert steps["dZ2"].rule == "binary_cross_entropy, sigmoid"


def test_reasons_name_the_chain_and_what_cancels():
    _, loss = loss_of("binary_cross_entropy")
    text = str(tg.derive(loss, explain=True))
    after = text[text.index("dZ2 = A2 - Y") : text.index("dW2 =")]
    assert "through A2, by the rule of sigmoid" in after
    assert "cancels" in after
    assert "cancels" not in str(tg.derive(loss))


def test_errors_per_sample_are_listed():
    _, loss = loss_of("binary_cross_entropy")
    derivation = tg.derive(loss)
    assert derivation.per_sample == ["dZ2", "dA1", "dZ1"]
    assert "dZ2, dA1, dZ1: errors per sample" in str(derivation)
    w = tg.parameter(1.0, name="w")
    assert str(tg.derive(w * w)) == tg.derive(w * w).source


def test_a_notebook_shows_a_table_with_escaped_text():
    W = tg.parameter(np.ones((2, 2)), name="W")
    shown = tg.derive(np.sum(nn.relu(W @ np.ones((2, 3)))))._repr_html_()
    assert shown.count("<tr") == 1 + len(tg.derive(np.sum(nn.relu(W @ np.ones((2, 3))))).steps)
    assert "&gt; 0" in shown
    assert re.search(r"<td[^>]*>\(2, 2\)</td>", shown)


@pytest.mark.parametrize("loss", [3.0, tg.Tensor(1.0), tg.parameter([1.0, 2.0])])
def test_a_value_without_one_gradient_is_refused(loss):
    with pytest.raises(ValueError, match="expected"):
        tg.derive(loss)


def test_a_tensor_that_the_loss_does_not_depend_on_is_refused():
    _, loss = loss_of("binary_cross_entropy")
    with pytest.raises(ValueError, match="that the loss depends on"):
        tg.derive(loss, tg.parameter(1.0))


def test_an_array_has_a_letter_that_is_not_taken():
    Y = tg.parameter(np.ones((2, 5)), name="Y")
    found = lines(tg.derive(np.sum(Y * X + LABELS["mean_squared_error"])))
    assert found["cost"] == "np.sum(Y * X + C)"


def test_a_word_of_python_is_no_name_of_a_quantity():
    w = tg.parameter(np.ones((2, 5)), name="w")
    named = np.tanh(w)
    named.name = "lambda"
    assert lines(tg.derive(np.sum(named * X)))["lambda_"] == "np.tanh(w)"


def test_a_loss_may_be_cast():
    w = tg.parameter(np.ones((2, 5), np.float32), name="w")
    assert lines(tg.derive(np.sum(w**2).astype(float))) == {"cost": "np.sum(w**2)", "dw": "2 * w"}


def test_only_the_sigmoid_of_a_Z_is_an_A():
    A, Z = tg.parameter(np.ones((2, 5)), name="A"), tg.parameter(np.ones((2, 5)), name="Z")
    assert set(lines(tg.derive(np.sum(nn.sigmoid(A) ** 2)))) == {"t1", "cost", "dA"}
    assert lines(tg.derive(np.sum(nn.sigmoid(Z) ** 2)))["A"] == "sigmoid(Z)"


def test_only_a_condition_is_called_a_mask():
    Z = tg.parameter(RNG.normal(size=(2, 5)), name="Z")
    found = lines(tg.derive(np.sum(np.where(Z > 0, Z - np.rint(Z), 0) * X)))
    assert found["cost"] == "np.sum(np.where(mask, Z - C, 0) * X)"


def test_a_gradient_that_is_an_input_a_number_or_another_gradient_has_a_line():
    w, v = (tg.parameter(RNG.normal(size=(2, 5)), name=name) for name in "wv")
    product = tg.derive(np.sum(w * v))
    assert lines(product) == {"cost": "np.sum(w * v)", "dw": "v", "dv": "w"}
    assert "dw &= v" in product.latex()
    assert lines(tg.derive(np.sum(w * X)))["dw"] == "X"
    assert lines(tg.derive(3 * tg.parameter(2.0, name="w")))["dw"] == "3"
    total = lines(tg.derive(np.sum(w + v)))
    assert {total["dw"], total["dv"]} in ({"np.broadcast_to(1, (2, 5))", "dw"}, {"np.broadcast_to(1, (2, 5))", "dv"})
    assert lines(tg.derive(w[0, 0]))["dw"] == "scatter_add(1, (0, 0), w)"
    assert list(lines(tg.derive(np.sum(w * v), w))) == ["cost", "dw"]
    dw = tg.parameter(RNG.normal(size=(2, 5)), name="dw")
    found = lines(tg.derive(np.sum(w * X) + np.sum(dw * v)))
    assert (found["dw_"], found["ddw"], found["dv"]) == ("X", "v", "dw")


def test_the_forward_pass_has_no_quantity_with_the_name_of_a_gradient():
    w, v = (tg.parameter(RNG.normal(size=(2, 5)), name=name) for name in "wv")
    loss = np.sum(np.tanh(w) * v)
    assert list(lines(tg.derive(loss))) == ["t1", "cost", "dw", "dv"]
    assert lines(tg.derive(loss))["dv"] == "t1"
    dw = np.tanh(w)
    dw.name = "dw"  # the user's own
    assert lines(tg.derive(np.sum(dw * v)))["cost"] == "np.sum(dw * v)"
    Z = w * X
    Z.name = "Z"
    assert lines(tg.derive(np.sum(Z * np.tanh(v))))["cost"] == "np.sum(Z * t1)"


def test_an_error_per_sample_is_m_times_the_derivative_also_of_a_cost_that_is_divided_twice():
    Z = np.where(X > 0, *(tg.parameter(RNG.normal(size=(2, 5)), name=name) for name in "wv"))
    Z.name = "Z1"
    derivation = tg.derive(np.sum(Z**2) / 5 / 5)
    assert derivation.per_sample == ["dZ1"]
    assert lines(derivation)["dZ1"] == "2 * Z1 / m"
    assert lines(derivation)["dw"] == "np.where(X, dZ1 / m, 0)"
