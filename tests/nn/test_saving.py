"""Saved nets: hostile and damaged archives, and Ctrl-C at any line of saving and loading."""

import io
import os
import pickle
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import nn


def net(seed=0):
    return nn.mlp([2, 3, 1], rng=np.random.default_rng(seed))


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def entries(state=None):
    return [(f"{name}.npy", npy(values)) for name, values in (state or net(1).state_dict()).items()]


def write(path, entries, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)


def assert_unchanged_by(path, message):
    module = net()
    before = module.state_dict()
    with pytest.raises(ValueError, match=message):
        module.load(path)
    for name, values in before.items():
        assert np.array_equal(module.state_dict()[name], values)


def header(text):
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + b"\n"


# ---- names


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("name", "difference"),
    [
        ("layers.0.W.npy", r"twice \['layers\.0\.W'\]"),
        ("layers.0.W", r"unknown \['layers\.0\.W \(no \.npy\)'\]"),
        ("layers.0.W.npy\0", "unknown"),
        ("../../layers.0.W.npy", "unknown"),
        ("/layers.0.W.npy", "unknown"),
        ("x.npy", r"unknown \['x'\]"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_an_archive_with_one_more_entry_is_refused(tmp_path, name, difference, first):
    more = [(name, npy(np.full((3, 2), 7.0)))]
    with zipfile.ZipFile(tmp_path / "net", "w") as archive:
        for name, content in more + entries() if first else entries() + more:
            info = zipfile.ZipInfo(name)
            info.filename = name  # with its NUL
            archive.writestr(info, content)
    assert_unchanged_by(tmp_path / "net", difference)


def test_a_message_stays_short_however_many_names_there_are(tmp_path):
    write(tmp_path / "net", [(f"a{i}.npy", b"") for i in range(300)])
    with pytest.raises(ValueError, match=r"'a101'\] and 295 more") as error:
        net().load(tmp_path / "net")
    assert len(str(error.value)) < 500


def test_a_name_that_an_archive_can_not_hold_is_refused_before_anything_is_written(tmp_path):
    class Table(nn.Module):
        def __init__(self):
            self.table = {"a\0b": tg.parameter(1.0)}

    with pytest.raises(ValueError, match=r"a parameter named 'table\.a\\x00b' can't be saved"):
        Table().save(tmp_path / "net")
    assert os.listdir(tmp_path) == []


# ---- contents


HEADERS = {
    "a million millions": "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }",
    "none, of many": "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 1000000000000000000), }",
    "too large for an index": f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({'9' * 5000},), }}",
    "negative": "{'descr': '<f8', 'fortran_order': False, 'shape': (-3, 2), }",
    "nested": f"{{'descr': '<f8', 'fortran_order': False, 'shape': {'(' * 3000}{')' * 3000}, }}",
    "a sum to compute": "9**9**9",
    "objects": "{'descr': '|O', 'fortran_order': False, 'shape': (3, 2), }",
    "fields": "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (3, 2), }",
    "no such type": "{'descr': '<f7', 'fortran_order': False, 'shape': (3, 2), }",
    "other names": "{'descr': '<f8', 'order': False, 'shape': (3, 2), }",
}


@pytest.mark.few_values
@pytest.mark.parametrize("name", HEADERS)
def test_a_hostile_header_is_refused_unread(tmp_path, name):
    write(tmp_path / "net", [("layers.0.W.npy", header(HEADERS[name]) + bytes(48)), *entries()[1:]])
    assert_unchanged_by(tmp_path / "net", r"layers\.0\.W: ")


@pytest.mark.parametrize("claimed", [(1_000_000,), (3, 2)])
def test_what_inflates_to_more_than_the_net_holds_takes_no_memory(tmp_path, claimed):
    bomb = header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': {claimed}, }}") + bytes(8_000_000)
    write(tmp_path / "net", [("layers.0.W.npy", bomb), *entries()[1:]], zipfile.ZIP_DEFLATED)
    tracemalloc.start()
    assert_unchanged_by(tmp_path / "net", r"layers\.0\.W: expected the shape \(3, 2\), got 8,000,")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_may_inflate_without_bound_is_refused(tmp_path, method):
    write(tmp_path / "net", entries(), method)
    assert_unchanged_by(tmp_path / "net", "expected an entry that is stored or deflated")


@pytest.mark.parametrize("more", [-8, -1, 1, 8])
def test_an_array_has_the_bytes_of_its_shape(tmp_path, more):
    name, content = entries()[0]
    write(tmp_path / "net", [(name, content[:more] if more < 0 else content + bytes(more)), *entries()[1:]])
    assert_unchanged_by(tmp_path / "net", r"expected the bytes of float64 of shape \(3, 2\)")


def test_a_pickle_is_never_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "run"),)

    content = io.BytesIO()
    np.save(content, np.array([Evil()], object), allow_pickle=True)
    for path, written in (("npz", content.getvalue()), ("npy", None), ("raw", None)):
        if written:
            write(tmp_path / path, [(name, written) for name, _ in entries()])
        else:
            (tmp_path / path).write_bytes(content.getvalue() if path == "npy" else pickle.dumps(Evil()))
        assert_unchanged_by(tmp_path / path, f"{path}' is not a complete .npz archive")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("convert", [np.asfortranarray, lambda x: x.astype(">f8"), lambda x: x.astype(np.longdouble)])
