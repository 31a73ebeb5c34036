"""The net that hand-derived gradients are of: its depth, activations and settings, as far as the file has them."""

from tests.testing.homework.test_gradients import CALL, each, net


def test_a_net_is_as_deep_as_its_gradients_and_what_has_no_name_is_said_not_to_be_checked(check):
    status, out, _ = check("""
        def backprop(X, Y, W1, b1):
            dZ1 = 1 / (1 + np.exp(-(W1 @ X + b1))) - Y
            return dZ1, dZ1 @ X.T
        """)
    assert status == 0, out
    assert "not checked: what backprop returns without giving it a name" in out


@each(("factor", "status"), [("2", 0), ("1", 1)])
def test_the_cost_of_an_output_that_is_no_sigmoid_is_the_mean_squared_error(check, factor, status):
    found = check(f"""
        activations = ["identity"]
        X, Y, W1, b1 = np.eye(3, 4), np.ones((1, 4)), np.array([[0.5, 2.0, -1.0]]), np.zeros((1, 1))
        grads = {{"dW1": {factor} * (W1 @ X + b1 - Y) @ X.T / 4}}
        """)
    assert found.status == status, found.out


@each(("name", "status"), [("lambd", 0), ("unrelated", 1)])
def test_settings_are_variables_of_the_file(check, name, status):
    source = net().replace("dW1 = dZ1 @ X.T / m", "dW1 = dZ1 @ X.T / m + 0.7 / m * parameters['W1']")
    found = check(f"{name} = 0.7\n" + source + CALL + "grads = {'dW1': grads['dW1'], 'dZ1': grads['dZ1']}", "grads")
    assert found.status == status, found.out


def test_activations_are_guessed_from_derivatives_of_the_cost_too(check):
    source = net("relu") + CALL + "grads = {'dZ2': grads['dZ2'] / 6, 'dZ1': grads['dZ1'] / 6}"
    assert check(source, "grads").status == 0


def test_hidden_layers_may_differ(check):
    status, out, _ = check("""
        def backprop(X, Y, parameters):
            (W1, b1, W2, b2, W3, b3), m = parameters.values(), X.shape[1]
            A1 = np.maximum(0, W1 @ X + b1)
            A2 = np.tanh(W2 @ A1 + b2)
            dZ3 = 1 / (1 + np.exp(-(W3 @ A2 + b3))) - Y
            dZ2 = W3.T @ dZ3 * (1 - A2**2)
            return {"dW3": dZ3 @ A2.T / m, "dW2": dZ2 @ A1.T / m, "dW1": W2.T @ dZ2 * (A1 > 0) @ X.T / m}
        """)
    assert status == 0, out
    assert "guessed: activations ['relu', 'tanh', 'sigmoid']" in out
