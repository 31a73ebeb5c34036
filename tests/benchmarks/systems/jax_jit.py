"""JAX: what is timed as one function under `jit`, loops as scans, waited for to the end."""

import os

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from tests.benchmarks.workloads import Chain, Hessian, HessianVector, Net, Recurrent, Scalars

HIDDEN = {"tanh": jnp.tanh, "relu": jax.nn.relu}
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_cpu_enable_async_dispatch", False)  # faster where each result is waited for


def limit_threads(n: int) -> None:
    """XLA reads the variable when it starts its threads, at the first array; its flags do not limit them."""
    os.environ["PJRT_NPROC"] = str(n)


def _waiting(function, *arguments):
    """A function without arguments which computes the function, compiled, and waits for it."""
    compiled, arguments = jax.jit(function), jax.device_put(arguments)
    return lambda: jax.block_until_ready(compiled(*arguments))


def _cost(problem: Net):
    """The cost as a function of the parameters, X and Y."""
    hidden = HIDDEN[problem.hidden]

    def cost(parameters, X, Y):
        A = X
        *before, W, b = parameters
        for V, c in zip(before[::2], before[1::2], strict=True):
            A = hidden(V @ A + c)
        Z = W @ A + b
        if problem.output == "softmax":
            return -jnp.sum(Y * jax.nn.log_softmax(Z, axis=0)) / problem.m
        if problem.output == "logits":
            return jnp.sum(jnp.logaddexp(0, Z) - Y * Z) / problem.m
        A = jax.nn.sigmoid(Z)
        return -jnp.sum(Y * jnp.log(A) + (1 - Y) * jnp.log(1 - A)) / problem.m

    return cost


def net(problem: Net):
    X, Y, parameters = jax.device_put(problem.arrays())
    cost, rate = _cost(problem), problem.learning_rate

    @jax.jit
    def descended(parameters, X, Y):
        value, gradients = jax.value_and_grad(cost)(parameters, X, Y)
        return [p - rate * g for p, g in zip(parameters, gradients, strict=True)], [value, *gradients]

    def step():
        nonlocal parameters
        parameters, results = jax.block_until_ready(descended(parameters, X, Y))
        return results

    return step


def hessian_vector(problem: HessianVector):
    """Forward over reverse."""
    X, Y, parameters = problem.net.arrays()
    gradient = jax.grad(_cost(problem.net))

    def along(direction, parameters, X, Y):
        return jax.jvp(lambda parameters: gradient(parameters, X, Y), (parameters,), (direction,))[1]

    return _waiting(along, problem.net.directions(), parameters, X, Y)


def chain(problem: Chain):
    start, c, g = problem.arrays()
    unroll = problem.pairs if problem.pairs <= 100 else 4

    def last(x, c):
        def pair(y, _):
            y = y * c
            return y + c, None

        return jax.lax.scan(pair, x, length=problem.pairs, unroll=unroll)[0]

    def gradients(x, c, g):
        return list(jax.vjp(last, x, c)[1](g))

    return _waiting(gradients, start, c, g)


def scalars(problem: Scalars):
    """The numbers go in as one array, each of which takes longer to pass than to compute with."""
    samples, targets, layers = problem.numbers()
    numbers, as_layers = ravel_pytree(layers)

    def cost(numbers):
        layers, total = as_layers(numbers), 0
        for x, target in zip(samples, targets, strict=True):
            for layer in layers:
                x = [jnp.tanh(sum((w * x for w, x in zip(ws, x, strict=True)), b)) for ws, b in layer]
            total += (x[0] - target) ** 2
        return total

    return _waiting(lambda numbers: list(jax.value_and_grad(cost)(numbers)), numbers)


def recurrent(problem: Recurrent):
    X, Y, parameters = problem.arrays()

    def cost(parameters, X, Y):
        W, U, b = parameters
        start = jnp.zeros((problem.h, problem.m))
        h, _ = jax.lax.scan(lambda h, x: (jnp.tanh(W @ h + U @ x + b), None), start, X, unroll=4)
        return jnp.sum((h - Y) ** 2) / problem.m

    def value_and_gradients(parameters, X, Y):
        value, gradients = jax.value_and_grad(cost)(parameters, X, Y)
        return [value, *gradients]

    return _waiting(value_and_gradients, parameters, X, Y)


def hessian(problem: Hessian):
    second = jax.hessian(lambda x: jnp.sum(problem.terms(x)))
    return _waiting(lambda x: [second(x)], problem.x())
