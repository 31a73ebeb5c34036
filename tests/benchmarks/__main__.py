"""How fast is it? `python -m tests.benchmarks [workload ...] [--peers torch,jax,autograd,mygrad]`.

Each workload is computed by hand-written NumPy, by the same with kept buffers, by tinygrad_dl and by each peer that is
installed; all must give the same loss and gradients before any is timed. `--help` names the workloads.
"""

import argparse
import importlib.util
from collections.abc import Sequence
from functools import partial

from tests.benchmarks import report
from tests.benchmarks.measuring import BASELINE, COMPILED, KEPT_BUFFERS, OURS, Setting, measured
from tests.benchmarks.peers import among
from tests.benchmarks.systems import SYSTEMS
from tests.benchmarks.workloads import WORKLOADS, Workload

PEERS = {name.lower(): name for name in SYSTEMS if name not in (BASELINE.system, KEPT_BUFFERS, OURS, COMPILED)}


def settings(workload: Workload, peers: Sequence[str], threads: Sequence[int]) -> list[Setting]:
    """What takes part in a workload, the baseline first."""
    compiled = [COMPILED] if any(bar.compiled for bar in workload.bars) else []
    systems = [BASELINE.system, KEPT_BUFFERS, OURS, *compiled, *(peers if workload.peers else ())]
    if workload.peak:  # which is counted of what NumPy allocates; and kept buffers allocate nothing
        systems = [system for system in systems if SYSTEMS[system].on_numpy and system != KEPT_BUFFERS]
    if workload.compiled_only:
        systems = [BASELINE.system, COMPILED]
    alone = workload.peak or not workload.peers or workload.compiled_only or workload.problem.kind == "package"
    counts = [1] if alone else dict.fromkeys((1, *threads))
    tuned = [Setting(system, memory_kept=True) for system in (BASELINE.system, OURS) if workload.tunes]
    return [Setting(system, n) for n in counts for system in systems] + tuned


def main(arguments: Sequence[str] | None = None) -> None:
    names = {workload.name: workload for workload in WORKLOADS}
    listed = "".join(f"  {name:14} {workload.what}\n" for name, workload in names.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="How fast is it, beside NumPy by hand and others?",
        epilog=f"workloads:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("workloads", nargs="*", metavar="workload", help="which ones (default: all)")
    parser.add_argument(
        "--peers", type=partial(among, PEERS), default=PEERS, metavar=",".join(PEERS), help="or none (default: all)"
    )
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2], help="how many (default: 1 2)")
    parser.add_argument("--rounds", type=int, default=15, help="in which all systems take turns (default: 15)")
    parser.add_argument("--json", metavar="FILE", help="write every round, the machine and the versions there")
    parser.add_argument("--plot", metavar="FILE", help="draw the ratios there (.png, .svg or .pdf; needs matplotlib)")
    chosen = parser.parse_args(arguments)
    for name in chosen.workloads:
        if name not in names:
            parser.error(f"expected some of {' '.join(names)}; got {name!r}")
    asked = [PEERS[peer] for peer in chosen.peers]
    here = [peer for peer in asked if importlib.util.find_spec(SYSTEMS[peer].package)]

    facts = report.machine()
    print(f"{facts['processor']}, {facts['cores']} cores, {facts['system']}, Python {facts['python']}, {facts['blas']}")
    print(", ".join(f"{package} {version}" for package, version in facts["versions"].items()))
    found = {}
    for workload in [names[name] for name in chosen.workloads] or WORKLOADS:
        found[workload] = measured(workload, settings(workload, here, chosen.threads), chosen.rounds)
        print(f"\n{report.text(workload, found[workload])}", flush=True)
    print(f"\n{report.markdown(found)}")
    if chosen.json:
        report.write_json(chosen.json, found)
    if chosen.plot:
        report.plot(chosen.plot, found)


if __name__ == "__main__":
    main()
