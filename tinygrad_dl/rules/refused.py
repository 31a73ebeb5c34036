"""Functions without a derivative here: why, and what to do instead.

Some of them never see a Tensor, as NumPy makes an array of it first: that fails with an error of its own.
"""

import numpy as np

from ..core.registry import refuse

IN_PLACE = "it changes an array in place. Write"
DROPS = "a plain array would lose the gradient. Write x.numpy() if that is meant;"
FILE = "a file holds plain numbers. Write x.numpy()."

REFUSED = {
    "put": f"{IN_PLACE} np.reshape(tg.primitives.set_at(np.ravel(x), ind, v), x.shape) for a new Tensor.",
    "put_along_axis": f"{IN_PLACE} tg.primitives.put_along_axis(x, indices, values, axis) for a new Tensor.",
    "place": f"{IN_PLACE} tg.primitives.set_at(x, mask, vals) for a new Tensor.",
    "putmask": f"{IN_PLACE} np.where(mask, values, x) for a new Tensor.",
    "copyto": f"{IN_PLACE} np.where(mask, values, x) or np.broadcast_to(x, shape), which np.full can't do.",
    "fill_diagonal": f"{IN_PLACE} tg.primitives.set_at(x, np.diag_indices_from(x), value) for a new Tensor.",
    "full": "it takes one plain number. Write np.broadcast_to(x, shape).",
    "array": f"{DROPS} np.stack([x, y]) makes one Tensor of several.",
    "asarray": f"{DROPS} np.stack([x, y]) makes one Tensor of several.",
    "asanyarray": f"{DROPS} np.stack([x, y]) makes one Tensor of several.",
    "ascontiguousarray": f"{DROPS} a Tensor may lie in memory as it likes.",
    "asfortranarray": f"{DROPS} a Tensor may lie in memory as it likes.",
    "asarray_chkfinite": f"{DROPS} np.all(np.isfinite(x)) tells whether x is finite.",
    "require": f"{DROPS} x.astype(dtype) casts a Tensor.",
    "from_dlpack": f"{DROPS} tg.Tensor(array) makes a Tensor of one.",
    "fromiter": f"{DROPS} np.stack(list_of_tensors) keeps it.",
    "asmatrix": f"{DROPS} @ multiplies Tensors as matrices.",
    "bmat": f"{DROPS} np.block joins Tensors.",
    "save": FILE,
    "savetxt": FILE,
    "savez": FILE,
    "savez_compressed": FILE,
    "arange": "how many numbers it gives depends on the ends. Write start + step * np.arange(n), or np.linspace.",
    "kaiser": "it takes plain numbers. Write np.i0(beta * np.sqrt(1 - t**2)) / np.i0(beta), with t from -1 to 1.",
    "nextafter": "the next float is no function of real numbers. Write x.detach() to treat x as a constant.",
    "ix_": "an index is made of whole numbers. Write x.numpy().",
}

for name, reason in REFUSED.items():
    refuse(reason, getattr(np, name))
