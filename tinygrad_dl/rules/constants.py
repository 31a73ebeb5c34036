"""Non-differentiable functions: those with derivative zero wherever it exists, and those without real arguments.

On Tensors they return NumPy's plain values. A name that this version of NumPy lacks is skipped.
"""

import numpy as np

from ..core import primitives
from ..core.registry import defnondiff

CONSTANT = {
    np: """
        floor ceil trunc rint round around fix floor_divide spacing
        equal not_equal less less_equal greater greater_equal array_equal array_equiv isclose allclose isin in1d
        isnan isinf isfinite isposinf isneginf signbit iscomplex isreal iscomplexobj isrealobj isnat
        logical_and logical_or logical_not logical_xor any all count_nonzero
        bitwise_and bitwise_or bitwise_xor bitwise_not bitwise_invert invert bitwise_count
        left_shift right_shift bitwise_left_shift bitwise_right_shift packbits unpackbits gcd lcm

        argmax argmin nanargmax nanargmin argsort argpartition lexsort nonzero flatnonzero argwhere
        searchsorted digitize diag_indices diag_indices_from tril_indices tril_indices_from
        triu_indices triu_indices_from mask_indices indices unravel_index ravel_multi_index

        zeros ones empty zeros_like ones_like empty_like eye identity tri fromfunction
        bartlett blackman hamming hanning

        shape ndim size iterable isscalar isfortran broadcast_shapes may_share_memory shares_memory nested_iters
        can_cast promote_types result_type min_scalar_type common_type mintypecode isdtype issubdtype typename
        einsum_path frompyfunc

        busday_count busday_offset is_busday datetime_as_string datetime_data
        array_repr array_str array2string base_repr binary_repr format_float_positional format_float_scientific
        load loadtxt genfromtxt fromregex fromfile fromstring frombuffer
        get_printoptions set_printoptions printoptions getbufsize setbufsize geterr seterr geterrcall seterrcall
        get_include info show_config show_runtime test
    """,
    np.linalg: "matrix_rank test",
    np.fft: "fftfreq rfftfreq test",
}

for namespace, names in CONSTANT.items():
    defnondiff(*[getattr(namespace, name) for name in names.split() if hasattr(namespace, name)])
defnondiff(primitives.values)
