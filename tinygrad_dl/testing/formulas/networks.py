"""Dense networks: the shallow one of week 3, and deep ones of week 4, with their activations and cost."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

Array = np.ndarray

LEAKY_SLOPE = 0.01


def _sigmoid(Z: Array) -> Array:
    return 1 / (1 + np.exp(-Z))


def leaky(slope: float) -> tuple[Callable[[Array], Array], Callable[[Array, Array], Array]]:
    """Return a leaky ReLU and its derivative, as in `ACTIVATIONS`.

    Parameters
    ----------
    slope
        The slope for z <= 0.

    Returns
    -------
    g, derivative
        Functions of Z, and of Z and A.
    """
    return (
        lambda Z: np.where(Z > 0, Z, slope * Z),
        lambda Z, A: np.where(Z > 0, 1, slope).astype(Z.dtype),
    )


# g(Z) and g'(Z) of the activations of week 3, the latter from Z and A = g(Z)
ACTIVATIONS: dict[str, tuple[Callable[..., Array], Callable[..., Array]]] = {
    "identity": (lambda Z: Z, lambda Z, A: np.ones_like(Z)),
    "sigmoid": (_sigmoid, lambda Z, A: A * (1 - A)),
    "tanh": (np.tanh, lambda Z, A: 1 - A**2),
    "relu": (lambda Z: np.maximum(0, Z), lambda Z, A: (Z > 0).astype(Z.dtype)),
    "leaky_relu": leaky(LEAKY_SLOPE),
}


# ---- the cost


def cost(A: Array, Y: Array) -> float:
    """Compute -1/m Σ [y log a + (1 - y) log(1 - a)], the binary cross-entropy (week 3).

    Parameters
    ----------
    A
        The output A[L], (1, m).
    Y
        The labels, 0 or 1, (1, m).

    Returns
    -------
    float
        The cost.

    Examples
    --------
    >>> round(cost(np.array([[0.5, 0.25]]), np.array([[1, 0]])), 4)
    0.4904
    """
    m = Y.shape[1]
    return float(-np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m)


def cost_backward(A: Array, Y: Array) -> Array:
    """Compute dA[L] = -y / a + (1 - y) / (1 - a), the derivative of each sample's part of the cost.

    Parameters
    ----------
    A, Y
        The output and the labels, (1, m).

    Returns
    -------
    array
        dA[L], (1, m).

    Examples
    --------
    >>> cost_backward(np.array([[0.5, 0.25]]), np.array([[1, 0]])).round(4)
    array([[-2.    ,  1.3333]])
    """
    return -Y / A + (1 - Y) / (1 - A)


# ---- week 3: one hidden layer


def shallow_forward(X: Array, parameters: Mapping[str, Array], activation: str = "tanh") -> dict[str, Array]:
    """Compute Z1 = W1 X + b1, A1 = g(Z1), Z2 = W2 A1 + b2, A2 = σ(Z2), the network of week 3.

    Parameters
    ----------
    X
        The samples, (n, m).
    parameters
        W1 (n1, n), b1 (n1, 1), W2 (1, n1) and b2 (1, 1), by name.
    activation
        The name of g in `ACTIVATIONS`.

    Returns
    -------
    dict of str to array
        Z1 and A1, (n1, m), Z2 and A2, (1, m), by name.
    """
    g, _ = ACTIVATIONS[activation]
    Z1 = parameters["W1"] @ X + parameters["b1"]
    A1 = g(Z1)
    Z2 = parameters["W2"] @ A1 + parameters["b2"]
    return {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": _sigmoid(Z2)}


def shallow_backward(
    X: Array, Y: Array, parameters: Mapping[str, Array], values: Mapping[str, Array], activation: str = "tanh"
) -> dict[str, Array]:
    """Compute the seven gradients of week 3.

    Parameters
    ----------
    X, Y
        The samples, (n, m), and their labels, (1, m).
    parameters, activation
        As for `shallow_forward`.
    values
        The value of `shallow_forward`.

    Returns
    -------
    dict of str to array
        dZ2, dW2, db2, dA1, dZ1, dW1 and db1 by name, each of the shape of Z2, W2, ...

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> parameters = {"W1": rng.normal(size=(4, 2)), "b1": np.zeros((4, 1)),
    ...               "W2": rng.normal(size=(1, 4)), "b2": np.zeros((1, 1))}
    >>> X, Y = rng.normal(size=(2, 5)), np.array([[0, 1, 1, 0, 1]])
    >>> gradients = shallow_backward(X, Y, parameters, shallow_forward(X, parameters))
    >>> {name: gradient.shape for name, gradient in gradients.items()}
    {'dZ2': (1, 5), 'dW2': (1, 4), 'db2': (1, 1), 'dA1': (4, 5), 'dZ1': (4, 5), 'dW1': (4, 2), 'db1': (4, 1)}
    """
    m = X.shape[1]
    _, derivative = ACTIVATIONS[activation]
    dZ2 = values["A2"] - Y
    dW2 = 1 / m * dZ2 @ values["A1"].T
    db2 = 1 / m * np.sum(dZ2, axis=1, keepdims=True)
    dA1 = parameters["W2"].T @ dZ2
    dZ1 = dA1 * derivative(values["Z1"], values["A1"])
    dW1 = 1 / m * dZ1 @ X.T
    db1 = 1 / m * np.sum(dZ1, axis=1, keepdims=True)
    return {"dZ2": dZ2, "dW2": dW2, "db2": db2, "dA1": dA1, "dZ1": dZ1, "dW1": dW1, "db1": db1}


# ---- week 4: any number of layers, a forward and a backward function for each


class Cache(NamedTuple):
    """The values that a layer's forward pass keeps for its backward pass, and the name of its activation."""

    A_prev: Array
    W: Array
    b: Array
    Z: Array
    A: Array
    activation: str


