"""What is timed: problems as data, which each of the `systems` makes a function of, and the table of workloads."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

# ---- problems
#
# `kind` is the name of the function in each system's module that takes the problem and gives a function without
# arguments, which computes once what is timed, and returns the loss and the gradients. A system may lack some.


@dataclass(frozen=True)
class Net:
    """One step of gradient descent of a net on all of `m` samples, loss and update included, as the course has it.

    A `sigmoid` at the end has the cross-entropy of probabilities, `logits` that of logits, `softmax` that of classes.
    The learning rate is so small that the next step is the same again. Compiled, the samples are split among so many
    `threads`; all others have one.
    """

    sizes: tuple[int, ...]
    m: int
    hidden: Literal["tanh", "relu"] = "tanh"
    output: Literal["sigmoid", "logits", "softmax"] = "sigmoid"
    dtype: Any = np.float64
    shard: int = 0  # other samples, with the same parameters
    threads: int = 1
    kind = "net"
    learning_rate = 1e-12

    def arrays(self) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """X (n, m); Y (1, m) of zeros and ones, or one-hot (classes, m); and W1, b1, W2, b2, ..."""
        rng = np.random.default_rng(0)
        X = rng.normal(size=(self.sizes[0], self.m))
        labels = rng.integers(0, max(self.sizes[-1], 2), self.m)
        Y = np.arange(self.sizes[-1])[:, None] == labels if self.output == "softmax" else labels[None]
        gain = 2 if self.hidden == "relu" else 1
        parameters = []
        for n_in, n_out in itertools.pairwise(self.sizes):
            parameters += [rng.normal(size=(n_out, n_in)) * np.sqrt(gain / n_in), 0.1 * rng.normal(size=(n_out, 1))]
        X = X if not self.shard else np.random.default_rng(self.shard).normal(size=X.shape)
        return X.astype(self.dtype), Y.astype(self.dtype), [p.astype(self.dtype) for p in parameters]

    def directions(self) -> list[np.ndarray]:
        """A direction in the space of the parameters."""
        rng = np.random.default_rng(1)
        return [rng.normal(size=p.shape).astype(self.dtype) for p in self.arrays()[2]]


@dataclass(frozen=True)
class Prediction:
    """The output of a `net`, without a graph."""

    net: Net
    kind = "prediction"


@dataclass(frozen=True)
class HessianVector:
    """The second derivative of the loss of a `net` along a direction in the space of its parameters."""

    net: Net
    kind = "hessian_vector"


@dataclass(frozen=True)
class Chain:
    """`y = y * c; y = y + c` so many times, on 4×4 arrays; the gradient by the first y and by c."""

    pairs: int
    kind = "chain"

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The first y; c, so near to 1 that no product of many underflows; and the cotangent of the last y."""
        rng = np.random.default_rng(0)
        return rng.uniform(size=(4, 4)), 1 - 1e-5 * rng.uniform(size=(4, 4)), np.ones((4, 4))

    def last(self, y: Any, c: Any) -> Any:
        """The last y, of the arrays of any system."""
        for _ in range(self.pairs):
            y = y * c
            y = y + c
        return y


@dataclass(frozen=True)
class Scalars:
    """A net of 3-4-4-1 units written number by number, as micrograd's users do; squared error, 4 samples."""

    kind = "scalars"
    sizes = (3, 4, 4, 1)

    def numbers(self) -> tuple[list[list[float]], list[float], list[list[tuple[list[float], float]]]]:
        """The samples, their targets, and for each layer and unit its weights and its bias."""
        rng = np.random.default_rng(0)
        layers = [
            [(rng.uniform(-1, 1, n_in).tolist(), rng.uniform(-1, 1)) for _ in range(n_out)]
            for n_in, n_out in itertools.pairwise(self.sizes)
        ]
        return [[2, 3, -1], [3, -1, 0.5], [0.5, 1, 1], [1, 1, -1]], [1.0, -1.0, -1.0, 1.0], layers


@dataclass(frozen=True)
class Recurrent:
    """`h = tanh(W h + U x + b)` over T steps, and the squared error of the last h: the loss and the gradients."""

    T: int
    h: int
    n: int = 32
    m: int = 16
    kind = "recurrent"

    def arrays(self) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """The inputs (T, n, m), the targets (h, m), and W, U, b."""
        rng = np.random.default_rng(0)
        W, U = (rng.normal(size=(self.h, size)) / np.sqrt(size) for size in (self.h, self.n))
        X, Y = rng.normal(size=(self.T, self.n, self.m)), rng.normal(size=(self.h, self.m))
        return X, Y, [W, U, 0.1 * rng.normal(size=(self.h, 1))]


