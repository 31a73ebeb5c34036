"""What is timed, system by system: each module makes functions of the problems in `workloads`, by their kinds.

A module defines a function for each kind of problem that the system can solve, as its own users would write it. If it
has a `limit_threads(n)`, that is called before anything else, in a fresh process.
"""

from typing import NamedTuple


class System(NamedTuple):
    """The `module` in this folder, the `package` that it imports, and whether that computes with NumPy."""

    module: str
    package: str
    on_numpy: bool = True


SYSTEMS = {
    "NumPy by hand": System("by_hand", "numpy"),
    "kept buffers": System("kept_buffers", "numpy"),
    "tinygrad_dl": System("ours", "tinygrad_dl"),
    "tg.compile": System("compiled", "tinygrad_dl"),
    "torch": System("torch_eager", "torch", on_numpy=False),
    "JAX": System("jax_jit", "jax", on_numpy=False),
    "autograd": System("hips", "autograd"),
    "MyGrad": System("mygrad_", "mygrad"),
}
