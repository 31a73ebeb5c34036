"""Modules: how their parameters are found and named, and that saving them is exact, and all or nothing."""

import dataclasses
import os
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests.nn.test_saving import interrupted_at
from tinygrad_dl import nn


def net(sizes=(2, 3, 1), seed=0, dtype=np.float64):
    return nn.mlp(sizes, rng=np.random.default_rng(seed), dtype=dtype)


def assert_same_state(module, state):
    found = module.state_dict()
    assert list(found) == list(state)
    for name, values in state.items():
        assert found[name].dtype == values.dtype
        assert np.array_equal(found[name], values), name


class Zoo(nn.Module):
    """Parameters in all places where they may be."""

    def __init__(self, shared=None):
        one = tg.parameter(1.0) if shared is None else shared
        self.one = one
        self.file, self.allow_pickle = tg.parameter([2.0]), tg.parameter([3.0])  # as arguments of np.savez are called
        self.parts = [tg.parameter([4.0]), (nn.Dense(1, 2, rng=np.random.default_rng(0)), "text", None)]
        self.table = {"a/b": tg.parameter([5.0]), 7: {"again": one}}
        self.plain, self.constant = np.ones(3), tg.Tensor(8.0)
        self.computed = 2 * one


ZOO = ["one", "file", "allow_pickle", "parts.0", "parts.1.0.W", "parts.1.0.b", "table.a/b", "constant"]


def test_parameters_are_found_everywhere_once_and_in_order():
    zoo = Zoo()
    named = dict(zoo.named_parameters())
    assert list(named) == ZOO
    assert named["parts.1.0.W"] is zoo.parts[1][0].W
    assert all(a is b for a, b in zip(zoo.parameters(), named.values(), strict=True))


def test_the_names_of_a_net_are_paths():
    assert list(net().state_dict()) == ["layers.0.W", "layers.0.b", "layers.2.W", "layers.2.b"]
    nested = nn.Sequential(nn.Sequential(np.tanh, nn.Dense(1, 1, rng=np.random.default_rng(0))))
    assert list(nested.state_dict()) == ["layers.0.layers.1.W", "layers.0.layers.1.b"]


def test_a_layer_used_twice_has_one_set_of_parameters_and_the_sum_of_gradients():
    layer = nn.Dense(1, 1, rng=np.random.default_rng(0))
    twice = nn.Sequential(layer, layer)
    assert [p.name for p in twice.parameters()] == ["W2", "b2"]
    w = layer.W.item()
    twice(np.array([[3.0]])).backward()
    assert layer.W.grad == pytest.approx(2 * w * 3, rel=1e-15)  # of w (w x)
    assert layer.b.grad == pytest.approx(w + 1, rel=1e-15)


def test_a_module_that_holds_its_owner_is_walked_once():
    class Part(nn.Module):
        def __init__(self, owner):
            self.owner, self.w = owner, tg.parameter(1.0)

    class Owner(nn.Module):
        def __init__(self):
            self.parts = [Part(self), Part(self)]

    assert list(Owner().state_dict()) == ["parts.0.w", "parts.1.w"]


def test_two_parameters_of_one_name_are_refused():
    class Same(nn.Module):
        def __init__(self):
            self.table = {"1": tg.parameter(1.0), 1: tg.parameter(2.0)}

    with pytest.raises(ValueError, match=r"Same has two parameters named 'table\.1'"):
        Same().state_dict()


def test_a_module_without_call_says_so():
    with pytest.raises(NotImplementedError, match="Zoo defines no __call__"):
        Zoo()(1)


# ---- state


def test_a_state_is_a_copy():
    module = net()
    before = module.state_dict()
    module.state_dict()["layers.0.W"][:] = 7
    assert_same_state(module, before)
    module.load_state_dict(before)
    before["layers.0.W"][:] = 7
    assert not np.any(module.layers[0].W.data == 7)


WRONG_STATES = {
    "missing": (lambda s: {k: s[k] for k in list(s)[1:]}, r"missing \['layers.0.W'\], unknown nothing"),
    "unknown": (lambda s: s | {"x": np.ones(1)}, r"missing nothing, unknown \['x'\]"),
    "shape": (lambda s: s | {"layers.2.W": np.ones((3, 1))}, r"layers.2.W: expected float64 of shape \(1, 3\), got"),
    "broadcasting": (lambda s: s | {"layers.2.W": np.ones((1, 1))}, r"got float64 of shape \(1, 1\)"),
    "complex": (lambda s: s | {"layers.2.b": np.ones((1, 1), complex)}, "got complex128"),
    "text": (lambda s: s | {"layers.2.b": np.array([["a"]])}, "got <U1"),
    "objects": (lambda s: s | {"layers.2.b": np.array([[None]])}, "got object"),
    "nan": (lambda s: s | {"layers.2.b": np.array([[np.nan]])}, "layers.2.b: expected finite values"),
    "inf": (lambda s: s | {"layers.2.b": np.array([[-np.inf]])}, "layers.2.b: expected finite values"),
}


