"""Time every workload against hand-written NumPy, on one thread, and print the ratios."""

import os  # threads are set before NumPy is imported, hence the imports below

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")  # before NumPy is imported

import statistics  # noqa: E402
import time  # noqa: E402

from tests.benchmarks.workloads import Workload, workloads  # noqa: E402

ROUNDS = 21
SECONDS_PER_ROUND = 0.03


def seconds(function, calls):
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def measured(workload: Workload):
    """Median seconds an operation by hand and of ours, and the median ratio; the two take turns within each round."""
    workload.check()
    calls = max(1, round(SECONDS_PER_ROUND / seconds(workload.ours, 3)))
    rounds = [(seconds(workload.hand, calls), seconds(workload.ours, calls)) for _ in range(ROUNDS)]
    by_hand, ours = (statistics.median(column) / workload.operations for column in zip(*rounds, strict=True))
    return by_hand, ours, statistics.median(own / hand for hand, own in rounds)


def main():
    print(f"{'workload':64} {'NumPy by hand':>14} {'tinygrad_dl':>12} {'ratio':>6} {'bar':>6}")
    for workload in workloads():
        by_hand, ours, ratio = measured(workload)
        bar = f"{workload.bar:6.1f}" if workload.bar else ""
        print(f"{workload.name:64} {by_hand * 1e6:11.2f} µs {ours * 1e6:9.2f} µs {ratio:6.2f} {bar}")


if __name__ == "__main__":
    main()
