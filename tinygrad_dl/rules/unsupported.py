"""Unsupported functions: the reason, and an alternative.

Some of them never receive a Tensor, because NumPy converts it to an array first, which raises its own error.
"""

import numpy as np

from ..core.registry import refuse

IN_PLACE = "it changes an array in place. Write"
DROPS = "a plain array would lose the gradient. Write x.numpy() if that is intended;"
FILE = "a file holds plain numbers. Write x.numpy()."

UNSUPPORTED = {
    "put": f"{IN_PLACE} np.reshape(tg.primitives.set_at(np.ravel(x), ind, v), x.shape) for a new Tensor.",
    "put_along_axis": f"{IN_PLACE} tg.primitives.put_along_axis(x, indices, values, axis) for a new Tensor.",
    "place": f"{IN_PLACE} tg.primitives.set_at(x, mask, vals) for a new Tensor.",
    "putmask": f"{IN_PLACE} np.where(mask, values, x) for a new Tensor.",
    "copyto": f"{IN_PLACE} np.where(mask, values, x) or np.broadcast_to(x, shape).",
    "fill_diagonal": f"{IN_PLACE} tg.primitives.set_at(x, np.diag_indices_from(x), value) for a new Tensor.",
    "full": "it takes one plain number. Write np.broadcast_to(x, shape).",
    "array": f"{DROPS} np.stack([x, y]) joins several Tensors.",
    "asarray": f"{DROPS} np.stack([x, y]) joins several Tensors.",
    "asanyarray": f"{DROPS} np.stack([x, y]) joins several Tensors.",
    "ascontiguousarray": f"{DROPS} a Tensor may have any memory layout.",
    "asfortranarray": f"{DROPS} a Tensor may have any memory layout.",
    "asarray_chkfinite": f"{DROPS} np.all(np.isfinite(x)) checks that x is finite.",
    "require": f"{DROPS} x.astype(dtype) casts a Tensor.",
    "from_dlpack": f"{DROPS} tg.Tensor(array) makes a Tensor from an array.",
    "fromiter": f"{DROPS} np.stack(list_of_tensors) keeps the gradient.",
    "asmatrix": f"{DROPS} @ multiplies Tensors as matrices.",
    "bmat": f"{DROPS} np.block joins Tensors.",
    "save": FILE,
    "savetxt": FILE,
    "savez": FILE,
    "savez_compressed": FILE,
    "arange": "the number of elements depends on the ends. Write start + step * np.arange(n), or np.linspace.",
    "kaiser": "it takes plain numbers. Write np.i0(beta * np.sqrt(1 - t**2)) / np.i0(beta), with t from -1 to 1.",
    "nextafter": "the next float is not a function of real numbers. Write x.detach() to treat x as a constant.",
    "ix_": "an index consists of integers. Write x.numpy().",
}

for name, reason in UNSUPPORTED.items():
    refuse(reason, getattr(np, name))