def layer_forward(A_prev: Array, W: Array, b: Array, activation: str) -> tuple[Array, Cache]:
    """Compute A[l] = g(Z[l]), with Z[l] = W[l] A[l-1] + b[l] (week 4).

    Parameters
    ----------
    A_prev
        A[l-1], of shape (n[l-1], m).
    W, b
        The parameters, of shapes (n[l], n[l-1]) and (n[l], 1).
    activation
        A name in `ACTIVATIONS`.

    Returns
    -------
    A, cache
        A[l], of shape (n[l], m), and the values that the backward pass needs.

    Examples
    --------
    >>> A, cache = layer_forward(np.ones((3, 5)), np.ones((2, 3)), np.zeros((2, 1)), "relu")
    >>> A.shape
    (2, 5)
    """
    g, _ = ACTIVATIONS[activation]
    Z = W @ A_prev + b
    A = g(Z)
    return A, Cache(A_prev, W, b, Z, A, activation)


def activation_backward(dA: Array, cache: Cache) -> Array:
    """Compute dZ[l] = dA[l] * g'(Z[l]).

    Parameters
    ----------
    dA
        dA[l], of shape (n[l], m).
    cache
        The cache of layer l.

    Returns
    -------
    array
        dZ[l], of shape (n[l], m).
    """
    _, derivative = ACTIVATIONS[cache.activation]
    return dA * derivative(cache.Z, cache.A)


def linear_backward(dZ: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Compute dA[l-1] = W[l]ᵀ dZ[l], dW[l] = 1/m dZ[l] A[l-1]ᵀ, db[l] = 1/m Σ dZ[l] over samples.

    Parameters
    ----------
    dZ
        dZ[l], of shape (n[l], m).
    cache
        The cache of layer l.

    Returns
    -------
    dA_prev, dW, db
        Arrays of the shapes of A[l-1], W[l] and b[l].
    """
    m = dZ.shape[1]
    dA_prev = cache.W.T @ dZ
    dW = 1 / m * dZ @ cache.A_prev.T
    db = 1 / m * np.sum(dZ, axis=1, keepdims=True)
    return dA_prev, dW, db


def layer_backward(dA: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Compute dA[l-1], dW[l], db[l], the backward pass of `layer_forward` (week 4).

    Parameters
    ----------
    dA
        dA[l], of shape (n[l], m).
    cache
        The cache of layer l.

    Returns
    -------
    dA_prev, dW, db
        Arrays of the shapes of A[l-1], W[l] and b[l].

    Examples
    --------
    >>> A, cache = layer_forward(np.ones((3, 5)), np.ones((2, 3)), np.zeros((2, 1)), "relu")
    >>> [gradient.shape for gradient in layer_backward(np.ones((2, 5)), cache)]
    [(3, 5), (2, 3), (2, 1)]
    """
    return linear_backward(activation_backward(dA, cache), cache)


def deep_forward(X: Array, parameters: Mapping[str, Array], activations: Sequence[str]) -> tuple[Array, list[Cache]]:
    """Compute A[L] by `layer_forward` through all L layers.

    Parameters
    ----------
    X
        The samples, (n[0], m).
    parameters
        W1, b1, ..., WL, bL; W[l] is (n[l], n[l-1]), and b[l] is (n[l], 1).
    activations
        The activation of each layer, names in `ACTIVATIONS`.

    Returns
    -------
    A, caches
        A[L], (n[L], m), and the caches of all layers.
    """
    A, caches = X, []
    for layer, activation in enumerate(activations, start=1):
        A, cache = layer_forward(A, parameters[f"W{layer}"], parameters[f"b{layer}"], activation)
        caches.append(cache)
    return A, caches


def deep_backward(dA: Array, caches: Sequence[Cache]) -> dict[str, Array]:
    """Compute the gradients of all layers by `layer_backward`.

    Parameters
    ----------
    dA
        dA[L], (n[L], m).
    caches
        The caches of `deep_forward`.

    Returns
    -------
    dict of str to array
        dAl, dZl, dWl, dbl for l = L, ..., 1, and dA0, by name.

    Examples
    --------
    >>> X, Y = np.ones((3, 5)), np.ones((1, 5))
    >>> parameters = {"W1": np.ones((2, 3)), "b1": np.zeros((2, 1)), "W2": np.ones((1, 2)), "b2": np.zeros((1, 1))}
    >>> A, caches = deep_forward(X, parameters, ["tanh", "sigmoid"])
    >>> list(deep_backward(cost_backward(A, Y), caches))
    ['dA2', 'dZ2', 'dW2', 'db2', 'dA1', 'dZ1', 'dW1', 'db1', 'dA0']
    """
    gradients = {f"dA{len(caches)}": dA}
    for layer in range(len(caches), 0, -1):
        cache = caches[layer - 1]
        dZ = activation_backward(dA, cache)
        dA, dW, db = linear_backward(dZ, cache)
        gradients |= {f"dZ{layer}": dZ, f"dW{layer}": dW, f"db{layer}": db, f"dA{layer - 1}": dA}
    return gradients


# ---- comparison


def relative_difference(a: Array, b: Array) -> float:
    """Compute ‖a - b‖ / (‖a‖ + ‖b‖), the course's measure of a gradient check: below 1e-7 is good.

    Parameters
    ----------
    a, b
        Arrays of one shape.

    Returns
    -------
    float
        The relative difference; 0 for two zeros.

    Examples
    --------
    >>> relative_difference(np.array([1.0, 2.0]), np.array([1.0, 2.0]))
    0.0
    """
    scale = np.linalg.norm(a) + np.linalg.norm(b)
    return float(np.linalg.norm(np.asarray(a) - b) / scale) if scale else 0.0
