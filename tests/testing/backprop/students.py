"""Learners who make mistakes: backprop in plain NumPy, as it is written by hand, with faults switched on by name.

Nothing here knows the checker. A fault is (kind, place), such as ("sign", "dZ2"), and the code says what it does.
"""

import itertools

import numpy as np

ACTIVATIONS = ("identity", "sigmoid", "tanh", "relu", "leaky_relu")


def g(name, Z, slope):
    if name == "sigmoid":
        return 1 / (1 + np.exp(-Z))
    if name == "tanh":
        return np.tanh(Z)
    if name == "relu":
        return np.maximum(0, Z)
    if name == "leaky_relu":
        return np.where(Z > 0, Z, slope * Z)
    if name == "softmax":
        return np.exp(Z) / np.sum(np.exp(Z), axis=0)
    return Z


def g_prime(name, Z, A, slope):
    if name == "sigmoid":
        return A * (1 - A)
    if name == "tanh":
        return 1 - A**2
    if name == "relu":
        return 1.0 * (Z > 0)
    if name == "leaky_relu":
        return np.where(Z > 0, 1.0, slope)
    return np.ones_like(Z)


class Homework:
    """A net, its data, and a learner's backward pass with faults."""

    def __init__(self, sizes, activations, m, seed=0, regularisation=0.0, slope=0.01, cost="binary_cross_entropy"):
        rng = np.random.default_rng(seed)
        self.sizes, self.activations, self.m, self.L = list(sizes), list(activations), m, len(activations)
        self.regularisation, self.slope, self.cost = regularisation, slope, cost
        self.X, self.rows = rng.normal(size=(sizes[0], m)), False
        self.Y = rng.integers(0, 2, (sizes[-1], m)).astype(float)
        if cost == "categorical_cross_entropy":
            self.Y = np.eye(sizes[-1])[:, rng.integers(0, sizes[-1], m)]
        self.parameters = {}
        for layer, (n_in, n_out) in enumerate(itertools.pairwise(sizes), start=1):
            self.parameters[f"W{layer}"] = rng.normal(size=(n_out, n_in)) / np.sqrt(n_in)
            self.parameters[f"b{layer}"] = 0.3 * rng.normal(size=(n_out, 1))
        self.forward()

    def forward(self):
        self.Z, self.A = {}, {0: self.X}
        for layer, name in enumerate(self.activations, start=1):
            self.Z[layer] = self.parameters[f"W{layer}"] @ self.A[layer - 1] + self.parameters[f"b{layer}"]
            self.A[layer] = g(name, self.Z[layer], self.slope)

    def backward(self, faults=(), derivative=False, shortcut=True):
        """All gradients by name, as a learner computes them; `derivative`: with 1/m at the cost, not in dW and db."""
        faults, m, Y, L = set(faults), self.m, self.Y, self.L
        out, left = {}, {fault for fault in faults if fault[1] != "everywhere"}

        def has(kind, place):
            left.discard((kind, place))
            return (kind, place) in faults

        for layer in range(L, 0, -1):
            A, Z, W = self.A[layer], self.Z[layer], self.parameters[f"W{layer}"]
            # ---- dA
            name = f"dA{layer}"
            if layer == L and self.cost == "mean_squared_error":
                dA = 2 * (A - Y)
                if has("2 missing", name):
                    dA = A - Y
            elif layer == L and self.cost == "categorical_cross_entropy":
                dA = -Y / A
            elif layer == L:
                dA = -(np.divide(Y, A) - np.divide(1 - Y, 1 - A))
                if has("y and 1-y swapped", name):
                    dA = -(np.divide(1 - Y, A) - np.divide(Y, 1 - A))
                if has("a and 1-a swapped", name):
                    dA = -(np.divide(Y, 1 - A) - np.divide(1 - Y, A))
                if has("minus of (1-a)' lost", name):
                    dA = -(np.divide(Y, A) + np.divide(1 - Y, 1 - A))
                if has("log of the wrong term", name):
                    dA = -(Y / A + (1 - Y) / A)
                if has("term missing", name):
                    dA = -Y / A
                if has("dZ for dA", name):
                    dA = A - Y
                if has("slope of another cost", name):
                    dA = 2 * (A - Y)
            else:
                W_next = self.parameters[f"W{layer + 1}"]
                if has("updated W", name):
                    W_next = W_next - 0.7 * out[f"dW{layer + 1}"]
                if has("dW for W", name):
                    W_next = out[f"dW{layer + 1}"]
                if has("layer index off", name):
                    W_next = W
                error = out[f"dA{layer + 1}"] if has("dA for dZ", name) else out[f"dZ{layer + 1}"]
                if has("transpose forgotten", name):
                    dA = np.dot(W_next, error)
                elif has("* for @", name):
                    dA = W_next.T * error
                else:
                    dA = np.dot(W_next.T, error)
            if derivative and layer == L and not has("1/m missing", name):
                dA = dA / m
            if has("1/m twice", name):
                dA = dA / m
            if has("averaged over units", name):
                dA = dA / len(A)
            if has("sign", name):
                dA = -dA
            if has("transposed", name):
                dA = dA.T
            # ---- dZ
            name, activation = f"dZ{layer}", self.activations[layer - 1]
            slope = g_prime(activation, Z, A, self.slope)
            if has("g' missing", name):
                slope = np.ones_like(Z)
            if has("g' twice", name):
                slope = slope * slope
            if has("g for g'", name):
                slope = A
            if has("half of g'", name):
                slope = 1 - A
            if has("Z for A", name):
                slope = 1 - Z**2 if activation == "tanh" else Z * (1 - Z)
            if has("A for Z", name):
                slope = g_prime(activation, A, g(activation, A, self.slope), self.slope)
            if has("g' of the wrong activation", name):
                other = {"tanh": "sigmoid", "sigmoid": "tanh", "relu": "leaky_relu", "leaky_relu": "relu"}
                slope = g_prime(other.get(activation, "tanh"), Z, A, 0.01)
            if has("mask of the wrong sign", name):
                slope = (Z < 0) * 1.0 if activation == "relu" else np.where(Z > 0, self.slope, 1.0)
            if has("mask from dA", name):
                slope = (dA > 0) * 1.0
            if has("wrong leaky slope", name):
                slope = np.where(Z > 0, 1.0, 0.17)
            if has("layer index off", name):
                off = layer + 1 if layer < L else layer - 1
                slope = g_prime(activation, self.Z[off], self.A[off], self.slope)
            if shortcut and layer == L and activation in ("sigmoid", "softmax") and "mean" not in self.cost:
                output = A
                if has("Z for A", "A-Y"):
                    output = Z
                label = 1 - Y if has("y and 1-y swapped", "A-Y") else Y
                dZ = output - label
                if has("Y missing", "A-Y"):
                    dZ = output * 1
                if has("+ for -", "A-Y"):
                    dZ = output + label
                if derivative and not has("1/m missing", "A-Y"):
                    dZ = dZ / m
            elif has("@ for *", name):
                dZ = np.dot(dA, slope.T)
            else:
                dZ = dA * slope
            if has("1/m twice", name):
                dZ = dZ / m
            if has("averaged over units", name):
                dZ = dZ / len(A)
            if has("sign", name):
                dZ = -dZ
            if has("transposed", name):
                dZ = dZ.T
            # ---- dW
            name, A_prev = f"dW{layer}", self.A[layer - 1]
            mean = 1.0 if derivative else 1 / m
            error = dA if has("dA for dZ", name) else dZ
            if has("layer index off", name):
                A_prev = A
            if has("Z for A", name):
                A_prev = self.Z[layer - 1]
            if has("* for @", name):
                dW = error * A_prev
            elif has("transpose forgotten", name):
                dW = np.dot(error, A_prev)
            else:
                dW = np.dot(error, A_prev.T)
            if has("1/m missing", name):
                mean = 1.0
            if has("1/m twice", name):
                mean = mean / m
            if has("1/m by the wrong count", name):
                mean = 1 / A_prev.shape[0]
            if has("m for 1/m", name):
                mean = m
            dW = mean * dW
            if has("sign", name):
                dW = -dW
            penalty = self.regularisation
            if has("regularisation without 1/m", name):
                penalty *= m
            if has("regularisation subtracted", name):
                penalty *= -1
            if has("regularisation doubled", name):
                penalty *= 2
            if has("regularisation halved", name):
                penalty /= 2
            if has("another λ", name):
                penalty += 0.37
            if penalty and not has("regularisation missing", name):
                dW = dW + penalty / m * W
            if has("transposed", name):
                dW = dW.T
            if has("W for dW", name):
                dW = W.copy()
            if has("never computed", name):
                dW = np.zeros_like(W)
            # ---- db
            name, mean = f"db{layer}", 1.0 if derivative else 1 / m
            error = dA if has("dA for dZ", name) else dZ
            if has("layer index off", name):
                error = out[f"dZ{layer + 1}"]
            if has("1/m missing", name):
                mean = 1.0
            if has("1/m twice", name):
                mean = mean / m
            if has("1/m by the wrong count", name):
                mean = 1 / A_prev.shape[0]
            if has("m for 1/m", name):
                mean = m
            if has("sign", name):
                mean = -mean
            if has("sum over the wrong axis", name):
                db = mean * np.sum(error, axis=0, keepdims=True)
            elif has("sum over everything", name):
                db = mean * np.sum(error)
            elif has("sum missing", name):
                db = mean * error
            else:
                db = mean * np.sum(error, axis=1, keepdims=True)
            if has("regularisation of b", name):
                db = db + self.regularisation / m * self.parameters[f"b{layer}"]
            if has("transposed", name):
                db = db.T
            if has("keepdims lost", name):
                db = np.squeeze(db)
            if has("broadcast to m columns", name):
                db = np.repeat(db, m, axis=1)
            if has("b for db", name):
                db = self.parameters[f"b{layer}"]
            if has("never computed", name):
                db = np.zeros_like(self.parameters[f"b{layer}"])
            out |= {f"dA{layer}": dA, f"dZ{layer}": dZ, f"dW{layer}": dW, f"db{layer}": db}
        left -= {fault for fault in left if fault[1] == "A-Y"} if not shortcut else set()
        if left:
            raise ValueError(f"no such fault here: {left}")
        return out

    def faults(self, shortcut=True):
        """Every fault that can be made in this net, alone."""
        L, found = self.L, []
        for layer in range(1, L + 1):
            activation = self.activations[layer - 1]
            dA = ["sign", "transposed", "1/m twice"] + ["averaged over units"] * (self.sizes[layer] > 1)
            dZ = list(dA)
            if layer == L:
                if self.cost == "mean_squared_error":
                    dA += ["2 missing"]
                elif self.cost == "binary_cross_entropy":
                    dA += ["y and 1-y swapped", "a and 1-a swapped", "minus of (1-a)' lost", "log of the wrong term"]
                    dA += ["term missing", "dZ for dA", "slope of another cost"]
            else:
                dA += ["updated W", "dA for dZ", "* for @", "transpose forgotten", "layer index off", "dW for W"]
            if shortcut and layer == L and activation in ("sigmoid", "softmax") and "mean" not in self.cost:
                found += [("Z for A", "A-Y"), ("y and 1-y swapped", "A-Y"), ("Y missing", "A-Y"), ("+ for -", "A-Y")]
            else:
                dZ += ["g' twice", "g' missing", "g for g'", "@ for *", "g' of the wrong activation"]
                dZ += ["layer index off"] if L > 1 else []
                dZ += ["half of g'", "Z for A"] if activation in ("tanh", "sigmoid") else []
                dZ += ["A for Z"] if activation in ("tanh", "sigmoid") else []
                dZ += ["mask of the wrong sign"] if activation.endswith("relu") else []
                dZ += ["mask from dA"] if activation == "relu" else []
                dZ += ["wrong leaky slope"] if activation == "leaky_relu" else []
            dW = ["sign", "transposed", "1/m missing", "1/m twice", "1/m by the wrong count", "m for 1/m", "dA for dZ"]
            dW += ["* for @", "transpose forgotten", "layer index off", "W for dW", "never computed"]
            dW += ["Z for A"] if layer > 1 else []
            if self.regularisation:
                kinds = ("missing", "without 1/m", "subtracted", "doubled", "halved")
                dW += [f"regularisation {kind}" for kind in kinds] + ["another λ"]
            db = ["sign", "transposed", "1/m missing", "1/m twice", "1/m by the wrong count", "m for 1/m", "dA for dZ"]
            db += ["sum over the wrong axis", "sum over everything", "sum missing", "keepdims lost", "b for db"]
            db += ["broadcast to m columns", "never computed"]
            db += ["layer index off"] if layer < L else []
            db += ["regularisation of b"] if self.regularisation else []
            for quantity, kinds in (("dA", dA), ("dZ", dZ), ("dW", dW), ("db", db)):
                found += [(kind, f"{quantity}{layer}") for kind in kinds]
        return found
