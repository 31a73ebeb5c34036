"""Along an axis: running sums and products, differences, integrals, interpolation, convolution."""

import numpy as np

from tinygrad_dl.coverage.cases import apart, between, deprecated_row, halves, one, positive, real, table

HOLES = np.array([[0, np.nan, 0], [0, 0, np.nan]], dtype=np.float32)
UNEVEN = np.array([0.0, 1.0, 3.0, 3.5])
KNOTS = np.array([-1.6, -0.3, 0.4, 1.1], dtype=np.float32)

CASES = table(
    *[(*one(f, "of a matrix"), real(2, 3)) for f in (np.cumsum, np.cumprod)],
    *[(*one(f, "of a number"), real()) for f in (np.cumsum, np.cumprod)],
    *[(*one(f, "axis=0", 0), real(5, 2)) for f in (np.cumsum, np.cumprod)],
    *[(*one(f, "axis=-1", axis=-1), real(2, 4)) for f in (np.cumsum, np.cumprod)],
    *[(f, "with nan", lambda x, f=f: f(x + HOLES), real(2, 3)) for f in (np.nancumsum, np.nancumprod)],
    *[(f, "with nan, axis=1", lambda x, f=f: f(x + HOLES, axis=1), real(2, 3)) for f in (np.nancumsum, np.nancumprod)],
    *[
        row
        for f in (np.cumulative_sum, np.cumulative_prod)
        for row in (
            (*one(f, ""), real(4)),
            (*one(f, "axis=-1 include_initial=True", axis=-1, include_initial=True), real(2, 3)),
            (*one(f, "axis=0", axis=0), real(3, 2)),
        )
    ],
    (*one(np.diff, ""), real(2, 4)),
    (*one(np.diff, "n=2 axis=0", 2, 0), real(4, 2)),
    (*one(np.diff, "n=0", n=0), real(3)),
    (np.diff, "prepend= append=", lambda x, y, z: np.diff(x, prepend=y, append=z), real(2, 3), real(2, 1), real()),
    (np.diff, "by position", lambda x, y, z: np.diff(x, 1, 0, y, z), real(2, 2), real(), real(1, 2)),
    (*one(np.ediff1d, ""), real(2, 3)),
    (np.ediff1d, "with ends", lambda x, y, z: np.ediff1d(x, y, z), real(3), real(2), real()),
    (*one(np.gradient, "of a matrix"), real(3, 3)),
    (np.gradient, "spacing", lambda f, h: np.gradient(f, h), real(4), positive()),
    (np.gradient, "spacings", lambda f, h, k: np.gradient(f, h, k), real(2, 3), positive(), positive()),
    (np.gradient, "coordinates", lambda f, x: np.gradient(f, x, axis=0), real(4, 2), apart(4)),
    (np.gradient, "fixed coordinates", lambda f: np.gradient(f, UNEVEN, axis=-1), real(2, 4)),
    (np.gradient, "edge_order=2", lambda f, h: np.gradient(f, h, edge_order=2), real(4), positive()),
    (
        np.gradient,
        "coordinates, edge_order=2",
        lambda f, x, h: np.gradient(f, x, h, axis=(1, 0), edge_order=2),
        *(real(3, 4), apart(4), positive()),
    ),
    (*one(np.trapezoid, "dx=", dx=0.5), real(2, 4)),
    (*one(np.trapezoid, "axis=0", axis=0), real(4, 2)),
    (np.trapezoid, "coordinates", lambda y, x: np.trapezoid(y, x, axis=0), real(3, 2), real(3)),
    (np.trapezoid, "coordinates for each", lambda y, x: np.trapezoid(y, x), real(2, 3), real(2, 3)),
    (np.trapezoid, "dx", lambda y, h: np.trapezoid(y, dx=h), real(3), positive()),
    *[(*row, real(4, 2)) for row in deprecated_row("trapz", "axis=0", axis=0)],
    (
        np.interp,
        "",
        lambda x, xp, fp: np.interp(x, xp + KNOTS, fp),
        *(lambda rng: np.array([[-3.0, -1.1, 0.15], [0.6, 2.5, -0.7]]), lambda rng: rng.uniform(-0.1, 0.1, 4), real(4)),
    ),
    (
        np.interp,
        "left= right=",
        lambda x, fp, left, right: np.interp(x, KNOTS, fp, left, right),
        *(lambda rng: np.array([-3.0, 0.15, 2.5]), real(4), real(), real()),
    ),
    (
        np.interp,
        "period=",
        lambda x, xp, fp, period: np.interp(x, xp, fp, period=period),
        *(lambda rng: np.array([0.15, 4.2, -1.3]), lambda rng: np.array([0.5, 2.4, -0.6]), real(3)),
        lambda rng: np.array(2.8),
    ),
    (np.interp, "of complex values", lambda x, fp: np.imag(np.interp(x, KNOTS, 1j * fp)), halves(2), real(4)),
    *[
        (f, f"mode={mode} of {m} and {n}", lambda a, v, f=f, mode=mode: f(a, v, mode), real(m), real(n))
        for f in (np.convolve, np.correlate)
        for mode, m, n in (("full", 4, 2), ("same", 4, 2), ("same", 2, 5), ("valid", 3, 3), ("valid", 2, 5))
    ],
    (np.convolve, "without a mode", lambda a, v: np.convolve(a, v), real(3), real()),
    (np.correlate, "without a mode", lambda a, v: np.correlate(a, v), real(4), real(2)),
    (*one(np.unwrap, ""), lambda rng: rng.uniform(0, 2, (2, 3)) + 6.0 * np.array([0, 1, 3])),
    (*one(np.unwrap, "axis=0", 2.5, 0, period=4.0), lambda rng: between(3, 2)(rng) * 3),
)
