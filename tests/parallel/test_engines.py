"""Engines: the same bits in this process, in threads, in processes and on Dask, also if a worker is killed."""

import multiprocessing
import os
import pickle
import resource
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.parallel import ShardError, value_and_grad

SIZES = [7, 0, 30, 1, 12, 5, 40, 3, 9, 22, 17, 4]  # ragged, one empty, and more than one task adds


def read(k):
    rng = np.random.default_rng(k)
    X = rng.normal(size=(3, SIZES[k % len(SIZES)]))
    return X, (X[:1] * X[1:2] > 0).astype(float)


class Net(tg.nn.Module):
    """With all that a copy on a worker could get wrong: random masks, running averages, a frozen parameter."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.first, self.second = tg.nn.Dense(3, 8, rng=rng, dtype=np.float32), tg.nn.Dense(8, 1, rng=rng)
        self.norm, self.dropout = tg.nn.BatchNorm(8), tg.nn.Dropout(0.3, rng=rng)
        self.second.b.requires_grad = False

    def __call__(self, X):
        A = self.dropout(np.tanh(self.first(X)))
        return tg.nn.sigmoid(self.second(self.norm(A) if X.shape[1] > 1 else A))


def train(engine=None, epochs=3, shards=range(12), read=read, **settings):
    """The bits of a short training: of the parameters, running averages, losses and metrics."""
    net = Net()
    history = tg.fit(
        net,
        data=shards,
        read=read,
        engine=engine,
        loss=tg.nn.binary_cross_entropy,
        optimizer=tg.optim.Adam(net.parameters(), learning_rate=0.05),
        epochs=epochs,
        metrics={"accuracy": tg.nn.accuracy},
        progress=False,
        **settings,
    )
    return {name: values.tobytes() for name, values in net.state_dict().items()} | {"history": dict(history)}


def processes():
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


def test_threads_give_the_same_bits():
    with ThreadPoolExecutor(3) as threads:
        assert train(threads) == train()
        assert train(threads, batch_size=5, rng=np.random.default_rng(1)) == train(
            batch_size=5, rng=np.random.default_rng(1)
        )


@pytest.mark.deep
def test_processes_give_the_same_bits_and_shards_of_arrays_too():
    with processes() as workers:
        assert train(workers) == train()
        shards = [read(k) for k in range(12)]
        assert train(workers, shards=shards, read=None) == train()
        with pytest.raises(ShardError, match=r"^shard 1, 'no.npy': FileNotFoundError 3 times"):
            value_and_grad(tg.nn.binary_cross_entropy, ["yes.npy", "no.npy"], read_file, workers)(Net())


def read_file(path):
    if path == "no.npy":
        raise FileNotFoundError(path)
    return read(0)


def test_an_object_that_is_no_engine_is_refused():
    for engine in (ThreadPoolExecutor, "dask", object()):
        with pytest.raises(TypeError, match=r"expected engine=None, a concurrent\.futures\.Executor"):
            train(engine)


def test_a_function_that_cannot_be_sent_is_refused_with_advice():
    lock = time.perf_counter  # a function of a module may go
    with ThreadPoolExecutor(1) as threads, pytest.raises(TypeError, match="can't be sent to other processes"):
        value_and_grad(tg.nn.mean_squared_error, [0], (lambda k, g=(i for i in ()), f=lock: read(k)), threads)


# ---- Dask


@pytest.fixture(scope="module")
def distributed():
    return pytest.importorskip("distributed", reason="the extra `parallel` (dask, distributed) is not installed")


@pytest.fixture
def cluster(distributed):
    """Start a cluster of n workers, each a process; give its client."""
    opened = []

    def start(n, **settings):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of ports and of pickles, which are Dask's own
            workers = distributed.LocalCluster(n_workers=n, threads_per_worker=1, dashboard_address=":0", **settings)
            opened.append(workers)
            opened.append(client := distributed.Client(workers))
        return client

    yield start
    for part in reversed(opened):
        part.close()


@pytest.mark.deep
@pytest.mark.parametrize("n", [1, 2, 3])
def test_any_number_of_workers_gives_the_same_bits(cluster, n):
    client = cluster(n)
    assert train(client) == train()
    assert train(client, shards=[read(k) for k in range(12)], read=None) == train()


@pytest.mark.deep
@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("by_name", [True, False])
def test_a_worker_that_is_killed_costs_time_and_never_a_sample(cluster, n, by_name, tmp_path):
    client = cluster(n)
    killed = []

    def kill(state):
        if state.epoch == 2:
            killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    settings = {} if by_name else {"shards": [read(k) for k in range(12)], "read": None}
    assert train(client, epochs=4, callbacks=[kill], **settings) == train(epochs=4)
    assert killed
    assert killed[0] not in client.run(os.getpid).values()


@pytest.mark.deep
def test_a_worker_that_dies_within_a_shard_costs_time_and_never_a_sample(cluster, tmp_path):
    def dies_once(k, mark=tmp_path / "died"):
        if k == 5 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return read(k)

    assert train(cluster(2), read=dies_once) == train()
    assert (tmp_path / "died").exists()


@pytest.mark.deep
def test_an_error_in_a_shard_reaches_the_client_after_retries(cluster, tmp_path):
    def fails(k, folder=tmp_path):
        if k == 5:
            with open(folder / "calls", "a") as file:
                file.write("x")
            raise OSError("the disk is busy")
        return read(k)

    net = Net()
    before = net.state_dict()
    with pytest.raises(ShardError, match=r"^shard 5, 5: OSError 4 times: the disk is busy"):
        value_and_grad(tg.nn.binary_cross_entropy, range(12), fails, cluster(2), retries=3)(net)
    assert (tmp_path / "calls").read_text() == "xxxx"
    assert all(np.array_equal(before[name], values) for name, values in net.state_dict().items())


@pytest.mark.deep
def test_a_task_carries_neither_data_nor_parameters(cluster):
    client = cluster(1)
    large = np.zeros(1_000_000)
    sent, submit = [], client.map

    def recorded(function, *arguments, **settings):
        plain = [a for argument in arguments for a in argument if type(a).__name__ != "Future"]
        sent.append(sum(len(pickle.dumps(value)) for value in plain))
        return submit(function, *arguments, **settings)

    client.map = recorded
    train(client, read=lambda k: (large[:0], read(k))[1])
    assert len(sent) == 3
    assert max(sent) < 500


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.deep
def test_a_worker_holds_one_shard_at_a_time(cluster):
    def read_large(k):
        return np.full((1000, 2_000), float(k)), np.zeros((1, 2_000))  # 16 MB

    client, net = cluster(1), tg.nn.mlp([1000, 1], rng=np.random.default_rng(0))
    value_and_grad(tg.nn.mean_squared_error, [0], read_large, client)(net)
    [before] = client.run(peak).values()
    value_and_grad(tg.nn.mean_squared_error, range(20), read_large, client)(net)
    [after] = client.run(peak).values()
    assert after - before < 5 * 16e6  # of 320


@pytest.mark.deep
def test_workers_with_another_version_are_refused(cluster):
    client = cluster(2)

    def other_version():
        tg.__version__ = "0.0.1"

    client.run(other_version)
    with pytest.raises(RuntimeError, match=r"worker tcp://.* needs tinygrad_dl .* and numpy .*; it has: 0\.0\.1"):
        train(client)


SCRIPT = """
import sys, os, signal
from tests.parallel.test_engines import train
from distributed import Client, LocalCluster

def kill(state):
    if state.epoch == 3 and sys.argv[2] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as workers, Client(workers) as client:
        print(sorted(train(client, epochs=5, resume=sys.argv[1], callbacks=[kill]).items()))
"""


@pytest.mark.deep
def test_training_whose_client_is_killed_goes_on_to_the_same_bits(distributed, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)

    def run(how):
        command = [sys.executable, script, tmp_path / "run.npz", how]
        root = str(Path(__file__).parents[2])
        return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": root})

    assert run("killed").returncode == -signal.SIGKILL
    resumed = run("resumed")
    assert resumed.stdout == f"{sorted(train(epochs=5).items())}\n", resumed.stderr