@pytest.mark.parametrize("name", WRONG_STATES)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(name):
    change, message = WRONG_STATES[name]
    module, other = net(), net(seed=1).state_dict()
    before = module.state_dict()
    with pytest.raises(ValueError, match=message):
        module.load_state_dict(change(other))
    assert_same_state(module, before)


def test_a_state_of_another_precision_is_cast_if_it_can_be():
    module, other = net(dtype=np.float32), net(seed=1).state_dict()
    module.load_state_dict(other)
    assert_same_state(module, {name: values.astype(np.float32) for name, values in other.items()})
    before = module.state_dict()
    with pytest.raises(ValueError, match=r"layers\.2\.b: expected finite values that float32 can hold"):
        module.load_state_dict(net(seed=2).state_dict() | {"layers.2.b": np.array([[1e300]])})
    assert_same_state(module, before)


# ---- files


@given(
    sizes=st.lists(st.integers(1, 4), min_size=2, max_size=4),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 2**32 - 1),
)
def test_what_is_saved_is_loaded_to_the_last_bit(tmp_path_factory, sizes, dtype, seed):
    path = tmp_path_factory.mktemp("nets") / "net"
    module, other = net(sizes, seed, dtype), net(sizes, seed + 1, dtype)
    module.save(path)
    other.load(path)
    assert_same_state(other, module.state_dict())
    with np.load(path) as archive:  # and it is what NumPy calls an .npz
        assert list(archive) == list(module.state_dict())
    assert [file.name for file in path.parent.iterdir()] == ["net"]


def test_parameters_of_any_name_are_saved_and_loaded(tmp_path):
    zoo, path = Zoo(), str(tmp_path / "zoo.npz")
    for p in zoo.parameters():
        p.data = p.data + 0.5
    zoo.save(path)
    other = Zoo()
    other.load(path)
    assert_same_state(other, zoo.state_dict())


def test_saving_twice_keeps_the_last(tmp_path):
    for seed in (1, 2):
        net(seed=seed).save(tmp_path / "net")
    module = net()
    module.load(tmp_path / "net")
    assert_same_state(module, net(seed=2).state_dict())


def test_parameters_that_are_not_finite_are_not_saved(tmp_path):
    net(seed=1).save(tmp_path / "net")
    whole = (tmp_path / "net").read_bytes()
    module = net()
    module.layers[2].b.data = [[np.nan]]
    with pytest.raises(ValueError, match=r"layers\.2\.b is not finite, and '.*net' was not written"):
        module.save(tmp_path / "net")
    assert (tmp_path / "net").read_bytes() == whole


@pytest.mark.parametrize("crash_in", ["numpy.lib.format.write_array", "os.fsync", "os.replace"])
@pytest.mark.parametrize("crash", [OSError("disk full"), KeyboardInterrupt()])
def test_a_crash_while_saving_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, crash_in, crash):
    net(seed=1).save(tmp_path / "net")
    calls = []

    def crashing(*args, **kwargs):
        calls.append(args)
        raise crash

    monkeypatch.setattr(crash_in, crashing)
    with pytest.raises(type(crash)):
        net(seed=2).save(tmp_path / "net")
    monkeypatch.undo()
    assert calls
    assert os.listdir(tmp_path) == ["net"]
    module = net()
    module.load(tmp_path / "net")
    assert_same_state(module, net(seed=1).state_dict())


def saved(change=lambda state: state, module=None):
    """A function that writes an archive with a changed state."""

    def write(path):
        with open(path, "wb") as file:
            np.savez(file, allow_pickle=True, **change((module or net(seed=1)).state_dict()))

    return write


def _npy(path):
    with open(path, "wb") as file:
        np.save(file, np.ones(3))


def _zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("layers.0.W.npy", "no array")


FOREIGN = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("hello"),
    "pickle": lambda path: path.write_bytes(pickle.dumps({"layers.0.W": 1})),
    "npy": _npy,
    "zip": _zip,
    "empty archive": saved(lambda state: {}),
    "another net": saved(module=net((2, 3, 3, 1))),
    "wrong shapes": saved(module=net((3, 2, 1))),
    "objects": saved(lambda state: state | {"layers.0.W": np.full((3, 2), None)}),
    "nan": saved(lambda state: state | {"layers.0.W": np.full((3, 2), np.nan)}),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_of_anything_else_is_refused_by_name_and_changes_nothing(tmp_path, name):
    module, path = net(), tmp_path / "file"
    before = module.state_dict()
    FOREIGN[name](path)
    with pytest.raises(ValueError, match=r"file'(:| is not a complete \.npz archive of Module\.save)"):
        module.load(path)
    assert_same_state(module, before)


