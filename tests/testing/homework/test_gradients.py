"""Gradients of a net as learners write them: a dict, variables, or a function, with the net beside it or without."""

import pytest

each = pytest.mark.parametrize

NET = """
X = np.array([[0.5, -1.2, 0.3, 2.0, -0.7, 1.1], [1.5, 0.2, -0.9, 0.4, 0.8, -1.6]])
Y = np.array([[1, 0, 0, 1, 1, 0]])
parameters = {
    "W1": np.array([[0.5, -0.3], [0.8, 0.1], [-0.4, 0.9]]), "b1": np.array([[0.1], [-0.2], [0.3]]),
    "W2": np.array([[1.2, -0.7, 0.4]]), "b2": np.array([[0.05]]),
}
def forward_propagation(X, parameters):
    W1, b1, W2, b2 = parameters["W1"], parameters["b1"], parameters["W2"], parameters["b2"]
    Z1 = W1 @ X + b1
    A1 = G
    A2 = 1 / (1 + np.exp(-(W2 @ A1 + b2)))
    cache = {"Z1": Z1, "A1": A1, "A2": A2}
    return A2, cache
def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    A1, A2, Z1 = cache["A1"], cache["A2"], cache["Z1"]
    dZ2 = A2 - Y
    dZ1 = parameters["W2"].T @ dZ2 * SLOPE
    dW1 = dZ1 @ X.T / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dZ2": dZ2, "dW2": dZ2 @ A1.T / m, "dZ1": dZ1, "dW1": dW1, "db1": db1}
"""
ACTIVATIONS = {
    "tanh": ("np.tanh(Z1)", "(1 - A1**2)"),
    "relu": ("np.maximum(0, Z1)", "(Z1 > 0)"),
    "sigmoid": ("1 / (1 + np.exp(-Z1))", "A1 * (1 - A1)"),
    "leaky_relu": ("np.where(Z1 > 0, Z1, 0.01 * Z1)", "np.where(Z1 > 0, 1, 0.01)"),
}
FUNCTIONS_ONLY = NET[NET.index("def ") :]
CALL = "_, cache = forward_propagation(X, parameters)\ngrads = backward_propagation(parameters, cache, X, Y)\n"


def net(activation="tanh", source=NET):
    g, slope = ACTIVATIONS[activation]
    return source.replace("= G", f"= {g}").replace("SLOPE", slope)


@pytest.mark.few_values
@each("activation", ACTIVATIONS)
@each(
    "source", [NET, FUNCTIONS_ONLY, "model, x = 'shallow', 1\n" + FUNCTIONS_ONLY], ids=["data", "no data", "other data"]
)
def test_a_right_backward_propagation_is_right_for_each_activation(check, activation, source):
    found = check(net(activation, source))
    assert (found.status, found.summary) == (0, "1 right, 0 wrong"), found.out


def test_a_wrong_backward_propagation_is_wrong_with_its_cause(check):
    found = check(net().replace("dW1 = dZ1 @ X.T / m", "dW1 = dZ1 @ X.T"))
    assert (found.status, found.summary) == (1, "0 right, 1 wrong")
    assert "1/m missing" in found.out


@each("name", ["backward_propagation", "forward_propagation"])
def test_a_backward_propagation_goes_by_its_name_or_that_of_its_other_half(check, name):
    assert check(net() + CALL, name)[1].startswith("forward_propagation, backward_propagation\n")


def test_a_dict_of_gradients_is_checked_with_the_net_beside_it(check):
    right = check(net() + CALL + "activations = ['tanh', 'sigmoid']", "grads")
    assert right[0] == 0
    assert "of the file: X (2, 6), Y (1, 6), W1 (3, 2), b1 (3, 1), W2 (1, 3), b2 (1, 1)" in right[1]
    assert "guessed" not in right[1]
    wrong = check(net() + CALL + "grads['dW2'] = -grads['dW2']\nactivation = 'tanh'", "grads")
    assert wrong[0] == 1
    assert "wrong: sign" in wrong[1]


def test_variables_dW1_and_so_on_are_a_dict_of_gradients(check):
    source = net() + CALL + "dW1, db1 = grads.pop('dW1'), grads.pop('db1')\n"
    status, out, _ = check(source + "grads = None", "db1")
    assert (status, out.splitlines()[0]) == (0, "dW1, db1")
    assert check(source).summary == "2 right, 0 wrong"  # if there is a dict, they are in it


def test_activations_may_be_functions_of_the_learner_and_the_parameters_variables(check):
    source = net().replace("parameters = {", "learned = {").replace("def backward_prop", "def back_prop")
    source += CALL.replace("backward_prop", "back_prop").replace("parameters", "learned")
    source += "globals().update(learned)\ndef tanh(z): return np.tanh(z)\ndef sigmoid(z): return z\n"
    assert check(source + "activations = [tanh, sigmoid]\ndel learned", "grads")[0] == 0


