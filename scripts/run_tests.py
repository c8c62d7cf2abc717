#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make test` and `make test-all`: builds the cells, runs the parts, ends with what it counted.

The release build runs in full on the best instruction set. Of every other cell (sanitizers, other instruction sets,
aarch64) `make test` takes a sample that follows from the seed, which is printed; HEDDLE_SEED=N repeats it. --all takes
everything and writes its result into docs/testing.md. HEDDLE_SUITES names the folder with the suites zoo, ops and large;
where there is none they count as skipped.
"""
import argparse
import os
import pathlib
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

import parts
import results
from checks import ROOT


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="the whole matrix, not a sample")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="", help="run only parts whose name contains this")
    options = parser.parse_args()
    options.seed = int(os.environ.get("HEDDLE_SEED") or random.SystemRandom().randrange(10**6))
    os.environ.setdefault("HEDDLE_CACHE", "off")  # nothing in the user's home; tests of the cache name folders of their own
    suites = pathlib.Path(os.environ.get("HEDDLE_SUITES") or ROOT.parent / "shared")
    options.suites = suites if suites.is_dir() else None
    if options.suites:
        os.environ["HEDDLE_SUITES"] = str(suites.resolve())  # for test programs
    return options


def run(part):
    start = time.monotonic()
    try:
        part.counts = part.action(part)
    except Exception as error:  # a part that breaks is a part that failed
        part.say(f"{type(error).__name__}: {error}")
        part.counts = parts.Counts(failed=1)
    part.seconds = time.monotonic() - start
    return part


def show(part):
    mark = "FAIL" if part.counts.failed else "ok"
    print(f"{mark:4} {part.seconds:6.1f} s  {part.name}", flush=True)
    if part.counts.failed:
        lines = [line for line in part.log.read_text(errors="replace").splitlines() if not line.startswith("unsupported ")]
        print("\n".join(f"     | {line}" for line in lines[-60:]))
        print(f"     | (all of it: {part.log.relative_to(ROOT)})", flush=True)


def table(done):
    width = max(len(p.name) for p in done)
    rows = [f"{'part':{width}}  {'seconds':>8} {'passed':>8} {'failed':>8} {'skipped':>8}"]
    rows += [f"{p.name:{width}}  {p.seconds:8.1f} {p.counts.passed:8} {p.counts.failed:8} {p.counts.skipped:8}" for p in done]
    return "\n".join(rows)


def main():
    options = arguments()
    parts.LOGS.mkdir(parents=True, exist_ok=True)
    os.chdir(ROOT)
    start = time.monotonic()
    print(f"seed {options.seed}, {options.jobs} jobs, suites: {options.suites or 'none (set HEDDLE_SUITES)'}", flush=True)

    done = []
    for part in parts.builds(options):  # each uses all cores
        if options.only in part.name or "build release" == part.name:
            done.append(run(part))
            show(part)
    broken = {p.cell for p in done if p.counts.failed}
    with ThreadPoolExecutor(options.jobs) as pool:
        chosen = [p for p in parts.runs(options) if options.only in p.name and p.cell not in broken]
        for future in as_completed([pool.submit(run, p) for p in chosen]):
            show(future.result())
    done += chosen

    total = sum((p.counts for p in done), parts.Counts())
    took = f"seed {options.seed}, {(time.monotonic() - start) / 60:.1f} minutes on {options.jobs} cores"
    result = f"{table(done)}\n\n{parts.isas_run()}\n{took}\n{total}"
    print(f"\n{result}")
    if options.all and not options.only:
        results.write("result", result)
    sys.exit(1 if total.failed else 0)


main()
