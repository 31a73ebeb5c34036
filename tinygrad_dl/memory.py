"""Memory management of the process: `keep_memory`. The import alone changes nothing."""

import ctypes
import warnings

# mallopt(3) of glibc, with its numbers
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_MIB = 2**20


def keep_memory() -> bool:
    """Let this process keep freed memory for its next arrays.

    By default the C library returns the memory of large arrays to the system, and each new array costs a page fault
    per 4 KiB, which may take longer than the computation. After this call glibc keeps the memory of arrays of up to
    32 MiB: a training step, or other NumPy code, can take as little as a third of the time (see the guide to speed).

    The process then stays about as large as at its peak, plus up to 64 MiB, until its end. Without glibc, as on
    Windows, macOS and Alpine Linux, nothing changes.

    Returns
    -------
    bool
        True if the setting was made.

    Warns
    -----
    UserWarning
        If the process has no glibc.

    Examples
    --------
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
