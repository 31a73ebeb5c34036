"""What the benchmark says of given times, and that what it times is right; no time is taken here."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from tests.benchmarks import __main__ as command
from tests.benchmarks import report
from tests.benchmarks.measuring import BASELINE, COMPILED, KEPT_BUFFERS, OURS, Row, Setting
from tests.benchmarks.systems import by_hand, compiled, kept_buffers, ours
from tests.benchmarks.workloads import WORKLOADS, Bar, Chain, Net, Workload
from tinygrad_dl.testing import formulas

QUICK = {w.problem: w for w in WORKLOADS if w.problem.kind != "package" and w.operations <= 1_000}
NETS = [problem for problem in QUICK if problem.kind == "net" and problem.output == "sigmoid"]


def results(system, problem):
    """What one computation gives, as arrays."""
    found = getattr(system, problem.kind)(problem)()
    return [np.asarray(part.numpy() if hasattr(part, "numpy") else part) for part in map(listed, found)]


def listed(part):
    return [p.numpy() if hasattr(p, "numpy") else p for p in part] if isinstance(part, list) else part


@pytest.mark.parametrize("system", [ours, compiled, kept_buffers], ids=["ours", "compiled", "kept buffers"])
@pytest.mark.parametrize("problem", QUICK, ids=[workload.name for workload in QUICK.values()])
def test_what_is_timed_gives_the_same_loss_and_gradients_as_by_hand(problem, system):
    if not hasattr(system, problem.kind):
        pytest.skip("it has no such thing")
    for expected, found in zip(results(by_hand, problem), results(system, problem), strict=True):
        tolerance = 1e-5 if expected.dtype == np.float32 else 1e-10
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.max(np.abs(expected)))


@pytest.mark.parametrize("problem", NETS, ids=[QUICK[problem].name for problem in NETS])
def test_by_hand_is_what_the_course_derives(problem):
    X, Y, arrays = problem.arrays()
    names = [f"{letter}{layer}" for layer in range(1, len(problem.sizes)) for letter in "Wb"]
    activations = [problem.hidden] * (len(problem.sizes) - 2) + ["sigmoid"]
    A, caches = formulas.deep_forward(X, dict(zip(names, arrays, strict=True)), activations)
    expected = formulas.deep_backward(formulas.cost_backward(A, Y), caches)
    cost, *gradients = results(by_hand, problem)
    assert math.isclose(cost, formulas.cost(A, Y), rel_tol=1e-12)
    for name, gradient in zip(names, gradients, strict=True):
        np.testing.assert_allclose(gradient, expected[f"d{name}"], rtol=1e-8, atol=1e-14)


# ---- what is said of times

PLAIN = Workload("A", "a step", Net((2, 1), 3), (Bar(1.5), Bar(0.7, memory_kept=True), Bar(2, True, by_hand_too=True)))
HAND, MINE = Row(BASELINE, [1e-5, 2e-5, 4e-5]), Row(Setting(OURS), [2e-5, 2e-5, 4.4e-5])
ROWS = [
    *(HAND, Row(Setting(KEPT_BUFFERS), [1e-5] * 3), MINE),
    Row(Setting("torch"), [], "ValueError: gives something else"),
    Row(Setting(BASELINE.system, memory_kept=True), [0.5e-5, 1e-5, 2e-5]),
    Row(Setting(OURS, memory_kept=True), [0.8e-5, 1.6e-5, 3.2e-5]),
]


def test_ratios_are_taken_within_rounds():
    assert math.isclose(MINE.ratio(HAND), 1.1)  # of 2, 1 and 1.1; of the medians it would be 1
    assert math.isclose(MINE.spread, (3.2e-5 - 2e-5) / 2 / 2e-5)


def test_each_bar_is_about_its_own_rows_and_says_whether_it_holds():
    assert [report.said(bar, ROWS).split(":")[0] for bar in PLAIN.bars] == ["holds", "MISSED", "holds"]
    assert [round(report.reached(bar, ROWS), 6) for bar in PLAIN.bars] == [1.1, 0.8, 1.6]
    assert "not measured" in report.said(Bar(1.0, memory_kept=True), ROWS[:3])
    assert report.said(Bar(1e-6, above=True), ROWS).startswith("holds")  # of the medians: seconds above NumPy


def test_a_bar_beside_a_peer_is_in_ratio_to_it():
    rows = [*ROWS[:3], Row(Setting("torch"), [1e-5, 1e-5, 1e-5])]
    bar = Bar(2.5, beside="torch")
    assert report.reached(bar, rows) == 2
    assert report.said(bar, rows) == "holds: tinygrad_dl 2.00, of torch; at most 2.5"
    assert report.said(bar, ROWS) == "bar 2.5: not measured, of torch"


def test_the_text_has_each_row_and_why_one_has_no_times():
    text = report.text(PLAIN, ROWS)
    assert "ValueError: gives something else" in text
    assert len(text.splitlines()) == 1 + len(ROWS) + len(PLAIN.bars)


def test_the_tables_are_of_one_thread_with_a_gap_where_nothing_was_measured():
    plain, tuned = report.markdown({PLAIN: [*ROWS, Row(Setting(OURS, threads=2), [9.0] * 3)]}).split("\n\n")
    assert plain.splitlines()[0] == "| | NumPy by hand | kept buffers | tinygrad_dl | target | torch |"
    assert plain.splitlines()[2] == "| a step | 20 µs | 0.50 | 1.10 | 1.50 | |"
    assert tuned.splitlines()[2] == "| a step | 20 µs | 0.50 | 0.80 | 1.60 |"


def test_compiled_steps_have_a_table_with_their_own_targets():
    threads = Workload("T", "in 2 threads", Net((2, 1), 3, threads=2), (Bar(0.28, compiled=True),))
    both = Workload("A", "a step", Net((2, 1), 3), (Bar(1.5), Bar(0.8, compiled=True)))
    fast = Row(Setting(COMPILED), [0.5e-5, 1e-5, 2e-5])
    plain, compiled = report.markdown({both: [HAND, MINE, fast], threads: [HAND, fast]}).split("\n\n")
    assert plain.splitlines()[0] == "| | NumPy by hand | tinygrad_dl | target |"
    assert plain.splitlines()[2:] == ["| a step | 20 µs | 1.10 | 1.50 |"]
    assert compiled.splitlines()[0] == "| | NumPy by hand | tg.compile | target |"
    assert compiled.splitlines()[2:] == ["| a step | 20 µs | 0.50 | 0.80 |", "| in 2 threads | 20 µs | 0.50 | 0.28 |"]


@pytest.mark.parametrize(
    ("value", "peak", "text"),
    [(3.14159e-5, False, "31.4 µs"), (0.0123, False, "12.3 ms"), (4.5, False, "4.5 s"), (3.2e6, True, "3.2 MB")],
)
def test_amounts_are_in_units_that_suit_them(value, peak, text):
    assert report.amount(value, Workload("", "", Chain(1), peak=peak)) == text


def test_json_has_every_round_and_what_it_was_measured_on(tmp_path):
    path = tmp_path / "speed.json"
    report.write_json(path, {PLAIN: ROWS})
    written = json.loads(path.read_text(encoding="utf-8"))
    assert [row["rounds"] for row in written["rows"]] == [row.rounds for row in ROWS]
    assert written["machine"]["versions"]["numpy"] == np.__version__


def test_the_picture_has_a_line_for_each_workload_that_was_timed(tmp_path):
    path = tmp_path / "speed.svg"
    report.plot(path, {PLAIN: ROWS, Workload("m", "memory", PLAIN.problem, peak=True): ROWS})
    assert path.stat().st_size > 5_000


@pytest.mark.parametrize("arguments", [["Z"], ["A", "--peers", "tensorflow"]])
def test_what_is_unknown_is_refused_with_what_is_known(arguments, capsys):
    with pytest.raises(SystemExit):
        command.main(arguments)
    said = capsys.readouterr().err
    assert "chain-100" in said if arguments == ["Z"] else "torch,jax,autograd,mygrad" in said


@pytest.mark.parametrize(("name", "most"), [("B", 0.28), ("C", 0.22)])
def test_steps_in_two_threads_are_measured_beside_hand_on_one_in_turns_above_half_a_second(name, most):
    named = {workload.name: workload for workload in WORKLOADS}
    alone, split = named[name], named[f"{name}-threads"]
    assert split.problem == replace(alone.problem, threads=2)
    assert command.settings(split, ["torch"], [1, 2]) == [BASELINE, Setting(COMPILED)]
    assert split.bars == (Bar(most, compiled=True),)
    assert split.turn > 0.5 > alone.turn
    assert "in_threads" in split_source(split.problem)
    assert "in_threads" not in split_source(alone.problem)


def split_source(problem):
    """What runs for a step of the benchmark."""
    step = compiled.net(problem)
    step()
    return step.source(buffers=True)


def test_peers_take_part_where_they_are_asked_for_and_memory_is_counted_of_numpy_alone():
    named = {workload.name: workload for workload in WORKLOADS}
    of_b = command.settings(named["B"], ["torch"], [1, 2])
    assert of_b[0] == BASELINE
    assert {s.system for s in of_b} == {BASELINE.system, KEPT_BUFFERS, OURS, COMPILED, "torch"}
    assert [s for s in of_b if s.memory_kept] == [Setting(s, memory_kept=True) for s in (BASELINE.system, OURS)]
    assert {s.system for s in command.settings(named["memory-D"], ["torch"], [1, 2])} == {BASELINE.system, OURS}
