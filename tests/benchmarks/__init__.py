"""Beside others: speed by `python -m tests.benchmarks`, checks by `python -m tests.benchmarks.gradient_checks`."""
