"""The one small change of a learner's code that makes wrong gradients right: the mistake by name, and its line."""

import ast
import linecache

import numpy as np
import pytest

from tinygrad_dl.testing.repair.search import Look, Patch, called_by, patch_of, repairs, repairs_of

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(3, 7)), RNG.integers(0, 2, (1, 7)).astype(float)
SHAPES = {"W1": (5, 3), "b1": (5, 1), "W2": (1, 5), "b2": (1, 1)}
PARAMETERS = {name: RNG.normal(size=shape) for name, shape in SHAPES.items()}

NET = """
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def forward(p):
    Z1 = p["W1"] @ X + p["b1"]
    A1 = np.tanh(Z1)
    A2 = sigmoid(p["W2"] @ A1 + p["b2"])
    return {"Z1": Z1, "A1": A1, "A2": A2}

def cost(p):
    A2 = forward(p)["A2"]
    return -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) + 0.1 * np.sum(p["W1"] ** 2)

def backward(p, lambd=0.2):
    cache = forward(p)
    m, A1, Z1 = X.shape[1], cache["A1"], cache["Z1"]
    dZ2 = cache["A2"] - Y
    dW2 = 1 / m * np.dot(dZ2, A1.T)
    db2 = 1 / m * np.sum(dZ2, axis=1, keepdims=True)
    dZ1 = np.dot(p["W2"].T, dZ2) * (1 - np.power(A1, 2))
    dW1 = 1 / m * np.dot(dZ1, X.T) + lambd * p["W1"]
    db1 = 1 / m * np.sum(dZ1, axis=1, keepdims=True)
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
"""


def module(source, name, **names):
    """The names that a source defines, with its lines where a traceback finds them."""
    names |= {"X": X, "Y": Y}
    linecache.cache[name] = len(source), None, source.splitlines(True), name
    exec(compile(source, name, "exec"), names)
    return names


class Net:
    """The gradients of the net above, judged by its cost."""

    def __init__(self, old="", new=""):
        assert not old or NET.count(old) == 1
        self.functions = module(NET.replace(old, new) if old else NET, f"<{old} -> {new}>")

    def names(self):
        return list(PARAMETERS)

    def values(self):
        return list(PARAMETERS.values())

    def value(self, *values):
        return self.functions["cost"](dict(zip(PARAMETERS, values, strict=True)))

    def gradients(self, g, values):
        return self.functions["backward"](dict(zip(PARAMETERS, values, strict=True)))

    def repairs(self, **settings):
        return repairs_of(self, [patch_of(self.functions["backward"])], self.names(), **settings)


def looking(is_right):
    """The look of a judge of a whole, which always looks different."""
    return lambda: Look({"": bool(is_right())}, True, lambda: True)


SLIPS = [
    ('cache["A2"] - Y', 'Y - cache["A2"]', "sign", "dZ2 = "),
    ('cache["A2"] - Y', '2 * (cache["A2"] - Y)', "a factor too much, 2", "dZ2 = "),
    ("(1 - np.power(A1, 2))", "(1 - np.power(Z1, 2))", "Z1 for A1", "dZ1 = "),
    ("(1 - np.power(A1, 2))", "(1 - A1)", "1 - a for 1 - a²", "dZ1 = "),
    ("(1 - np.power(A1, 2))", "(1 + np.power(A1, 2))", "sign, + for -", "dZ1 = "),
    ("(1 - np.power(A1, 2))", "A1 * (1 - A1)", "the derivative of tanh is", "dZ1 = "),
    (" * (1 - np.power(A1, 2))", "", "the derivative of the activation missing (tanh)", "dZ1 = "),
    ("dW2 = 1 / m * ", "dW2 = ", "1/m missing", "dW2 = "),
    ("np.dot(dZ2, A1.T)", "np.dot(dZ2, Z1.T)", "Z1 for A1", "dW2 = "),
    ("np.sum(dZ1, axis=1, keepdims=True)", "np.sum(dZ1)", "summed over the wrong axis: no axis for axis=1", "db1 = "),
    ("np.sum(dZ1, axis=1, keepdims=True)", "np.sum(dZ1, axis=1)", "keepdims missing", "db1 = "),
    ("np.sum(dZ1, axis=1, keepdims=True)", "np.sum(dZ2, axis=1, keepdims=True)", "dZ2 for dZ1", "db1 = "),
    (' + lambd * p["W1"]', ' - lambd * p["W1"]', "sign, - for +", "dW1 = "),
    (' + lambd * p["W1"]', "", "regularisation missing, lambd * p['W1']", "dW1 = "),
    (' + lambd * p["W1"]', ' + lambd / m * p["W1"]', "1/m too much", "dW1 = "),
]


@pytest.mark.parametrize(("old", "new", "mistake", "statement"), SLIPS, ids=lambda text: text[:24])
def test_a_slip_in_a_backward_pass_is_named_with_its_line(old, new, mistake, statement):
    found = Net(old, new).repairs(seconds=20)
    assert any(text.startswith(mistake) and f"is right as `{statement}" in text for text in found), found


def test_the_functions_are_as_before_when_the_search_is_over():
    net = Net('cache["A2"] - Y', 'Y - cache["A2"]')
    before = net.gradients(1.0, net.values())
    code = net.functions["backward"].__code__
    assert net.repairs()
    assert net.functions["backward"].__code__ is code
    assert all(np.array_equal(g, before[name]) for name, g in net.gradients(1.0, net.values()).items())