@dataclass(frozen=True)
class Tracing:
    """Compiling a net and the first call, which traces it; by hand that is the call alone."""

    net: Recurrent
    kind = "tracing"


@dataclass(frozen=True)
class Hessian:
    """The Hessian of Rosenbrock's function Σ 100 (x[i+1] - x[i]²)² + (1 - x[i])² of so many parameters."""

    parameters: int
    kind = "hessian"

    def x(self) -> np.ndarray:
        return np.random.default_rng(0).uniform(-1, 1, self.parameters)

    @staticmethod
    def terms(x: Any) -> Any:
        """What the function is the sum of, in the arrays of any system."""
        return 100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2


@dataclass(frozen=True)
class Convolution:
    """Filters of 3×3 over images of 28×28: the sum of Z times random numbers, and the gradient by A, W and b."""

    c: int = 8
    c_out: int = 16
    m: int = 64
    dtype: Any = np.float64
    kind = "convolution"

    def arrays(self) -> list[np.ndarray]:
        """A (c, 28, 28, m), W (c_out, c, 3, 3), b (c_out, 1), and the numbers (c_out, 26, 26, m)."""
        rng = np.random.default_rng(0)
        shapes = (self.c, 28, 28, self.m), (self.c_out, self.c, 3, 3), (self.c_out, 1), (self.c_out, 26, 26, self.m)
        return [rng.normal(size=shape).astype(self.dtype) for shape in shapes]


@dataclass(frozen=True)
class Normalisation:
    """Batch norm of n units in training: the sum of its values times random numbers, and the gradient by Z, γ and β."""

    n: int
    m: int
    kind = "normalisation"

    def arrays(self) -> list[np.ndarray]:
        """Z (n, m), γ and β (n, 1), and the numbers (n, m)."""
        rng = np.random.default_rng(0)
        shapes = (self.n, self.m), (self.n, 1), (self.n, 1), (self.n, self.m)
        return [rng.normal(size=shape) for shape in shapes]


@dataclass(frozen=True)
class Shards:
    """The mean loss of a net over shards of `net.m` samples, and its gradient; by hand one shard after the other.

    Ours has so many threads of an executor as workers, or none.
    """

    net: Net
    count: int
    workers: int = 0
    kind = "shards"

    def parts(self) -> list[Net]:
        return [replace(self.net, shard=i) for i in range(self.count)]


@dataclass(frozen=True)
class Import:
    """What importing the package takes, in a process of its own; by hand that is NumPy alone."""

    kind = "package"


# ---- the table


@dataclass(frozen=True)
class Bar:
    """The most that ours may be, in ratio to NumPy by hand in the same run, on one thread; `above` it, in seconds.

    Either may be with the memory kept that its process has freed, or without; ours may be `compiled`. The ratio may be
    to a peer instead, `beside` which it is measured.
    """

    most: float
    memory_kept: bool = False
    by_hand_too: bool = False
    above: bool = False
    compiled: bool = False
    beside: str = "NumPy by hand"


@dataclass(frozen=True)
class Workload:
    """A `problem` of so many `operations`; of its `peak` memory instead of its time, if that is asked for.

    What `tunes` is timed with memory kept too; what is not for `peers` is by hand and ours alone, and what is
    `compiled_only` is by hand and compiled. A `turn` is so many seconds long.
    """

    name: str
    what: str
    problem: Any
    bars: tuple[Bar, ...] = ()
    operations: int = 1
    peak: bool = False
    peers: bool = True
    turn: float = 0.05

    @property
    def tunes(self) -> bool:
        return any(bar.memory_kept for bar in self.bars)

    @property
    def compiled_only(self) -> bool:
        return bool(self.bars) and all(bar.compiled for bar in self.bars)


def _kept(most: float) -> tuple[Bar, Bar]:
    """The bars with memory kept: of hand NumPy without, and of hand NumPy tuned the same way."""
    return Bar(most, memory_kept=True), Bar(1.25, memory_kept=True, by_hand_too=True)


def _compiled(most: float) -> Bar:
    return Bar(most, compiled=True)


BELOW_JAX = Bar(1.0, beside="JAX", compiled=True)

# The kernel moves a second thread to a core of its own only after some 30 ms of work.
SUSTAINED = 0.6

