"""A learner's file, for the command line: how it is loaded, what there is to check in it, and with which inputs.

The calculus is in `check_pair`, `check_gradients` and `check_backprop`.
"""