def test_a_change_of_the_value_is_no_repair():
    """The mistake of a function that returns the cost as well is never undone by another cost."""
    names = module("def f(w):\n    cost = 2 * w ** 2\n    return cost, 2 * w\n", "<both>")

    class Both:
        def names(self):
            return ["w"]

        def values(self):
            return [np.array(3.0)]

        def value(self, w):
            return names["f"](w)[0]

        def gradients(self, g, values):
            return {"w": names["f"](*values)[1]}

    found = repairs_of(Both(), [patch_of(names["f"])], ["w"])
    assert found
    assert all("`return (cost, " in text for text in found)


def test_two_mistakes_have_no_repair():
    net = Net()
    backward = net.functions["backward"]
    net.gradients = lambda g, values: {name: np.sin(value) for name, value in backward(PARAMETERS).items()}
    assert net.repairs(seconds=0.3) == []


LAYER = """
import numpy as np

class Dense:
    def __init__(self):
        self.W, self.b = WEIGHTS.copy(), np.zeros(4)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, g):
        self.dW = self.x.T @ g
        self.db = g.sum(axis=0)
        return g @ self.W
"""


def test_methods_are_repaired_where_objects_hold_them_and_closures_too():
    names = {"WEIGHTS": RNG.normal(size=(4, 4))}
    names |= module(LAYER, "<layer>", **names)
    layer, x, g = names["Dense"](), RNG.normal(size=(6, 4)), RNG.normal(size=(6, 4))

    def is_right():
        layer.forward(x)
        return np.allclose(layer.backward(g), g @ layer.W.T)

    (found,) = repairs([patch_of(layer.backward)], looking(is_right))
    assert found == "transposed: self.W for self.W.T: line 15 is right as `return g @ self.W.T`"
    two = 2.0

    def more(x):
        return two + x

    found = repairs([patch_of(more)], looking(lambda: more(3.0) == -1.0))
    assert "sign, + for -: line" in found[0]
    assert "`return two - x`" in found[0]


def test_an_endless_search_ends_in_time_and_what_has_no_source_is_no_code_to_change():
    assert repairs([patch_of(Net().functions["backward"])], looking(lambda: False), seconds=0.05) == []
    assert [patch_of(each) for each in (np.tanh, print, None)] == [None] * 3


def test_the_statements_of_a_script_are_repaired_in_their_tree():
    tree = ast.parse("for i in range(2):\n    z = w * 3\n    dw = z * 3\n    w = w - 0.1 * dw")
    before = ast.unparse(tree)

    def is_right():
        names = {"w": 2.0}
        exec(compile(ast.fix_missing_locations(tree), "<script>", "exec"), names)
        return np.isclose(names["w"], 2.0 * 0.7**2)

    script = Patch(tree, [], lambda: True, lambda: None, "cell {}".format)
    found = repairs([script], looking(is_right))[0]
    assert "cell 3 is right as" in found or "cell 2 is right as" in found
    assert ast.unparse(tree) == before


def test_statements_that_right_gradients_depend_on_are_changed_last():
    """Of two changes that would do, the one of the line of the wrong gradient alone is named."""
    names = module("def f(w):\n    a = 2 * w\n    b = 1 + a\n    return {'a': a, 'b': b}\n", "<two>")

    class Two:
        def names(self):
            return ["a", "b"]

        def values(self):
            return [np.array(1.0), np.array(-1.0)]

        def value(self, a, b):
            return 2 * a - b

        def gradients(self, g, values):
            return names["f"](np.array(1.0))

    found = repairs_of(Two(), [patch_of(names["f"])], ["b"])
    assert found
    assert all("line 3 is right as" in text for text in found)


def test_functions_are_found_by_their_calls_among_variables_methods_and_what_is_known():
    source = "def f(x):\n    return g(x)\n\ndef g(x):\n    return x\n\nclass A:\n    def h(self): f(1)\n"
    names = module(source, "<calls>")
    assert list(called_by(names["A"]().h)) == [names["A"].h, names["f"], names["g"]]

    def local():
        return names["g"](1)

    assert list(called_by(local)) == [names["g"]]
    assert list(called_by(local, [local])) == [local, names["g"]]


def test_arrays_at_hand_are_known_by_name_attribute_and_key():
    class Layer:
        def run(self, x):
            self.y, cache, m = 2 * x, {"A": x, "n": 3}, 5
            return cache, m

    arrays = called_by(lambda: Layer().run(np.ones(2)), [Layer])[Layer.run]
    assert arrays == {"x", "self.y", "cache['A']"}


def test_a_factor_that_only_other_code_names_is_found():
    source = "class Drop:\n    def forward(self, x):\n        self.mask = np.array([0.0, 2.0])\n"
    source += "        return x * self.mask\n"
    names = module(source + "    def backward(self, g):\n        return g\n", "<drop>", np=np)
    layer, g = names["Drop"](), np.array([1.0, 3.0])
    layer.forward(g)
    arrays = called_by(lambda: layer.backward(g), [names["Drop"]])[names["Drop"].backward]
    patch = patch_of(layer.backward, arrays)
    found = repairs([patch], looking(lambda: np.array_equal(layer.backward(g), [0.0, 6.0])))
    assert found == ["a factor missing, self.mask: line 6 is right as `return g * self.mask`"]


def test_a_missing_mean_is_named_once_for_each_line_whatever_is_called_m():
    net = Net("dW2 = 1 / m * ", "n_samples = m\n    dW2 = ")
    assert [text.partition(":")[0] for text in net.repairs(seconds=20)] == ["1/m missing"]


def test_the_slope_of_an_activation_that_should_not_be_there_is_a_factor_too_much():
    cache = 'cache["A2"]'
    found = Net(f"{cache} - Y", f"({cache} - Y) * {cache} * (1 - {cache})").repairs(seconds=20)
    assert found[0].startswith("factors too much, cache['A2'] * (1 - cache['A2']): "), found
    assert "> 0" not in " ".join(found)
