"""No array that anyone holds is a way to change a Tensor, and `x op= y` leaves every other name for x alone."""

import operator

import numpy as np
import pytest

import tinygrad_dl as tg

VALUES = np.array([2.0, 3.0, 5.0])
VIEWS = {
    "slice": lambda x: x[1:],
    "steps": lambda x: x[::-1],
    "whole": lambda x: x[...],
    "row": lambda x: x[0],
    "new axis": lambda x: x[None],
    "T": lambda x: x.T,
    "reshape": lambda x: x.reshape(-1),
    "ravel": np.ravel,
    "transpose": np.transpose,
    "swapaxes": lambda x: np.swapaxes(x, 0, 1),
    "expand_dims": lambda x: np.expand_dims(x, 0),
    "squeeze": lambda x: np.squeeze(x[None]),
    "broadcast_to": lambda x: np.broadcast_to(x, (2, *x.shape)),
    "broadcast_arrays": lambda x: np.broadcast_arrays(x, 1.0)[0],
    "flip": np.flip,
    "rot90": np.rot90,
    "atleast_3d": np.atleast_3d,
    "diagonal": np.diagonal,
    "diag": np.diag,
    "real": np.real,
    "split": lambda x: np.split(x, 3)[1],
    "unstack": lambda x: next(iter(x)),
    "meshgrid": lambda x: np.meshgrid(x[0], x[1], sparse=True)[0],
    "windows": lambda x: np.lib.stride_tricks.sliding_window_view(x, 2, 0),
    "astype": lambda x: x.astype(float, copy=False),
    "positive": np.positive,
    "real_if_close": np.real_if_close,
    "nan_to_num": np.nan_to_num,
    "modf": lambda x: np.modf(x)[0],
    "detach": lambda x: x.detach(),
}
WAYS = {  # how an array is got out of a Tensor
    "data": lambda y: y.data,
    "data.base": lambda y: y.data.base,
    "numpy": lambda y: y.numpy(),
    "asarray": lambda y: np.asarray(y.detach()),
    "array": lambda y: np.array(y.detach()),
    "ascontiguousarray": lambda y: np.ascontiguousarray(y.detach()),
    "constant function": lambda y: np.floor(y),
    "values": lambda y: tg.primitives.values(y),
}
IN_PLACE = [operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ifloordiv, operator.imod]
IN_PLACE += [operator.ipow]


def kinds():
    """A parameter, a constant, and what was computed from a parameter, of 3 rows and columns."""
    values = np.arange(1.0, 10.0).reshape(3, 3)
    return {"parameter": tg.parameter(values), "constant": tg.Tensor(values), "computed": tg.parameter(values - 1) + 1}


def spoil(array):
    """Overwrite an array, if that is allowed."""
    try:
        array[...] = -7.0
    except (ValueError, TypeError):
        return
    except IndexError:
        return


