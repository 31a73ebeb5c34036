"""Losses that others are made of, and penalties."""

import ast

from tinygrad_dl.testing.homework.final_losses import consumed, has_penalty

NAMES = {"loss", "data_loss", "cost", "total_loss"}


def test_a_loss_that_another_is_computed_from_is_not_the_last():
    tree = ast.parse("data_loss = -np.sum(np.log(p))\nloss = data_loss / m + 0.5 * reg * np.sum(W**2)\n")
    assert consumed(tree, NAMES, set()) == {"data_loss"}
    assert has_penalty(tree)


def test_a_function_of_a_loss_returns_the_last_one():
    tree = ast.parse("def cost(A, Y):\n    loss = np.sum((A - Y) ** 2)\n    return loss / len(Y)\n")
    assert consumed(tree, NAMES, set()) == {"loss"}
    assert not has_penalty(tree)


def test_a_running_sum_of_losses_is_none_of_them():
    tree = ast.parse("loss = (a - y) ** 2\ntotal_loss += loss\n")
    assert consumed(tree, NAMES, {"total_loss"}) == set()
