"""Records of Module calls on the Tensors that they return: pictures frame nodes by them."""

import dataclasses
import pickle

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import nn


class Recorder(nn.Module):
    """Calls `body` with its arguments."""

    def __init__(self, body):
        self.body = body

    def __call__(self, *args, **kwargs):
        return self.body(*args, **kwargs)


def test_the_output_of_a_call_records_the_call_its_module_and_its_arguments():
    x, y = tg.parameter(np.ones(3)), np.ones(3)
    module = Recorder(lambda x, y, z: x * y)
    answer = module(x, y, z="text")
    ((began, ended, called, given),) = answer._calls
    assert called is module
    assert began < ended
    assert [part is other for part, other in zip(given, (x, y, "text"), strict=True)] == [True] * 3


@pytest.mark.parametrize(
    "pack", [lambda a, b: (a, b), lambda a, b: [a, (b, 3)], lambda a, b: {"a": a, "b": {"c": [b]}, "n": None}]
)
def test_each_tensor_in_an_output_has_the_same_record(pack):
    x = tg.parameter(np.ones(3))
    a, b = x * 1, x * 2
    Recorder(lambda: pack(a, b))()
    assert a._calls == b._calls
    assert len(a._calls) == 1


def test_nested_calls_are_recorded_from_inside_to_outside_with_nested_times():
    inner = Recorder(np.tanh)
    outer = Recorder(inner)
    one, two = (outer(tg.parameter(1.0))._calls for _ in range(2))
    for (began_inside, ended_inside, module, _), (began, ended, around, _) in (one, two):
        assert began < began_inside < ended_inside < ended
        assert (module, around) == (inner, outer)
    assert one[1][1] < two[1][0]


def test_outputs_other_than_computed_tensors_are_returned_unchanged():
    leaf, constant = tg.parameter(1.0), tg.Tensor(1.0)
    for answer in (leaf, constant, 3.0, None, "text", np.ones(2), [leaf, None]):
        assert Recorder(lambda a=answer: a)() is answer
    with tg.no_grad():
        assert not Recorder(np.tanh)(leaf).requires_grad


def test_a_subclass_that_calls_its_base_has_two_calls_of_one_module():
    class Base(nn.Module):
        def __call__(self, A):
            return np.tanh(A)

    class Derived(Base):
        """Docs."""

        def __call__(self, A):
            """Double the output of the base."""
            return super().__call__(A) * 2

    module = Derived()
    answer = module(tg.parameter(1.0))
    ((began, ended, outer, _),) = answer._calls
    ((began_inside, ended_inside, inner, _),) = answer._parents[0]._calls
    assert outer is inner is module
    assert began < began_inside < ended_inside < ended
    assert Derived.__call__.__doc__ == "Double the output of the base."
    assert pickle.loads(pickle.dumps(Recorder)) is Recorder


@pytest.mark.parametrize("slots", [False, True])
def test_a_dataclass_records_each_call_once(slots):
    @dataclasses.dataclass(slots=slots)  # which with slots makes a second class of the first
    class Layer(nn.Module):
        text: str = ""

        def __call__(self, A):
            return np.tanh(A)

    assert len(Layer()(tg.parameter(1.0))._calls) == 1


def test_a_call_attribute_that_is_not_a_function_of_self_works_as_in_any_class():
    class Ufunc(nn.Module):
        __call__ = np.tanh

    class Static(nn.Module):
        __call__ = staticmethod(np.tanh)

    class Later(nn.Module):
        pass

    Later.__call__ = lambda self, A: np.tanh(A)
    for kind in (Ufunc, Static, Later):
        answer = kind()(tg.parameter(1.0))
        assert answer.item() == np.tanh(1.0)
        assert answer._calls is None


def test_an_output_that_contains_itself_is_recorded():
    def body(x):
        loop = {"y": np.tanh(x), "more": [np.exp(x)]}
        loop["more"].append(loop)
        return loop

    module = Recorder(body)
    answer = module(tg.parameter(1.0))
    assert answer["y"]._calls == answer["more"][0]._calls
    assert answer["y"]._calls[0][2] is module


def test_an_output_may_be_nested_deeply():
    deep = tensor = np.tanh(tg.parameter(1.0))
    for _ in range(10_000):
        deep = [deep]
    assert Recorder(lambda: deep)() is deep
    assert len(tensor._calls) == 1


def test_keywords_of_a_class_are_for_its_other_bases():
    class Tagged:
        def __init_subclass__(cls, tag=None, **kwargs):
            super().__init_subclass__(**kwargs)
            cls.tag = tag

    class Layer(nn.Module, Tagged, tag="mine"):
        pass

    assert Layer.tag == "mine"
    with pytest.raises(TypeError, match="keyword"):
        type("Wrong", (nn.Module,), {}, tag="nobody's")


def test_an_error_in_a_call_is_its_own():
    with pytest.raises(ZeroDivisionError):
        Recorder(lambda: 1 / 0)()
