"""Updates by their syntax."""

import ast

import pytest

from tinygrad_dl.testing.homework.updates import factors_of, leaves_of, update_of, updates_inside

each = pytest.mark.parametrize


def text_of(statement):
    updates = update_of(ast.parse(statement).body[0])
    return [(ast.unparse(target), [(sign, ast.unparse(term)) for sign, term in terms]) for target, terms, _ in updates]


@each(
    ("statement", "target", "terms"),
    [
        ("W -= lr * dW", "W", [(-1, "lr * dW")]),
        ("W = W - lr * dW", "W", [(-1, "lr * dW")]),
        ("W = -lr * dW + W", "W", [(1, "-lr * dW")]),
        ("self.W[i] += step - decay", "self.W[i]", [(1, "step"), (-1, "decay")]),
        ("p['W'] = np.subtract(p['W'], step)", "p['W']", [(-1, "step")]),
        ("W = W * (1 - lr * reg) - lr * dW", "W", [(-1, "lr * dW")]),
    ],
)
def test_an_update_is_a_target_and_the_terms_added_to_it(statement, target, terms):
    assert text_of(statement) == [(target, terms)]


def test_an_assignment_of_several_is_an_update_of_each():
    assert [target for target, _ in text_of("W, b = W - dW, b - db")] == ["W", "b"]


@each("statement", ["W = V - dW", "W = W", "A = np.tanh(A @ W)", "W = dW - W", "W *= 2", "A = A @ W + b"])
def test_other_assignments_are_none(statement):
    assert text_of(statement) == []


@each(
    ("statement", "element", "terms"),
    [
        ("Ws = [W - 0.1 * dW for W, dW in zip(Ws, dWs)]", "W", [(-1, "0.1 * dW")]),
        ("new = [W - lr * dW for W, dW in zip(Ws, dWs)]", "W", [(-1, "lr * dW")]),
        ("self.w = [(1 - eta * r) * w - (eta / m) * n for w, n in zip(self.w, ns)]", "w", [(-1, "eta / m * n")]),
        ("return {k: params[k] - lr * grads['d' + k] for k in params}", "params[k]", [(-1, "lr * grads['d' + k]")]),
        ("p = {k: -lr * g[k] + v for k, v in p.items()}", "v", [(1, "-lr * g[k]")]),
    ],
)
def test_elements_of_a_list_or_dict_are_updated(statement, element, terms):
    ((_, updated, added),) = updates_inside(ast.parse(statement).body[0])
    assert (ast.unparse(updated), [(sign, ast.unparse(term)) for sign, term in added]) == (element, terms)


@each("statement", ["x = [a - b for a, b in zip(u, v)]", "W = [2 * w for w in W]", "W = [f(w) - dw for w, dw in W]"])
def test_other_lists_are_none(statement):
    assert not list(updates_inside(ast.parse(statement).body[0]))


@each(
    ("term", "scales", "rest"),
    [
        ("lr * dW", ["lr"], "dW"),
        ("-self.learning_rate * dW / m", ["-self.learning_rate"], "dW / m"),
        ("0.1 * x.T @ d", ["0.1"], "x.T @ d"),
        ("lr / m * d", ["lr"], "1.0 / m * d"),
        ("2 * d", [], "2 * d"),
        ("np.dot(x.T, d) * alpha", ["alpha"], "np.dot(x.T, d)"),
    ],
)
def test_a_learning_rate_is_no_part_of_the_gradient_and_a_size_is(term, scales, rest):
    found, left = factors_of(ast.parse(term, mode="eval").body)
    assert ([ast.unparse(s) for s in found], ast.unparse(left)) == (scales, rest)


def test_the_variables_of_an_expression_are_no_functions():
    assert list(leaves_of(ast.parse("f(x.T) + g[k]", mode="eval").body)) == ["x.T", "x", "g[k]", "g", "k"]