SHALLOW = Net((2, 4, 1), 400)
WIDE_HIDDEN = Net((64, 128, 1), 2_000)
MANY_SAMPLES = Net((2, 4, 1), 100_000)
DIGITS = Net((784, 256, 128, 10), 128, "relu", "softmax", np.float32)
WIDE = Net((784, 512, 512, 10), 1024, "relu", "softmax", np.float32)
SMALL = Net((64, 32, 32, 10), 64, "relu", "softmax", np.float32)
DEEP = Net((32,) * 50 + (10,), 64, "relu", "softmax", np.float32)
SHARD = Net((64, 128, 1), 5_000)
DEEP_64 = Net((64,) * 64 + (10,), 1_000, "relu", "softmax")

WORKLOADS = [
    Workload("A", "2-4-1, m=400", SHALLOW, (Bar(1.6), _compiled(0.82), BELOW_JAX)),
    Workload(
        "A-logits",
        "2-4-1, m=400, cross-entropy of logits",
        Net((2, 4, 1), 400, output="logits"),
        (Bar(1.4), _compiled(0.8)),
    ),
    Workload("B", "64-128-1, m=2,000", WIDE_HIDDEN, (Bar(1.1), *_kept(0.55), _compiled(0.37))),
    Workload("C", "2-4-1, m=100,000", MANY_SAMPLES, (Bar(1.1), *_kept(0.5), _compiled(0.25))),
    *[
        Workload(
            f"{name}-threads", f"{what}, in 2 threads", replace(net, threads=2), (_compiled(most),), turn=SUSTAINED
        )
        for name, what, net, most in (
            ("B", "64-128-1, m=2,000", WIDE_HIDDEN, 0.28),
            ("C", "2-4-1, m=100,000", MANY_SAMPLES, 0.22),
        )
    ],
    Workload("D", "784-256-128-10, m=128, float32", DIGITS, (Bar(1.1), _compiled(1.0))),
    Workload("E", "784-512-512-10, m=1,024, float32", WIDE, (Bar(1.0), *_kept(0.85), _compiled(1.0))),
    Workload("F", "64-32-32-10, m=64, float32", SMALL, (Bar(1.4), _compiled(0.8), BELOW_JAX)),
    Workload("deep", "50 layers of width 32, m=64, float32", DEEP, (Bar(1.33), _compiled(0.78))),
    Workload("predict", "2-4-1, m=400: prediction without a graph", Prediction(SHALLOW)),
    Workload("logistic", "logistic regression, 30-1, m=569", Net((30, 1), 569)),
    Workload("recurrent", "recurrent net unrolled, T=200, h=64", Recurrent(200, 64), (Bar(1.32), _compiled(0.9))),
    Workload(
        "tracing",
        "the same net: trace and first call",
        Tracing(Recurrent(200, 64)),
        (Bar(1.0, above=True, compiled=True),),
    ),
    Workload("scalars", "net of numbers, as in micrograd", Scalars(), (Bar(11.5),)),
    Workload("hessian", "Hessian of a function of 10 parameters", Hessian(10), (Bar(34), _compiled(13))),
    Workload("hvp", "D: second derivative along a direction", HessianVector(DIGITS), (Bar(1.6), _compiled(1.05))),
    *[
        Workload(f"chain-{pairs}", f"an operation in a chain of {pairs:,} pairs", Chain(pairs), bars, 2 * pairs)
        for pairs, bars in ((100, (Bar(2.9), _compiled(0.8))), (20_000, (Bar(3.7),)))
    ],
    *[
        Workload(
            f"flat-{2 * pairs}", f"an operation in a chain of {2 * pairs:,}", Chain(pairs), (), 2 * pairs, peers=False
        )
        for pairs in (500, 5_000, 50_000, 500_000)
    ],
    *[
        Workload(
            f"convolution{name}",
            f"convolution 3×3, 28×28×8 to 16 channels, m=64{name.replace('-', ', ')}",
            Convolution(dtype=dtype),
            (Bar(1.4), Bar(2.5, beside="torch"), Bar(2.5, beside="torch", compiled=True)),
        )
        for name, dtype in (("", np.float64), ("-float32", np.float32))
    ],
    Workload("batch-norm", "batch norm of 64 units, m=2,000", Normalisation(64, 2_000), (Bar(2.2), _compiled(1.6))),
    *[
        Workload(
            f"shards{name}", f"64-128-1, 16 shards of m=5,000{what}", Shards(SHARD, 16, workers), bars, peers=False
        )
        for name, what, workers, bars in (
            ("", "", 0, (Bar(1.3),)),
            ("-workers", ", 2 workers", 2, (Bar(0.8),)),
        )
    ],
    Workload("import", "import of the package", Import(), (Bar(0.03, above=True),)),
    Workload("memory-D", "peak memory of D", DIGITS, (Bar(1.15),), peak=True),
    Workload("memory-64", "peak memory of 64 layers of 64, m=1,000", DEEP_64, (Bar(1.15),), peak=True),
]
