#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The crew under limits for real: crew_watch in control groups of its own (version 1, cpu controller; needs their folder
to be writable) and on fewer CPUs, with what the system says of throttling."""
import argparse
import os
import pathlib
import subprocess
import sys
import time

PERIOD_US = 100_000
WHOLE_THROTTLED = 0.05  # of the periods, at whole cores
FOLLOWS_MS = 1000       # a changed limit


def cpu_controller():
    """The folder of version 1's cpu controller; None: there is none, or it is not ours to write."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        before, after = line.split(" - ")
        kind, _, options = after.split(" ")[:3]
        folder = pathlib.Path(before.split(" ")[4])
        if kind == "cgroup" and "cpu" in options.split(",") and os.access(folder, os.W_OK):
            return folder
    return None


class Group:
    def __init__(self, controller):
        self.folder = controller / f"heddle-limits-{os.getpid()}"

    def __enter__(self):
        self.folder.mkdir()
        (self.folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        return self

    def __exit__(self, *_):
        self.folder.rmdir()

    def limit(self, cores):
        (self.folder / "cpu.cfs_quota_us").write_text(str(-1 if cores is None else round(cores * PERIOD_US)))

    def enter(self):
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def stat(self):
        lines = (self.folder / "cpu.stat").read_text().splitlines()
        return {name: int(number) for name, number in (line.split() for line in lines)}


def start(program, seconds, callers, before_exec):
    command = [program, "limits", "--seconds", str(seconds), "--callers", str(callers)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=before_exec)


def read(process):
    """name -> value; 'budget' -> [(ms, cores)]."""
    seen = {"budget": []}
    for line in process.stdout:
        name, *values = line.split()
        if name == "budget":
            seen["budget"].append((float(values[0]), int(values[1])))
        else:
            seen[name] = float(values[0])
    if process.wait() != 0:
        sys.exit(f"limits: {process.args[0]} ended with status {process.returncode}")
    return seen


def row(name, callers, seen, throttled, verdict=""):
    budget = "/".join(str(cores) for _, cores in seen["budget"])
    print(f"{name:<22} {callers:>7} {budget:>7} {seen['calls_per_second']:>8.0f} {seen['p50_ms']:>8.2f}"
          f" {seen['p99_ms']:>8.2f} {throttled:>10} {verdict}", flush=True)


def measure_quota(program, controller, cores, callers, seconds):
    """True: as it should be."""
    with Group(controller) as group:
        group.limit(cores)
        before = group.stat()
        seen = read(start(program, seconds, callers, group.enter))
        after = group.stat()
    periods, throttled = (after[name] - before[name] for name in ("nr_periods", "nr_throttled"))
    share = throttled / periods if periods else 0
    whole = cores == int(cores)
    fine = not whole or share < WHOLE_THROTTLED
    verdict = ("" if not whole else "passed" if fine else f"failed: above {100 * WHOLE_THROTTLED:.0f} %")
    row(f"quota of {cores} cores", callers, seen, f"{throttled}/{periods}", verdict)
    return fine


def measure_change(program, controller, cpus, seconds):
    """No quota, then one core, then none again, in place."""
    with Group(controller) as group:
        group.limit(None)
        process = start(program, seconds, 2, group.enter)
        changes = []
        for part, (cores, budget) in enumerate([(1, 1), (None, cpus)]):
            time.sleep(seconds / 3 if part else seconds / 3 + 0.5)  # it measures its core first
            group.limit(cores)
            changes.append((time.monotonic_ns() / 1e6, budget))
        seen = read(process)
    fine = True
    for at, budget in changes:
        after = [ms - at for ms, cores in seen["budget"] if cores == budget and ms >= at]
        followed = bool(after) and after[0] <= FOLLOWS_MS
        fine &= followed
        took = f"after {after[0]:.0f} ms" if after else "never"
        print(f"a limit changed in place: the budget is {budget} {took}: {'passed' if followed else 'failed'}", flush=True)
    return fine


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", help="crew_watch")
    parser.add_argument("--seconds", type=float, default=10, help="of a row")
    given = parser.parse_args()
    cpus = sorted(os.sched_getaffinity(0))
    print(f"{len(cpus)} CPUs\n{'limit':<22} {'callers':>7} {'budget':>7} {'calls/s':>8} {'p50 ms':>8} {'p99 ms':>8}"
          f" {'throttled':>10}")
    for count in {1, len(cpus)}:
        chosen = cpus[:count]
        seen = read(start(given.program, given.seconds, 2, lambda: os.sched_setaffinity(0, chosen)))
        row(f"{count} of {len(cpus)} CPUs", 2, seen, "")
    controller = cpu_controller()
    if controller is None:
        print("no writable cpu controller of version 1: quotas are skipped")
        return
    fine = True
    for cores in (cores for cores in (0.5, 1, 1.5, 2) if cores <= len(cpus)):
        for callers in (1, 2):
            fine &= measure_quota(given.program, controller, cores, callers, given.seconds)
    fine &= measure_change(given.program, controller, len(cpus), given.seconds)
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
