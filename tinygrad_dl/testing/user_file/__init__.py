"""A learner's file, for the command line: how it is loaded, what there is to check in it, and with which inputs.

Nothing here knows calculus: `check_pair`, `check_gradients` and `check_backprop` are given what they need.
"""
