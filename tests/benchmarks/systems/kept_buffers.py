"""NumPy by hand with `out=` everywhere, into buffers made once: what one can get, at the price of the formulas."""

import numpy as np

from tests.benchmarks.workloads import Chain, Net, Recurrent

TINY = 1e-30


def net(problem: Net):
    X, Y, parameters = problem.arrays()
    sizes, m, rate = problem.sizes, problem.m, problem.learning_rate
    L = len(sizes) - 1
    Ws, bs = parameters[::2], parameters[1::2]
    Zs = [np.empty((n, m), X.dtype) for n in sizes[1:]]
    As = [X, *[np.empty_like(Z) for Z in Zs]]
    dAs = [np.empty_like(Z) for Z in Zs]
    slopes = [np.empty_like(Z) for Z in Zs]
    masks = [np.empty(Z.shape, bool) for Z in Zs]
    dWs, dbs = [np.empty_like(W) for W in Ws], [np.empty_like(b) for b in bs]
    steps = [np.empty_like(W) for W in Ws]
    row = np.empty((1, m), X.dtype)
    not_Y = 1 - Y

    def loss(Z, A, dZ, scratch):
        """The cost; puts its derivative by Z into dZ."""
        if problem.output == "softmax":
            np.max(Z, axis=0, keepdims=True, out=row)
            np.subtract(Z, row, out=A)
            np.exp(A, out=dZ)
            np.sum(dZ, axis=0, keepdims=True, out=row)
            np.divide(dZ, row, out=dZ)
            np.log(row, out=row)
            np.subtract(A, row, out=A)
            np.multiply(A, Y, out=A)
            cost = -np.sum(A) / m
        elif problem.output == "logits":
            np.logaddexp(0, Z, out=scratch)
            np.multiply(Y, Z, out=A)
            np.subtract(scratch, A, out=scratch)
            cost = np.sum(scratch) / m
            _sigmoid(Z, dZ)
        else:
            _sigmoid(Z, dZ)
            np.add(dZ, TINY, out=A)
            np.log(A, out=A)
            np.multiply(A, Y, out=A)
            np.subtract(1, dZ, out=scratch)
            np.add(scratch, TINY, out=scratch)
            np.log(scratch, out=scratch)
            np.multiply(scratch, not_Y, out=scratch)
            np.add(A, scratch, out=A)
            cost = -np.sum(A) / m
        np.subtract(dZ, Y, out=dZ)
        np.divide(dZ, m, out=dZ)
        return cost

    def step():
        for l in range(L):
            np.matmul(Ws[l], As[l], out=Zs[l])
            np.add(Zs[l], bs[l], out=Zs[l])
            if l < L - 1:
                np.maximum(Zs[l], 0, out=As[l + 1]) if problem.hidden == "relu" else np.tanh(Zs[l], out=As[l + 1])
        cost = loss(Zs[-1], As[-1], dAs[-1], slopes[-1])
        for l in reversed(range(L)):
            np.sum(dAs[l], axis=1, keepdims=True, out=dbs[l])
            np.matmul(dAs[l], As[l].T, out=dWs[l])
            if l > 0:
                np.matmul(Ws[l].T, dAs[l], out=dAs[l - 1])
                if problem.hidden == "relu":
                    np.greater(Zs[l - 1], 0, out=masks[l - 1])
                    np.multiply(dAs[l - 1], masks[l - 1], out=dAs[l - 1])
                else:
                    np.square(As[l], out=slopes[l - 1])
                    np.subtract(1, slopes[l - 1], out=slopes[l - 1])
                    np.multiply(dAs[l - 1], slopes[l - 1], out=dAs[l - 1])
        for l in range(L):
            np.multiply(dWs[l], rate, out=steps[l])
            np.subtract(Ws[l], steps[l], out=Ws[l])
            bs[l] -= rate * dbs[l]
        return [cost, *[g for pair in zip(dWs, dbs, strict=True) for g in pair]]

    return step


def _sigmoid(Z, out):
    np.negative(Z, out=out)
    np.minimum(out, 80, out=out)
    np.exp(out, out=out)
    np.add(out, 1, out=out)
    np.divide(1, out, out=out)


def chain(problem: Chain):
    start, c, g = problem.arrays()
    ys = np.empty((2 * problem.pairs, 4, 4))
    products, sums = ys[::2], list(ys[1::2])
    befores = [start, *sums[:-1]]
    scratch, dy, dc = np.empty((3, 4, 4))

    def compute():
        for before, product, after in zip(befores, products, sums, strict=True):
            np.multiply(before, c, out=product)
            np.add(product, c, out=after)
        dy[:] = g
        dc[:] = 0
        for before in reversed(befores):
            np.add(dc, dy, out=dc)
            np.multiply(dy, before, out=scratch)
            np.add(dc, scratch, out=dc)
            np.multiply(dy, c, out=dy)
        return [dy, dc]

    return compute


def recurrent(problem: Recurrent):
    X, Y, (W, U, b) = problem.arrays()
    T, h, m = problem.T, problem.h, problem.m
    hs = list(np.zeros((T + 1, h, m)))
    z, dz, dh = np.empty((3, h, m))
    dW, dU, db = np.empty_like(W), np.empty_like(U), np.empty_like(b)
    part_W, part_U, part_b = np.empty_like(W), np.empty_like(U), np.empty_like(b)

    def compute():
        for t in range(T):
            np.matmul(W, hs[t], out=z)
            np.matmul(U, X[t], out=dz)
            np.add(z, dz, out=z)
            np.add(z, b, out=z)
            np.tanh(z, out=hs[t + 1])
        np.subtract(hs[-1], Y, out=dh)
        cost = np.sum(np.square(dh, out=z)) / m
        np.multiply(dh, 2 / m, out=dh)
        for total in (dW, dU, db):
            total[:] = 0
        for t in reversed(range(T)):
            np.square(hs[t + 1], out=z)
            np.subtract(1, z, out=z)
            np.multiply(dh, z, out=dz)
            np.matmul(dz, hs[t].T, out=part_W)
            np.add(dW, part_W, out=dW)
            np.matmul(dz, X[t].T, out=part_U)
            np.add(dU, part_U, out=dU)
            np.sum(dz, axis=1, keepdims=True, out=part_b)
            np.add(db, part_b, out=db)
            np.matmul(W.T, dz, out=dh)
        return [cost, dW, dU, db]

    return compute