def test_gradients_of_a_net_of_this_package_are_checked_with_it(check):
    found = check("""
        import tinygrad_dl as tg
        net = tg.nn.mlp([2, 3, 1], hidden=tg.nn.relu, output=tg.nn.sigmoid, rng=np.random.default_rng(0))
        X, Y = np.random.default_rng(0).normal(size=(2, 6)), np.array([[1.0, 0, 0, 1, 0, 1]])
        tg.nn.binary_cross_entropy(net(X), Y).backward()
        gradients = {f"d{p.name}": p.grad for p in net.parameters()}
        """)
    assert (found.status, found.summary) == (0, "1 right, 0 wrong"), found.out


TRAINING = """
learning_rate = 0.3
for step in range(3):
    _, cache = forward_propagation(X, parameters)
    grads = backward_propagation(parameters, cache, X, Y)
    parameters = {n: value - learning_rate * STEP[f"d{n}"] for n, value in parameters.items()}
"""


def test_gradients_from_before_the_last_update_are_recognised(check):
    source = net().replace('"db1": db1}', '"db1": db1, "db2": np.sum(dZ2, axis=1, keepdims=True) / m}')
    status, out, _ = check(source + TRAINING.replace("STEP", "grads"), "grads")
    assert status == 0, out
    assert "parameters: before the last update" in out


@pytest.mark.deep
def test_gradients_that_no_guess_explains_ask_for_what_is_missing(check):
    call = CALL + "grads = {'dZ2': grads['dZ2']}\n"
    status, out, err = check(net() + call + "parameters = {n: 2 * value for n, value in parameters.items()}", "grads")
    assert status == 2
    assert "there is no grads to check; there is forward_propagation" in err
    status, out, _ = check(net() + call + "activation = 'tanh'\nX = X + 1", "grads")
    assert status == 1
    assert "nothing is right: are X, Y and the parameters" in out


def test_arguments_beside_the_net_are_what_some_function_returns_by_name(check):
    found = check("""
        def layers(X, W1, b1, W2, b2):
            A1 = np.tanh(W1 @ X + b1)
            A2 = 1 / (1 + np.exp(-(W2 @ A1 + b2)))
            return A1, A2
        def backprop(X, Y, W2, A1, A2):
            dZ2 = A2 - Y
            dW2 = dZ2 @ A1.T / Y.shape[1]
            dW1 = W2.T @ dZ2 * (1 - A1**2) @ X.T / Y.shape[1]
            return dW1, dW2
        """)
    assert (found.status, found.summary) == (0, "1 right, 0 wrong"), found.out


@pytest.mark.few_values
@each("returned", ["A2, cache", "(lambda: A2)(), cache", "(lambda: A2)(), {**cache}", "cache"])
@each("taken", ["parameters, kept, X, Y", "kept, parameters, Y, X"])
def test_a_cache_is_handed_on_whatever_it_is_called(check, returned, taken):
    source = net(source=FUNCTIONS_ONLY).replace("return A2, cache", f"return {returned}").replace('cache["', 'kept["')
    assert check(source.replace("parameters, cache, X, Y", taken)).status == 0


def test_what_a_forward_pass_returns_without_names_is_handed_on_in_order(check):
    source = net(source=FUNCTIONS_ONLY).replace("return A2, cache", "return 1 * A2, dict(cache)")
    source = source.replace("(parameters, cache,", "(parameters, out, kept,").replace(
        'cache["A1"], cache["A2"], cache', 'kept["A1"], out, kept'
    )
    assert check(source).status == 0


def test_a_function_may_give_some_of_the_gradients_only(check):
    source = net(source=FUNCTIONS_ONLY)
    assert check(source[: source.rindex("return")] + "return {'dW1': dW1, 'db1': db1}").status == 0


def test_training_and_checks_of_gradients_are_no_backprop(check):
    found = check(
        net()
        + """
def train(X, Y):
    grads = {"dW1": X}
    return parameters, grads
def gradient_check_with_backprop(parameters, gradients, X, Y): return {"dW1": X}
"""
    )
    assert found.summary == "1 right, 0 wrong"


DEEP = """
def L_model_forward(X, parameters):
    AL, caches = X, []
    for l in range(1, len(parameters) // 2 + 1):
        Z = parameters["W" + str(l)] @ AL + parameters["b" + str(l)]
        caches.append((AL, parameters["W" + str(l)], Z))
        AL = 1 / (1 + np.exp(-Z))
    return AL, caches
def L_model_backward(AL, Y, caches):
    grads, dZ, L = {}, AL - Y, len(caches)
    for l in range(L, 0, -1):
        A, W, Z = caches[l - 1]
        grads["dW" + str(l)] = dZ @ A.T / Y.shape[1]
        grads["db" + str(l)] = dZ.mean(axis=1, keepdims=True)
        dZ = W.T @ dZ * A * (1 - A)
    return grads
"""


@each("slip", ["caches[L - 1]", "caches[min(l - 1, 1)]"])
def test_a_backward_pass_that_fails_for_some_number_of_layers_is_wrong(check, slip):
    assert check(DEEP).status == 0
    found = check(DEEP.replace("caches[l - 1]", slip))
    assert found.status == 1, found.out + found.err
    assert "layers, for which L_model_forward runs" in found.out
