"""The same gradients as JAX, HIPS autograd and torch, where these are installed: `pip install tinygrad-dl[peers]`.

A row is NumPy code, which each of them runs as its own: they speak NumPy with some gaps, which are skipped.
"""

import importlib

import numpy as np
import pytest

import tinygrad_dl as tg


def calls(code, names):
    """`code` with each of the names in the place of {}."""
    return [code.replace("{}", name) for name in names.split()]


ELEMENTWISE = "absolute arcsinh arctan cbrt cos cosh exp exp2 expm1 negative sin sinc sinh square tan tanh"
ROWS = [
    *calls("np.{}(x)", ELEMENTWISE),
    *calls("np.{}(np.abs(x) + 1.5)", "arccosh log log10 log1p log2 reciprocal sqrt"),
    *calls("np.{}(x / 3)", "arccos arcsin arctanh"),
    *calls("np.{}(x, y)", "add arctan2 divide hypot logaddexp maximum minimum multiply subtract"),
    *calls("np.{}(x)", "cumsum mean prod sum var std max min ravel transpose"),
    *calls("np.{}(x, axis=0)", "cumsum mean prod sum var std max min sort median flip"),
    *["np.power(np.abs(x), y)", "np.where(x > 0, x * y, y)", "np.clip(x, -1, 1)", "np.cumprod(x, axis=1)"],
    *["np.matmul(x, y.T)", "np.dot(x, y.T)", "np.outer(x, y)", "np.kron(x, y)", "np.tensordot(x, y)", "np.inner(x, y)"],
    *["np.einsum('ij,kj->ik', x, y)", "np.einsum('ij,ij->', x, y)", "np.cross(x, y)", "np.trace(x @ y.T)"],
    *["np.concatenate([x, y])", "np.stack([x, y], axis=1)", "np.reshape(x, (3, 2))", "np.tile(x, 2)", "np.roll(x, 1)"],
    *["np.repeat(x, 2, axis=0)", "np.diff(x)", "np.pad(x, 1)", "np.tril(x)", "np.diagonal(x)", "np.diag(x[0])"],
    *["x[[0, 0, 1], 1:]", "x[..., None] * y[:, None]", "np.take(x, [0, 2], axis=1)", "np.gradient(x[0])"],
    *["np.convolve(x[0], y[1])", "np.quantile(x, 0.3)", "np.interp(x[0], np.array([-9.0, 0.0, 9.0]), y[0])"],
    *calls("np.linalg.{}(S)", "inv det cholesky eigvalsh pinv norm"),
    *["np.linalg.slogdet(S)[1]", "np.linalg.solve(S, y.T)", "np.abs(np.linalg.qr(S)[1])", "np.linalg.svd(x)[1]"],
    *["np.linalg.eigh(S)[1] ** 2", "np.linalg.matrix_power(S, 3)", "np.linalg.norm(x, axis=1)"],
    *["np.abs(np.fft.fft(x))", "np.real(np.fft.rfft(x))", "np.imag(np.fft.fft2(x))", "np.fft.irfft(x)"],
]
X = np.array([[0.3, -0.7, 1.9], [-1.2, 0.6, 2.1]])
Y = np.array([[1.1, 0.4, -0.5], [0.7, -1.6, 0.2]])


DIFFERENT = {  # where a peer means something else by a name, or is wrong by differences, as autograd 1.9 is
    "torch": ("np.var", "np.std", "np.median", "np.tile"),
    "autograd": ("np.tile",),
}


def value(code, np_like, x, y):
    """A sum of the outputs of `code`, in which each has its own weight."""
    S = x.T @ x + y.T @ y + np_like.asarray(np.eye(3))
    out = eval(code, {"np": np_like, "x": x, "y": y, "S": S}).reshape(-1)
    return (out * np_like.asarray(np.cos(np.arange(len(out))))).sum()


def autograd_gradients(code):
    numpy, autograd = importlib.import_module("autograd.numpy"), importlib.import_module("autograd")
    return autograd.grad(lambda x, y: value(code, numpy, x, y), (0, 1))(X, Y)


def jax_gradients(code):
    jax, numpy = importlib.import_module("jax"), importlib.import_module("jax.numpy")
    jax.config.update("jax_enable_x64", True)
    return jax.grad(lambda x, y: value(code, numpy, x, y), (0, 1))(X, Y)


def torch_gradients(code):
    torch = importlib.import_module("torch")
    x, y = (torch.tensor(array, requires_grad=True) for array in (X, Y))
    return torch.autograd.grad(value(code, torch, x, y), (x, y), allow_unused=True, materialize_grads=True)


PEERS = {"autograd": autograd_gradients, "jax": jax_gradients, "torch": torch_gradients}
GAPS = (AttributeError, NotImplementedError, TypeError, ValueError, IndexError, RuntimeError)  # what a gap raises


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("code", ROWS)
@pytest.mark.filterwarnings("ignore")
def test_gradients_are_those_of_the_peer(peer, code):
    pytest.importorskip(peer)
    if code.startswith(DIFFERENT.get(peer, ())):
        pytest.skip(f"{peer} means something else by it, or is wrong")
    try:
        expected = PEERS[peer](code)
    except GAPS as error:
        pytest.skip(f"{peer} has none: {error!r:.80}")
    found = tg.grad(lambda x, y: value(code, np, x, y), (0, 1))(X, Y)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, np.asarray(theirs), rtol=1e-9, atol=1e-9)
