"""The graph as data: its nodes, calls of Modules, the gradients of a backward pass, their health, and their formulas.

Nothing here makes a picture; `drawing` does.
"""