@pytest.mark.parametrize("kind", ["parameter", "constant", "computed"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("view", VIEWS)
def test_no_array_got_out_of_a_view_is_a_way_to_change_what_it_is_a_view_of(kind, view, way):
    x = kinds()[kind]
    before = x.tolist()
    y = VIEWS[view](x)
    shown = y.tolist()
    array = WAYS[way](y)
    if array is not None:
        spoil(array)
    assert x.tolist() == before
    assert y.tolist() == shown
    if x.requires_grad and y.requires_grad:
        gradient = tg.gradients(np.sum(VIEWS[view](x * x)), x)
        fresh = kinds()[kind]
        np.testing.assert_array_equal(gradient, tg.gradients(np.sum(VIEWS[view](fresh * fresh)), fresh))


@pytest.mark.parametrize("change", IN_PLACE)
@pytest.mark.parametrize("kind", ["constant", "computed"])
@pytest.mark.parametrize("view", VIEWS)
def test_an_operator_with_an_equals_sign_leaves_what_it_is_a_view_of_alone(kind, view, change):
    x = kinds()[kind]
    before, y = x.tolist(), VIEWS[view](x)
    alias, shown = y, y.tolist()
    y = change(y, 2.0)
    assert x.tolist() == before
    assert alias.tolist() == shown
    assert y.tolist() == getattr(operator, change.__name__[1:])(np.array(shown), 2.0).tolist()


@pytest.mark.parametrize("kind", ["parameter", "constant", "computed"])
@pytest.mark.parametrize("view", VIEWS)
def test_an_assignment_to_elements_of_a_view_is_an_error_that_names_the_way_out(kind, view):
    y = VIEWS[view](kinds()[kind])
    with pytest.raises(TypeError, match=r"write x = tg\.primitives\.set_at\(x, index, value\), or np\.where\(mask"):
        y[0] = 1.0
    with pytest.raises(TypeError, match="set_at"):
        y[..., 0] += 1.0


WRITES = {  # a function that changes its first argument -> what its error names
    "put": (lambda x: np.put(x, [0], [1.0]), r"tg\.primitives\.set_at\(np\.ravel\(x\), ind, v\)"),
    "put_along_axis": (
        lambda x: np.put_along_axis(x, np.array([[0]]), 1.0, 0),
        r"tg\.primitives\.put_along_axis\(x, indices",
    ),
    "place": (lambda x: np.place(x, np.eye(3) > 0, [1.0]), r"tg\.primitives\.set_at\(x, mask, vals\)"),
    "putmask": (lambda x: np.putmask(x, np.eye(3) > 0, 1.0), r"np\.where\(mask, values, x\)"),
    "copyto": (lambda x: np.copyto(x, 1.0), r"np\.where\(mask, values, x\)"),
    "fill_diagonal": (lambda x: np.fill_diagonal(x, 1.0), r"tg\.primitives\.set_at\(x, np\.diag_indices_from\(x\)"),
    "add.at": (lambda x: np.add.at(x, 0, 1.0), r"tg\.primitives\.add_at\(x, i, y\)"),
    "negative.at": (lambda x: np.negative.at(x, 0), r"tg\.primitives\.set_at\(x, i, np\.negative\(x\[i\]"),
}


@pytest.mark.parametrize("kind", ["parameter", "constant", "computed"])
@pytest.mark.parametrize("name", WRITES)
def test_a_function_that_changes_an_array_in_place_changes_no_tensor_and_names_the_way_out(kind, name):
    x = kinds()[kind]
    before, (write, advice) = x.tolist(), WRITES[name]
    if x.requires_grad:
        with pytest.raises(TypeError, match=f"it changes an array in place. Write .*{advice}"):
            write(x)
    else:
        with pytest.raises((ValueError, TypeError)):
            write(x)
    assert x.tolist() == before


@pytest.mark.parametrize(
    "write",
    [
        lambda array, x: np.put(array, [0], x),
        lambda array, x: np.copyto(array, x),
        lambda array, x: np.place(array, array > 0, x),
        lambda array, x: np.putmask(array, array > 0, x),
        lambda array, x: np.fill_diagonal(array, x),
        lambda array, x: np.add.at(array, 0, x),
        lambda array, x: np.full(3, x),
        lambda array, x: np.full(3, x, dtype=float),
        lambda array, x: array.__setitem__(0, x),
    ],
)
def test_a_tracked_tensor_written_into_an_array_is_an_error(write):
    array = np.ones((3, 3))
    with pytest.raises(TypeError, match=r"in place|np\.full|would lose its gradient"):
        write(array, tg.parameter(2.0))
    assert np.all(array == 1)


def test_an_array_that_its_owner_changes_changes_no_copy_made_of_it():
    values, index = np.ones(3), np.array([0, 1])
    x = tg.parameter([5.0, 6.0])
    y = tg.primitives.set_at(values, index, x)
    z = tg.primitives.add_at(y, index, values[:2])
    values[:], index[:] = 9.0, 2
    assert (y.tolist(), z.tolist()) == ([5.0, 6.0, 1.0], [6.0, 7.0, 1.0])
    assert tg.gradients(np.sum(z * [1.0, 2.0, 3.0]), x).tolist() == [1.0, 2.0]


IN_PLACE = [
    operator.iadd,
    operator.isub,
    operator.imul,
    operator.itruediv,
    operator.ipow,
    operator.imod,
]


@pytest.mark.parametrize("change", IN_PLACE)
def test_changing_a_parameter_in_place_is_an_error_that_names_the_way_out(w, change):
    with pytest.raises(TypeError, match=r"Tensor 'w' requires grad.*p\.data = p\.data - step"):
        change(w, 1.5)


@pytest.mark.parametrize("change", IN_PLACE)
def test_changing_an_intermediate_in_place_makes_a_new_tensor(w, change):
    before = w * 2
    y = change(before, 1.5)
    z = getattr(operator, change.__name__[1:])(w * 2, 1.5)
    assert before.tolist() == [2.0, 4.0, 6.0]
    assert y.tolist() == z.tolist()
    assert tg.gradients(np.sum(y * before), w).tolist() == tg.gradients(np.sum(z * (w * 2)), w).tolist()


def test_matmul_in_place_makes_a_new_tensor():
    A = tg.parameter(np.eye(2))
    y = A * 2
    y @= np.ones((2, 2))
    assert tg.gradients(np.sum(y), A).tolist() == [[4.0, 4.0], [4.0, 4.0]]
    with pytest.raises(TypeError, match="can't be changed in place"):
        A @= np.ones((2, 2))


def test_a_constant_may_be_changed_in_place_by_its_name():
    x = y = tg.Tensor([1.0])
    x += 1
    assert (x.tolist(), y.tolist()) == ([2.0], [1.0])


def test_assigning_to_an_index_names_the_way_out(w):
    for x in (w, w * 2, tg.Tensor([1.0])):
        with pytest.raises(TypeError, match=r"np\.where\(mask, value, x\)"):
            x[0] = 1.0


def test_writing_into_data_is_an_error(w):
    for x in (w, w * 2, np.sum(w), w[1:], tg.Tensor([1.0]), w.detach()):
        with pytest.raises(ValueError, match="read-only"):
            x.data[...] = 0
        with pytest.raises(ValueError, match="cannot set WRITEABLE flag"):
            x.data.flags.writeable = True
        for writable in (lambda x=x: memoryview(x.data), lambda x=x: np.lib.stride_tricks.as_strided(x.data)):
            with pytest.raises((TypeError, ValueError, IndexError), match=r"read-only|0-dim"):
                writable()[0] = 0
        memory = x.data.base
        while isinstance(memory, np.ndarray):
            with pytest.raises(ValueError, match="read-only"):
                memory[...] = 0
            memory = memory.base


def test_out_is_an_error_that_names_the_way_out(w):
    with pytest.raises(TypeError, match=r"np\.add\(\.\.\., out=x\) would change the Tensor x in place: write x ="):
        np.add(VALUES, VALUES, out=w)
    with pytest.raises(TypeError, match=r"np\.sum\(\.\.\., out=x\) would change"):
        np.sum(VALUES, out=w)
    with pytest.raises(TypeError, match=r"np\.add has no derivative rule for calls with out="):
        np.add(w, 1, out=np.zeros(3))


def test_adding_a_tracked_tensor_into_an_array_is_an_error(w):
    total = np.zeros(3)
    with pytest.raises(TypeError, match="out="):
        total += w
    with pytest.raises(TypeError, match=r"tracked.*x\.numpy\(\) or x\.detach\(\)"):
        total[:] = w
    assert total.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("method", ["fill", "sort", "put", "partition", "resize"])
def test_methods_that_change_an_array_are_missing_and_say_so(w, method):
    with pytest.raises(AttributeError, match=f"Tensor has no {method}\\(\\), which would change it in place"):
        getattr(w, method)


@pytest.mark.parametrize("f", [np.median, np.ptp, np.add.reduce, np.cumulative_sum], ids=tg.core.registry.name_of)
def test_a_composite_function_takes_no_buffer_either(w, f):
    for x in (w, w.detach()):
        with pytest.raises(
            TypeError, match=r"has no derivative rule for calls with out=: compute a new Tensor instead"
        ):
            f(x, axis=0, out=np.zeros(()))


def test_a_reduction_into_a_buffer_is_an_error(w):
    with pytest.raises(TypeError, match=r"np\.sum has no derivative rule for calls with out=: compute a new Tensor"):
        np.sum(w, out=np.zeros(()))


def test_adding_a_constant_tensor_into_an_array_leaves_the_gradient_right(w):
    total = alias = np.ones(3)
    total += tg.Tensor([1.0, 1.0, 1.0])
    loss = np.sum(w * total)
    alias[:] = 100.0
    assert tg.gradients(loss, w).tolist() == [2.0, 2.0, 2.0]
