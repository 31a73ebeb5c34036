"""Methods that Tensors lack: the error names the function to call instead."""

import pytest

import tinygrad_dl as tg


def test_a_missing_method_names_the_function():
    x = tg.Tensor(1.0)
    with pytest.raises(AttributeError, match=r"Tensor has no trace: try np\.trace\(x\), or x\.numpy\(\)\.trace"):
        x.trace()
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = x.nonsense
