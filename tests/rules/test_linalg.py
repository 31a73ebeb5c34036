"""Products of vectors, matrices and stacks of them, at every combination of ranks."""

import numpy as np
import pytest

import tinygrad_dl as tg


def test_einsum_of_tensors_wants_its_subscripts_as_a_string():
    x = tg.parameter(np.ones((2, 2)))
    with pytest.raises(TypeError, match=r"subscripts as a string, such as 'ij,jk->ik'"):
        tg.backward(np.einsum(x, [0, 0]))


def test_axes_of_tensordot_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"axes \[1\] of \(2, 3\) don't fit axes \[0\] of \(2, 3\)"):
        np.tensordot(tg.parameter(np.ones((2, 3))), np.ones((2, 3)), 1)


@pytest.mark.parametrize("f", [np.matmul, np.dot, lambda x, y: np.einsum("i,i->", x, y)])
def test_a_list_is_as_good_as_an_array(f):
    x = tg.parameter([1.0, 2.0])
    tg.backward(f(x, [3.0, 4.0]))
    assert x.grad.tolist() == [3.0, 4.0]