@given(st.data())
def test_a_damaged_file_is_refused_or_right_and_never_changes_a_part(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("nets") / "net"
    right, module = net(seed=1), net()
    right.save(path)
    whole, before = path.read_bytes(), module.state_dict()
    length = data.draw(st.integers(0, len(whole) - 1), label="length")
    if data.draw(st.booleans(), label="truncated"):
        path.write_bytes(whole[:length])
    else:
        path.write_bytes(whole[:length] + bytes([data.draw(st.integers(0, 255))]) + whole[length + 1 :])
    try:
        module.load(path)
    except ValueError:
        assert_same_state(module, before)
    else:  # a byte that says nothing, such as the date in the archive
        assert len(path.read_bytes()) == len(whole)
        assert_same_state(module, right.state_dict())


def test_a_file_that_is_not_there_is_a_file_not_found(tmp_path):
    module = net()
    with pytest.raises(FileNotFoundError, match="nothing"):
        module.load(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match=r"no folder '.*nowhere' to save in"):
        module.save(tmp_path / "nowhere" / "net")
    assert os.listdir(tmp_path) == []


def test_a_parameter_is_not_replaced_by_what_was_computed_from_it_or_an_array():
    class Scale(tg.nn.Module):
        def __init__(self):
            self.w = tg.parameter(2.0)

    module = Scale()
    for value in (module.w - 0.1, module.w.data - 0.1, module.w.data[()], np.float32(1), 1, 1.0):
        with pytest.raises(TypeError, match=r"w is a parameter of Scale, .*p\.data = p\.data - step"):
            module.w = value
    module.w = tg.Tensor(1.0)
    assert not module.w.requires_grad
    module.w = tg.parameter(3.0)
    module.w.data = module.w.data - 1.0
    module.seen = module.w * 2
    module.seen = module.w * 3
    assert [p.item() for p in module.parameters()] == [2.0]


def test_a_gradient_by_a_module_without_parameters_is_an_error():
    with pytest.raises(TypeError, match="differentiate with respect to, got Module: it needs parameters"):
        tg.grad(lambda module: np.ones(()))(tg.nn.Module())


# ---- Modules by name


def test_modules_are_found_everywhere_once_and_in_order_each_by_its_path():
    class Nest(nn.Module):
        def __init__(self, *parts):
            self.text, self.weight = "text", tg.parameter(1.0)
            self.first, self.parts, self.table = parts[0], [*parts], {"a": (parts[1],), 7: parts[0]}
            self.inner = nn.Sequential(np.tanh, parts[1], nn.Sequential(parts[2]))

    a, b, c = (nn.Dense(1, 1, rng=np.random.default_rng(0)) for _ in range(3))
    nest = Nest(a, b, c)
    found = dict(nest.named_modules())
    assert list(found) == ["", "first", "parts.1", "parts.2", "inner", "inner.layers.2"]
    expected = [nest, a, b, c, nest.inner, nest.inner.layers[2]]
    assert all(module is other for module, other in zip(found.values(), expected, strict=True))


def test_names_of_modules_begin_the_names_of_their_parameters():
    deep = nn.Sequential(nn.Sequential(np.tanh, net()), net())
    modules = dict(deep.named_modules())
    for name, parameter in deep.named_parameters():
        owner, attribute = name.rsplit(".", 1)
        assert vars(modules[owner])[attribute] is parameter


def test_modules_that_contain_one_another_are_found_once():
    class Knot(nn.Module):
        def __init__(self, other=None):
            self.other, self.me = other, self

    one = Knot()
    one.other = Knot(one)
    assert [name for name, _ in one.named_modules()] == ["", "other"]


def test_modules_that_are_dataclasses_and_equal_are_told_apart():
    @dataclasses.dataclass
    class Layer(nn.Module):  # its `==` compares Tensors, and it has no hash
        W: tg.Tensor
        inner: nn.Module | None = None

    one = Layer(tg.parameter(np.ones(2)), Layer(tg.parameter(np.ones(2)), Layer(tg.parameter(np.ones(2)))))
    assert [name for name, _ in one.named_modules()] == ["", "inner", "inner.inner"]
    assert [name for name, _ in one.named_parameters()] == ["W", "inner.W", "inner.inner.W"]


def test_lists_and_dicts_that_contain_themselves_are_searched_once():
    module = nn.Sequential()
    module.parts = [net(), {"w": tg.parameter(1.0)}]
    module.parts[1]["all"] = module.parts
    module.parts.append(module.parts)
    assert [name for name, _ in module.named_modules()] == ["", "parts.0", "parts.0.layers.0", "parts.0.layers.2"]
    assert [name for name, _ in module.named_parameters()][-2:] == ["parts.0.layers.2.b", "parts.1.w"]


def test_many_nested_modules_are_found_without_recursion():
    deep = nn.Sequential(np.tanh)
    for _ in range(3_000):
        outer = object.__new__(nn.Sequential)  # whose own __init__ recurses to name layers
        outer.layers = [deep]
        deep = outer
    assert sum(1 for _ in deep.named_modules()) == 3_001


def test_ctrl_c_at_any_line_of_a_switch_leaves_all_modules_in_one_mode():
    def block():
        with module.train():
            pass

    line, interrupted = 0, True
    while interrupted:
        module = net()
        module.eval()
        interrupted = interrupted_at(line := line + 1, block, nn.module.__file__)
        assert len({part.training for _, part in module.named_modules()}) == 1, line
    assert line > 10


def test_a_frozen_dataclass_has_modes_too():
    @dataclasses.dataclass(frozen=True)
    class Layer(nn.Module):
        W: tg.Tensor

    layer = Layer(tg.parameter(1.0))
    with layer.eval():
        assert not layer.training
    assert layer.training
