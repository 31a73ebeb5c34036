"""The graph as data: nodes, calls of Modules, the gradients of a backward pass, their health, and formulas.

Pictures of it are in `drawing/`.
"""
