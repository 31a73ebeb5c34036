"""Programs: what NumPy computed, recorded as a flat list of calls, simplified, printed and compiled.

Read `program`, `symbols` and `trace` first. Each pass is a file; `printing` prints Nodes and Programs.
"""
