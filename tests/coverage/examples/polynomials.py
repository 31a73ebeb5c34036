"""Polynomials by their coefficients: values, roots, arithmetic, fits."""

from typing import Any

import numpy as np

from tinygrad_dl.coverage.cases import apart, graded, nonzero, one, positive, real, table


def parts(y: Any) -> Any:
    return [np.real(y), np.imag(y)]


CASES = table(
    *[(np.polyval, f"{p} {x}", np.polyval, real(*p), real(*x)) for p, x in [((3,), (2,)), ((1,), ()), ((4,), (2, 2))]],
    (*one(np.vander, "(3,)"), real(3)),
    (*one(np.vander, "4 increasing=", 4, increasing=True), real(2)),
    (*one(np.vander, "N=1", N=1), real(2)),
    (*one(np.vander, "N=0", N=0), real(2)),
    (np.roots, "real", lambda p: np.roots(np.convolve(p, p - 3)), positive(2)),
    (np.roots, "complex pairs", lambda p: parts(np.roots(np.concatenate([p, p[::-1] + 4]))), positive(2)),
    (np.roots, "leading and trailing zeros", lambda p: np.roots(p * [0.0, 1.0, 5.0, 1.0, 0.0]), positive(5)),
    (np.poly, "(3,)", np.poly, real(3)),
    (np.poly, "(2, 2)", np.poly, graded(2, 2)),
    (np.poly, "list", lambda x: np.poly([x[0], 2.0, x[1]]), real(2)),
    (np.poly, "complex pairs", lambda x: np.poly(x - 3 * x.mT), real(3, 3)),
    *[
        (f, f"{a} {b}", f, nonzero(*a), nonzero(*b))
        for f in (np.polyadd, np.polysub, np.polymul)
        for a, b in [((3,), (3,)), ((3,), (2,)), ((), (2,))]
    ],
    (np.polymul, "leading zeros", lambda a, b: np.polymul(a * [0.0, 1.0, 1.0], b), nonzero(3), nonzero(2)),
    *[
        (np.polydiv, f"{u} {v}", np.polydiv, nonzero(*u), nonzero(*v))
        for u, v in [((4,), (2,)), ((2,), (3,)), ((3,), ())]
    ],
    *[(*one(np.polyder, f"{m}", m), real(4)) for m in (0, 1, 2)],
    (*one(np.polyder, "m=4 of 3", m=4), real(3)),
    (*one(np.polyint, "(3,)"), real(3)),
    (np.polyint, "m= k=", lambda p: np.polyint(p, m=2, k=[1.0, 2.0]), real(2)),
    (np.polyint, "by constants", lambda p, k: np.polyint(p, 2, k), real(2), real(2)),
    (np.polyint, "by one constant", lambda p, k: np.polyint(p, 2, k), real(2), real()),
    (np.polyfit, "1", lambda x, y: np.polyfit(x, y, 1), apart(4), real(4)),
    (np.polyfit, "2, several y", lambda x, y: np.polyfit(x, y, 2), apart(4), real(4, 2)),
    (np.polyfit, "w=", lambda x, y, w: np.polyfit(x, y, 1, w=w), apart(4), real(4), positive(4)),
    (
        np.polyfit,
        "w= several y",
        lambda x, y, w: np.polyfit(x, y, 1, 1e-9, False, w),
        apart(3),
        real(3, 2),
        positive(3),
    ),
    (np.polyfit, "cov=", lambda x, y: np.polyfit(x, y, 1, cov=True), apart(4), real(4)),
    (np.polyfit, "cov= several y", lambda x, y: np.polyfit(x, y, 1, cov=True), apart(3), real(3, 2)),
    (np.polyfit, "cov=unscaled", lambda x, y: np.polyfit(x, y, 1, cov="unscaled"), apart(3), real(3)),
    (np.polyfit, "full=", lambda x, y: np.polyfit(x, y, 1, full=True)[:2], apart(4), real(4)),
)
