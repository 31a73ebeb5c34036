"""Programs whose graphs are folded: nets, recurrent nets, stacks of blocks, chains, and random ones."""

import numpy as np
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl.graph.nodes import Graph


def parameter(rng, *shape, name=None):
    return tg.parameter(rng.normal(size=shape) / 4, name)


def graph_of(*outputs):
    return Graph(list(outputs))


def mlp(layers=50, n=4):
    rng = np.random.default_rng(0)
    net = tg.nn.mlp([2, *[n] * layers, 1], output=tg.nn.sigmoid, rng=rng)
    return graph_of(np.mean(net(np.ones((2, 3))) ** 2))


def recurrent(steps=30, odd=None, losses=False, keep=()):
    """An unrolled net of five operations a step; `odd(t, h)` may change a step, `keep` are steps to give as outputs."""
    rng = np.random.default_rng(0)
    W, U, b = parameter(rng, 4, 4, name="W"), parameter(rng, 4, 2, name="U"), parameter(rng, 4, 1, name="b")
    h, total, outputs = tg.Tensor(np.zeros((4, 3)), name="h0"), 0.0, []
    for t in range(steps):
        h = np.tanh(W @ h + U @ rng.normal(size=(2, 3)) + b)
        h = odd(t, h) if odd else h
        outputs += [h] if t in keep else []
        total = total + np.mean(h**2) if losses else h
    return graph_of(np.sum(total), *outputs)


class Residual(tg.nn.Module):
    def __init__(self, n, rng):
        self.a, self.b = tg.nn.Dense(n, n, rng=rng), tg.nn.Dense(n, n, rng=rng)

    def __call__(self, x):
        centred = x - np.mean(x, axis=0, keepdims=True)
        return x + self.b(np.maximum(self.a(centred), 0))


class Stage(tg.nn.Module):
    def __init__(self, make, count):
        self.blocks = [make() for _ in range(count)]

    def __call__(self, x):
        for block in self.blocks:
            x = block(x)
        return x


class Cell(tg.nn.Module):
    def __init__(self, n, rng):
        self.Wx, self.Wh = tg.nn.Dense(2, n, rng=rng), tg.nn.Dense(n, n, rng=rng)

    def __call__(self, x, h):
        return np.tanh(self.Wx(x) + self.Wh(h))


class Recurrent(tg.nn.Module):
    def __init__(self, n, rng):
        self.cell, self.out = Cell(n, rng), tg.nn.Dense(n, 1, rng=rng)

    def __call__(self, xs):
        h, answers = np.zeros((4, 3)), []
        for x in xs:
            h = self.cell(x, h)
            answers.append(self.out(h))
        return np.stack(answers)


def recurrent_modules(steps=40):
    rng = np.random.default_rng(0)
    return graph_of(np.sum(Recurrent(4, rng)([rng.normal(size=(2, 3)) for _ in range(steps)])))


def residual(blocks=12):
    rng = np.random.default_rng(0)
    return graph_of(np.sum(Stage(lambda: Residual(4, rng), blocks)(parameter(rng, 4, 3, name="x"))))


def nets_in_nets(stages=5, blocks=3):
    rng = np.random.default_rng(0)
    net = Stage(lambda: Stage(lambda: Residual(4, rng), blocks), stages)
    return graph_of(np.sum(net(parameter(rng, 4, 3, name="x"))))


def attention(blocks=8):
    rng = np.random.default_rng(0)
    x = parameter(rng, 4, 3, name="x")
    for _ in range(blocks):
        q, k, v = (parameter(rng, 4, 4) @ x for _ in range(3))
        scores = np.exp(q.T @ k)
        x = x + v @ (scores / np.sum(scores, axis=0, keepdims=True))
        x = x + parameter(rng, 4, 4) @ np.maximum(parameter(rng, 4, 4) @ x, 0)
    return graph_of(np.sum(x))


def chain(length, functions=(np.tanh,)):
    rng = np.random.default_rng(0)
    y = parameter(rng, 2)
    for i in rng.integers(len(functions), size=length):
        y = functions[i](y)
    return graph_of(y)


def doubling(times=40):
    y = tg.parameter([1.0])
    for _ in range(times):
        y = y + y
    return graph_of(y)


PROGRAMS = {
    "mlp": mlp,
    "recurrent": recurrent,
    "losses": lambda: recurrent(losses=True),
    "recurrent Modules": recurrent_modules,
    "residual": residual,
    "nets in nets": nets_in_nets,
    "attention": attention,
    "chain": lambda: chain(4_000),
    "irregular chain": lambda: chain(3_000, (np.tanh, np.sin, np.cos)),
    "doubling": doubling,
    "a leaf alone": lambda: graph_of(tg.parameter([1.0])),
    "several outputs": lambda: recurrent(12, keep=(3, 4, 9)),
    "outputs inside of Modules": lambda: with_inner_outputs(),
}
WAYS = [
    {"max_nodes": None},
    {"roll": True, "max_nodes": None},
    {"depth": 0, "max_nodes": None},
    {"depth": 1, "max_nodes": None},
    {"depth": 1, "roll": True, "max_nodes": None},
    {"depth": 0, "roll": True, "max_nodes": None},
    *({"max_nodes": most} for most in (1, 2, 3, 7, 12, 25, 60, 300)),
]


def with_inner_outputs():
    rng = np.random.default_rng(0)
    net = tg.nn.mlp([2, 4, 4, 4, 4, 1], rng=rng)
    loss = np.mean(net(np.ones((2, 3))) ** 2)
    named = tg.named_tensors(loss)
    return graph_of(loss, named["Z3"], named["W2"], named["A1"])


@st.composite
def random_graphs(draw):
    """Any wiring of a few kinds of operations and leaves, with a few outputs."""
    x = [tg.parameter(np.ones(2)), tg.parameter(np.ones((2, 1)))]
    for _ in range(draw(st.integers(1, 60))):
        pick = st.integers(max(0, len(x) - draw(st.sampled_from([2, 9, 60]))), len(x) - 1)
        function = draw(st.sampled_from([np.tanh, np.sin, np.add, np.multiply, None]))
        if function is None:
            x.append(tg.parameter(np.ones(2)))
        else:
            x.append(function(*[x[draw(pick)] for _ in range(function.nin)]))
    return graph_of(*[x[i] for i in draw(st.lists(st.integers(0, len(x) - 1), min_size=1, max_size=5))], x[-1])


class Steps(tg.nn.Module):
    """Functions, other Steps, or (part, times), one after the other; a `skip` adds the input to the answer."""

    def __init__(self, parts, skip):
        self.parts, self.skip = parts, skip
        self.b = tg.parameter(np.ones(2))

    def __call__(self, x):
        first = x
        for part, times in self.parts:
            for _ in range(times):
                x = part(x) if callable(part) else x * (self.b if part == "shared" else tg.parameter(np.ones(2)))
        return x + first if self.skip else x


@st.composite
def random_nets(draw):
    """Modules in Modules with loops in them, and some of their values as further outputs."""
    functions = st.sampled_from([np.tanh, np.sin, "shared", "own"])
    times = st.integers(1, 4)
    nets = st.recursive(
        st.tuples(functions, times),
        lambda part: st.tuples(st.builds(Steps, st.lists(part, min_size=1, max_size=3), st.booleans()), times),
        max_leaves=6,
    )
    y = Steps(draw(st.lists(nets, min_size=1, max_size=3)), draw(st.booleans()))(tg.parameter(np.ones(2)))
    nodes = Graph([y]).nodes
    more = draw(st.lists(st.sampled_from(nodes), max_size=2))
    return graph_of(y, *[node.value for node in more])
