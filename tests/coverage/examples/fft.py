"""Discrete Fourier transforms: odd and even lengths, cut and padded, along every axis, in every norm."""

from typing import Any

import numpy as np

from tinygrad_dl.coverage.cases import one, real, table

ONE_AXIS = (np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft, np.fft.hfft, np.fft.ihfft)
CALLS = {
    "(2,)": ((), (2,)),
    "(2, 5)": ((), (2, 5)),
    "n=2 axis=0": ((2, 0), (3, 2)),
    "n=6 norm=ortho": ((6, -1, "ortho"), (3,)),
    "n=5 axis=-2 norm=forward": ((5, -2, "forward"), (4, 1)),
    "n=1 norm=backward": ((1, -1, "backward"), (2,)),
}
TWO_AXES = (np.fft.fft2, np.fft.ifft2, np.fft.rfft2, np.fft.irfft2)
SEVERAL = (np.fft.fftn, np.fft.ifftn, np.fft.rfftn, np.fft.irfftn)


def parts(y: Any) -> Any:
    """A spectrum as real numbers, which can be summed to a real one."""
    return [np.real(y), np.imag(y)] if np.iscomplexobj(y) else [y]


def row(f: Any, label: Any, *args: Any, **kwargs: Any) -> Any:
    return f, label, lambda x: parts(f(x, *args, **kwargs))


CASES = table(
    *[(*row(f, label, *args), real(*shape)) for f in ONE_AXIS for label, (args, shape) in CALLS.items()],
    *[(*row(f, "(1, 2, 3)"), real(1, 2, 3)) for f in (*TWO_AXES, *SEVERAL)],
    *[(*row(f, "s= axes= norm=", (4, -1), (1, 0), "ortho"), real(2, 3)) for f in (*TWO_AXES, *SEVERAL)],
    *[(*row(f, "s=None axes=", axes=(0,), norm="forward"), real(3, 2)) for f in SEVERAL],
    *[
        (*one(f, f"axes={axes}", axes), real(3, 2))
        for f in (np.fft.fftshift, np.fft.ifftshift)
        for axes in (0, (1, -2))
    ],
    *[(*one(f, "(5,)"), real(5)) for f in (np.fft.fftshift, np.fft.ifftshift)],
)
