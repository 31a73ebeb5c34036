"""Speed, as ratios to hand-written NumPy within one run: `python -m tests.benchmarks`. Never part of the tests."""
