# SPDX-License-Identifier: Apache-2.0
"""Heddle beside LiteRT on one core: load, first result, memory, latency, as ratios of medians.

usage: peers.py --library build/release/lib/libheddle.so [--rounds 7] [--seconds 1] MODEL...

Each cell is a process of its own, pinned to one core. Every round runs Heddle, LiteRT and Heddle again, in
an order that turns from round to round; the second Heddle is the control: when the two differ by more than
5 % in latency, the machine was too noisy to judge and the table says so.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

METRICS = ("load_ms", "first_result_ms", "memory_mb", "latency_ms")


def measure(engine, model, args):
    worker = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer_worker.py")
    run = subprocess.run([sys.executable, worker, engine, model, str(args.seconds), args.library],
                         capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{engine} {model}: {run.stderr.strip().splitlines()[-1]}")
    return json.loads(run.stdout)


def rounds_of(model, args):
    cells = {"heddle": [], "litert": [], "control": []}
    names = list(cells)
    for r in range(args.rounds):
        for name in names[r % 3:] + names[: r % 3]:
            cells[name].append(measure("litert" if name == "litert" else "heddle", model, args))
        print(f"\r{os.path.basename(model)}: round {r + 1} of {args.rounds}", end="", file=sys.stderr)
    print(file=sys.stderr)
    return cells


def cpu_name():
    with open("/proc/cpuinfo") as f:
        return next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), "unknown")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--library", required=True)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0)
    args = parser.parse_args()
    print(f"CPU: {cpu_name()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; medians of {args.rounds} rounds")
    print(f"{'model':38} {'':8}" + "".join(f"{m:>17}" for m in METRICS))
    for model in args.models:
        cells = rounds_of(model, args)
        median = {name: {m: statistics.median(c[m] for c in runs) for m in METRICS} for name, runs in cells.items()}
        for name in ("heddle", "litert"):
            print(f"{os.path.basename(model)[:38]:38} {name:8}" + "".join(f"{median[name][m]:17.2f}" for m in METRICS))
        ratios = {m: statistics.median(h[m] / max(l[m], 1e-9) for h, l in zip(cells["heddle"], cells["litert"]))
                  for m in METRICS}
        control = statistics.median(h["latency_ms"] / c["latency_ms"] for h, c in zip(cells["heddle"], cells["control"]))
        verdict = "" if abs(control - 1) <= 0.05 else "  too noisy to judge"
        print(f"{'':38} {'ratio':8}" + "".join(f"{ratios[m]:17.2f}" for m in METRICS))
        print(f"{'':38} {'control':8}{control:17.2f} (heddle / heddle, latency){verdict}", flush=True)


main()
