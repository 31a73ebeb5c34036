"""How the process manages memory: `keep_memory`. Importing it switches nothing on."""

import ctypes
import warnings

# mallopt(3) of glibc, with its numbers
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_MIB = 2**20


def keep_memory() -> bool:
    """Let this process keep the memory that it frees, for the next arrays; give whether it can.

    A C library gives back to the system what large arrays took, and a new array then costs a page fault for every
    4 KiB, which may take longer than what is computed. After this call glibc keeps it, for arrays of up to 32 MiB: a
    step of a net takes as little as a third of the time, and so does any other NumPy (README, Speed).

    The price is that the process stays about as large as it was at its peak, and up to 64 MiB larger; and that this
    holds for the whole process, from here to its end. Where there is no glibc, as on Windows, macOS and Alpine Linux,
    nothing changes, and a UserWarning says so.

    >>> import tinygrad_dl as tg
    >>> tg.keep_memory()  # doctest: +SKIP
    True
    """
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        warnings.warn("keep_memory: this process has no glibc, so nothing has changed.", stacklevel=2)
        return False
    settings = {_MMAP_THRESHOLD: 32 * _MIB, _TRIM_THRESHOLD: 1024 * _MIB, _TOP_PAD: 64 * _MIB}
    return all([mallopt(what, amount) for what, amount in settings.items()])
