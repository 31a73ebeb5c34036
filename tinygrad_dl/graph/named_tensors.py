"""`named_tensors`: the Tensors of a graph by their names."""

from ..core.backprop import topological_order
from ..core.tensor import Tensor


def named_tensors(*outputs: Tensor) -> dict[str, Tensor]:
    """Return the named Tensors that `outputs` were computed from, such as the Z1 and A1 inside a net, by name.

    If names repeat, the last one wins. Tensors that are not tracked, such as data, are not in a graph.

    Parameters
    ----------
    *outputs
        Tracked Tensors.

    Returns
    -------
    dict of str to Tensor
        The Tensors by name, those that were computed first at the beginning.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> net = tg.nn.mlp([2, 4, 1], output=tg.nn.sigmoid, rng=np.random.default_rng(0))
    >>> loss = tg.nn.binary_cross_entropy(net(np.ones((2, 3))), np.ones((1, 3)))
    >>> tensors = tg.named_tensors(loss)
    >>> sorted(tensors)
    ['A1', 'A2', 'W1', 'W2', 'Z1', 'Z2', 'b1', 'b2']
    >>> tg.gradients(loss, tensors["Z1"]).shape
    (4, 3)
    """
    return {tensor.name: tensor for tensor in topological_order(*outputs) if tensor.name is not None}
