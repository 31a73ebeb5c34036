"""Train on shards of data with many workers: the same bits as alone, also if a worker is killed in the middle.

Needs the extra `parallel`: pip install "tinygrad-dl[parallel]". Run it as a script.

For a real cluster, start `dask scheduler` on one machine and `dask worker tcp://SCHEDULER:8786 --nthreads 1` on the
others, all with the same versions of Python, NumPy and this package, and give `Client("tcp://SCHEDULER:8786")` to `fit`
in place of the client here. `read` then reads what all workers can reach, such as files on a shared disk or in a store.

When it pays, on paper. In a step each worker fetches the parameters, of P bytes; each shard gives a gradient in
float64, of P bytes too (2 P for float32), and sums of eight are added in a tree; a task costs the scheduler 1 to 3 ms.
With w seconds of work, n workers and a shard for each, a step takes about w / n + tasks · 3 ms + latency + bytes /
bandwidth. For 100 workers, whose 100 shards and 15 sums are 115 tasks, and 1 GB/s in all:

    parameters           bytes, out and back   time of them   tasks    pays from a work a step of
    10,000 (80 kB)       8 MB + 8 MB           0.02 s         0.35 s   0.4 s
    1 million (8 MB)     0.8 GB + 0.8 GB       1.6 s          0.35 s   2 s
    10 million (80 MB)   8 GB + 8 GB           16 s           0.35 s   17 s

Workers pass the parameters on to each other, and add gradients where they are, so that the time is an upper bound.
"""

import os
import signal
import sys

os.environ["OMP_NUM_THREADS"] = "1"  # as in Dask's workers: sums in another number of threads have other last bits

import numpy as np

import tinygrad_dl as tg

SHARDS, SAMPLES, EPOCHS = 24, 2_000, 30


def read(shard: int) -> tuple[np.ndarray, np.ndarray]:
    """Read a shard, on the worker: here it is computed, to be the same on each machine."""
    X = np.random.default_rng(shard).normal(size=(20, SAMPLES))
    return X, (X[:1] * X[1:2] > 0).astype(float)


def train(engine=None, callbacks=()):
    """Train a net on all shards; return it and its history."""
    net = tg.nn.mlp([20, 32, 1], hidden=tg.nn.tanh, output=tg.nn.sigmoid, rng=np.random.default_rng(0))
    history = tg.fit(
        net,
        data=range(SHARDS),
        read=read,
        engine=engine,
        loss=tg.nn.binary_cross_entropy,
        optimizer=tg.optim.Adam(net.parameters(), learning_rate=0.1),
        epochs=EPOCHS,
        callbacks=callbacks,
        progress=False,
    )
    return net, history


def main() -> None:
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        sys.exit('this example needs the extra parallel: pip install "tinygrad-dl[parallel]"')
    alone, expected = train()
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}  # on a free port
    with LocalCluster(**settings) as workers, Client(workers) as client:

        def kill_a_worker(state):
            if state.epoch == EPOCHS // 2:
                os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)

        together, history = train(client, [kill_a_worker])
    print(f"loss {expected.loss[0]:.4f} -> {expected.loss[-1]:.4f} alone, {history.loss[-1]:.4f} on two workers")
    same = all(np.array_equal(a.data, b.data) for a, b in zip(alone.parameters(), together.parameters(), strict=True))
    print(f"one worker was killed in the middle; the same bits as alone: {same}")


if __name__ == "__main__":
    main()
