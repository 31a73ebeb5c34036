"""What was measured, as text, as Markdown for the README, as JSON and as a picture."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.measuring import BASELINE, COMPILED, OURS, Row, Setting
from tests.benchmarks.systems import SYSTEMS
from tests.benchmarks.workloads import Bar, Workload

Measured = Mapping[Workload, Sequence[Row]]


def amount(value: float, workload: Workload) -> str:
    """Bytes or seconds, in a unit that suits them."""
    if workload.peak:
        return f"{value / 1e6:.3g} MB"
    unit, size = next(((unit, size) for unit, size in (("s", 1), ("ms", 1e-3)) if value >= size), ("µs", 1e-6))
    return f"{value / size:.3g} {unit}" if value < 100 * size else f"{value / size:.0f} {unit}"


# ---- text


def text(workload: Workload, rows: Sequence[Row]) -> str:
    """A table of all rows, with their ratios to NumPy by hand on one thread, and whether ours keeps within the bars."""
    lines = [f"{workload.name}: {workload.what}"]
    for row in rows:
        setting = row.setting
        threads = "1 thread" if setting.threads == 1 else f"{setting.threads} threads"
        name = f"  {setting.system:14} {threads:10} {'memory kept' if setting.memory_kept else '':12}"
        if row.rounds:
            numbers = f"{amount(row.median, workload):>9} ±{row.spread:3.0%}  {row.ratio(rows[0]):8.2f}"
        lines.append(f"{name} {numbers if row.rounds else row.failure}")
    return "\n".join([*lines, *(f"  {said(bar, rows)}" for bar in workload.bars)])


def reached(bar: Bar, rows: Sequence[Row]) -> float | None:
    """What is to be at most `bar.most`; None if it was not measured."""
    by_setting = {row.setting: row for row in rows if row.rounds}
    ours = by_setting.get(Setting(COMPILED if bar.compiled else OURS, memory_kept=bar.memory_kept))
    other = by_setting.get(Setting(bar.beside, memory_kept=bar.by_hand_too))
    if ours is None or other is None:
        return None
    return ours.median - other.median if bar.above else ours.ratio(other)


def said(bar: Bar, rows: Sequence[Row]) -> str:
    """Whether ours keeps within the `bar`, in a line."""
    value = reached(bar, rows)
    what = "above NumPy" if bar.above else f"of {bar.beside}"
    which = f"{', memory kept' if bar.memory_kept else ''}, {what}{', memory kept' if bar.by_hand_too else ''}"
    if value is None:
        return f"bar {bar.most:g}: not measured{which}"
    shown = f"{value * 1e3:.0f} ms" if bar.above else f"{value:.2f}"
    most = f"{bar.most * 1e3:.0f} ms" if bar.above else f"{bar.most:g}"
    system = COMPILED if bar.compiled else OURS
    return f"{'holds' if value <= bar.most else 'MISSED'}: {system} {shown}{which}; at most {most}"


# ---- Markdown


def markdown(measured: Measured) -> str:
    """The guide's tables: on one thread, the time by hand, the ratios to it and targets; compiled; with memory kept."""
    systems = [
        name
        for name in SYSTEMS
        if name != COMPILED and any(Setting(name) == row.setting for rows in measured.values() for row in rows)
    ]
    after = systems.index(OURS) + 1 if OURS in systems else len(systems)
    plain = [["", *systems[:after], "target", *systems[after:]]]
    compiled = [["", BASELINE.system, COMPILED, "target"]]
    tuned = [["with memory kept", "NumPy by hand", "the same, kept", "tinygrad_dl, kept", "of NumPy by hand, kept"]]
    for workload, rows in measured.items():
        cells = {row.setting: row for row in rows if row.rounds}
        what = [workload.what, amount(rows[0].median, workload)]
        ratios = [f"{cells[Setting(s)].ratio(rows[0]):.2f}" if Setting(s) in cells else "" for s in systems[1:]]
        if not workload.compiled_only:
            plain.append([*what, *ratios[: after - 1], _target(workload, compiled=False), *ratios[after - 1 :]])
        if Setting(COMPILED) in cells:
            ratio = f"{cells[Setting(COMPILED)].ratio(rows[0]):.2f}"
            compiled.append([*what, ratio, _target(workload, compiled=True)])
        hand, ours = (cells.get(Setting(name, memory_kept=True)) for name in (BASELINE.system, OURS))
        if hand and ours:
            ratios = [f"{hand.ratio(rows[0]):.2f}", f"{ours.ratio(rows[0]):.2f}", f"{ours.ratio(hand):.2f}"]
            tuned.append([*what, *ratios])
    return "\n\n".join(_table(rows) for rows in (plain, compiled, tuned) if len(rows) > 1)


def _target(workload: Workload, compiled: bool) -> str:
    """The bar for the ratio to NumPy by hand, if there is one."""
    bars = [bar for bar in workload.bars if bar.compiled is compiled and bar == Bar(bar.most, compiled=compiled)]
    return f"{bars[0].most:.2f}" if bars else ""


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = ("".join(f"| {cell} " if cell else "| " for cell in row) + "|" for row in rows)
    return "\n".join([head, "| --- " * len(rows[0]) + "|", *body])


# ---- JSON


def machine() -> dict[str, Any]:
    """What the numbers depend on: the processor, Python, and the versions of all systems that are installed."""
    packages = sorted({system.package for system in SYSTEMS.values()} | {"jaxlib"})
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "blas": _blas(),
        "versions": dict(filter(None, map(_version, packages))),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def _blas() -> str:
    blas = np.show_config("dicts")["Build Dependencies"]["blas"]
    return f"{blas['name']} {blas['version']}"


def _version(package: str) -> tuple[str, str] | None:
    try:
        return package, importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def write_json(path: str, measured: Measured) -> None:
    """All rounds of all rows, in seconds or bytes an operation."""
    rows = [
        {
            "workload": workload.name,
            "what": workload.what,
            **vars(row.setting),
            "unit": "B" if workload.peak else "s",
            "rounds": row.rounds,
            "ratio": row.ratio(rows[0]) if row.rounds else None,
            "failure": row.failure,
        }
        for workload, rows in measured.items()
        for row in rows
    ]
    Path(path).write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1), encoding="utf-8")


# ---- a picture


def plot(path: str, measured: Measured) -> None:
    """The ratios to NumPy by hand on one thread, a line for each workload and a mark for each system."""
    import matplotlib.pyplot as plt

    timed = {w: rows for w, rows in measured.items() if not w.peak and w.problem.kind != "package"}
    figure, ax = plt.subplots(figsize=(9, 1.2 + 0.33 * len(timed)), layout="constrained")
    for system, mark in zip(SYSTEMS, "|xoPs^vD", strict=True):
        points = [
            (row.ratio(rows[0]), -i)
            for i, rows in enumerate(timed.values())
            for row in rows
            if row.setting == Setting(system) and row.rounds
        ]
        if points:
            size, order = (9, 3) if system == OURS else (6, 2)
            ax.plot(*zip(*points, strict=True), mark, markersize=size, zorder=order, label=system)
    ax.set_xscale("log")
    ax.set_yticks(range(0, -len(timed), -1), [workload.what for workload in timed])
    ax.grid(axis="x", which="both", alpha=0.3)
    ax.set_xlabel("time, in ratio to NumPy by hand, one thread")
    ax.legend(loc="upper center", bbox_to_anchor=(0.3, -0.12), ncols=4, frameon=False)
    figure.savefig(path)
    plt.close(figure)