def test_an_archive_of_numpy_of_the_same_values_is_loaded(tmp_path, save, convert):
    state = net(1).state_dict()
    save(tmp_path / "net.npz", **{name: convert(values) for name, values in state.items()})
    module = net()
    module.load(tmp_path / "net.npz")
    for name, values in state.items():
        assert np.array_equal(module.state_dict()[name], values)


def test_parameters_that_are_complex_or_whole_numbers_come_back(tmp_path):
    class Mixed(nn.Module):
        def __init__(self, factor):
            self.z, self.n = tg.parameter(np.array([1 + 2j]) * factor), tg.Tensor(np.array([3], np.int8) * factor)

    Mixed(2).save(tmp_path / "mixed")
    module = Mixed(1)
    module.load(tmp_path / "mixed")
    assert module.z.data == 2 + 4j
    assert module.n.data == 6
    with pytest.raises(ValueError, match="n: expected finite values that int8 can hold"):
        module.load_state_dict({"z": np.ones(1), "n": np.array([300])})
    assert module.z.data == 2 + 4j


@pytest.mark.skipif(os.name != "posix", reason="pipes are those of POSIX")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert_unchanged_by(tmp_path / "pipe", "got a folder, device, pipe or socket")


# ---- states


@pytest.mark.parametrize(
    ("given", "got"),
    [
        (np.ma.array(np.ones((3, 2)), mask=True), "a MaskedArray"),
        ([[1], [1, 2]], "a list"),
        (object(), "a object"),
        (None, "a NoneType"),
    ],
)
def test_values_that_are_no_plain_numbers_are_refused(given, got):
    module = net()
    with pytest.raises(ValueError, match=rf"layers\.0\.W: expected float64 of shape \(3, 2\), got {got}"):
        module.load_state_dict(module.state_dict() | {"layers.0.W": given})


@pytest.mark.parametrize("state", [None, [1], "text", 3])
def test_a_state_is_a_dict(state):
    with pytest.raises(TypeError, match="load_state_dict: expected a dict, as state_dict"):
        net().load_state_dict(state)


def test_the_parameters_of_another_net_are_a_state():
    module, other = net(), net(1)
    module.load_state_dict(dict(other.named_parameters()))
    for name, values in other.state_dict().items():
        assert np.array_equal(module.state_dict()[name], values)
    other.layers[0].W.data = np.zeros((3, 2))
    assert np.any(module.layers[0].W.data)


def test_a_net_that_is_being_differentiated_takes_no_state():
    module = net()

    def loading(module):
        module.load_state_dict(net(1).state_dict())
        return np.sum(module(np.ones((2, 1))))

    with pytest.raises(ValueError, match=r"layers\.0\.W is being differentiated"):
        tg.grad(loading)(module)


# ---- Ctrl-C


class Two(nn.Module):
    def __init__(self, value):
        self.u, self.v = tg.parameter(value), tg.parameter(value)


def interrupted_at(line, call, files):
    """Interrupt `call` at the `line`-th line in `files`; return False if it has fewer lines."""
    left = line

    def trace(frame, event, arg):
        nonlocal left
        if event == "line" and frame.f_code.co_filename.startswith(files):
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


# A trace may raise where no signal is seen: before a `with` ends what it has opened.
at_any_line = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
each_place = pytest.mark.parametrize(("files", "stride"), [(str(Path(tg.__file__).parent), 1), (zipfile.__file__, 23)])


@at_any_line
@each_place
def test_ctrl_c_at_any_line_of_load_leaves_all_old_values_or_all_new(tmp_path, files, stride):
    outcomes, line, module, errors = [], 1, Two(0.0), np.geterr()
    Two(1.0).save(tmp_path / "net")
    while interrupted_at(line, lambda: module.load(tmp_path / "net"), files):
        outcomes.append((module.u.item(), module.v.item()))
        module.load_state_dict(Two(0.0).state_dict())
        line += stride
    assert len(outcomes) > 10
    assert set(outcomes) <= {(0, 0), (1, 1)}
    assert np.geterr() == errors


@at_any_line
@each_place
def test_ctrl_c_at_any_line_of_save_leaves_the_old_file_or_the_new_and_nothing_else(tmp_path, files, stride):
    path, module, contents, line = tmp_path / "net", Two(1.0), [], 1
    Two(0.0).save(path)
    old = path.read_bytes()
    while interrupted_at(line, lambda: module.save(path), files):
        assert os.listdir(tmp_path) == ["net"]
        contents.append(path.read_bytes())
        path.write_bytes(old)
        line += stride
    new = path.read_bytes()
    assert len(contents) > 10
    assert {content == old or zip_of(content) == zip_of(new) for content in contents} == {True}


def zip_of(content):
    """Read the contents of an archive; its bytes contain the time too."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
