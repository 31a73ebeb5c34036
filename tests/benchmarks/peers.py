"""Which peers take part, as the command lines ask."""

import argparse
from collections.abc import Iterable


def among(known: Iterable[str], names: str) -> list[str]:
    """The `names`, which stand between commas and must be `known`; `none` is none."""
    known = list(known)
    chosen = [name.strip() for name in names.split(",") if name.strip() not in ("", "none")]
    for name in chosen:
        if name not in known:
            raise argparse.ArgumentTypeError(f"expected some of {','.join(known)}; got {name!r}")
    return chosen
