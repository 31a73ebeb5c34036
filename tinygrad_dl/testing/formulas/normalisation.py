"""Batch normalization (course 2, week 3), with its backward pass quantity by quantity."""

from collections.abc import Mapping

import numpy as np

Array = np.ndarray


def batch_norm_forward(Z: Array, gamma: Array, beta: Array, epsilon: float = 1e-8) -> dict[str, Array]:
    """Compute z̃ = γ ẑ + β with ẑ = (z - μ) / √(σ² + ε), where μ and σ² are over the samples.

    Parameters
    ----------
    Z
        The inputs, (n, m).
    gamma, beta
        The scales and shifts, (n, 1).
    epsilon
        The ε that keeps the denominator above 0.

    Returns
    -------
    dict of str to array
        mu and sigma2, (n, 1), Z_hat and Z_tilde, (n, m), by name.

    Examples
    --------
    >>> values = batch_norm_forward(np.array([[1.0, 3.0]]), np.array([[2.0]]), np.array([[5.0]]))
    >>> values["Z_tilde"].round(4)
    array([[3., 7.]])
    """
    m = Z.shape[1]
    mu = 1 / m * np.sum(Z, axis=1, keepdims=True)
    sigma2 = 1 / m * np.sum((Z - mu) ** 2, axis=1, keepdims=True)
    Z_hat = (Z - mu) / np.sqrt(sigma2 + epsilon)
    return {"mu": mu, "sigma2": sigma2, "Z_hat": Z_hat, "Z_tilde": gamma * Z_hat + beta}


def batch_norm_backward(
    dZ_tilde: Array, Z: Array, gamma: Array, values: Mapping[str, Array], epsilon: float = 1e-8
) -> dict[str, Array]:
    """Compute the gradients of batch normalization: sums over the samples, without a 1/m of the cost.

    Parameters
    ----------
    dZ_tilde
        The error of the outputs, (n, m).
    Z, gamma, epsilon
        As in `batch_norm_forward`.
    values
        The value of `batch_norm_forward`.

    Returns
    -------
    dict of str to array
        dgamma, dbeta, dsigma2 and dmu, (n, 1), dZ_hat and dZ, (n, m), by name.

    References
    ----------
    Ioffe and Szegedy, "Batch normalization", 2015, section 3.

    Examples
    --------
    >>> Z, gamma = np.array([[1.0, 3.0, 8.0]]), np.array([[2.0]])
    >>> values = batch_norm_forward(Z, gamma, np.array([[0.0]]))
    >>> gradients = batch_norm_backward(np.ones((1, 3)), Z, gamma, values)
    >>> {name: gradient.shape for name, gradient in gradients.items()}
    {'dgamma': (1, 1), 'dbeta': (1, 1), 'dZ_hat': (1, 3), 'dsigma2': (1, 1), 'dmu': (1, 1), 'dZ': (1, 3)}
    """
    m, mu = Z.shape[1], values["mu"]
    scale = values["sigma2"] + epsilon
    dgamma = np.sum(dZ_tilde * values["Z_hat"], axis=1, keepdims=True)
    dbeta = np.sum(dZ_tilde, axis=1, keepdims=True)
    dZ_hat = dZ_tilde * gamma
    dsigma2 = np.sum(dZ_hat * (Z - mu) * -0.5 * scale**-1.5, axis=1, keepdims=True)
    dmu = -np.sum(
        dZ_hat / np.sqrt(scale), axis=1, keepdims=True
    )  # σ² has no derivative with respect to μ: Σ (z - μ) = 0
    dZ = dZ_hat / np.sqrt(scale) + dsigma2 * 2 / m * (Z - mu) + dmu / m
    return {"dgamma": dgamma, "dbeta": dbeta, "dZ_hat": dZ_hat, "dsigma2": dsigma2, "dmu": dmu, "dZ": dZ}
