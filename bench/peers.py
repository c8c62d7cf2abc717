# SPDX-License-Identifier: Apache-2.0
"""Heddle beside LiteRT and OpenVINO: latency, throughput, memory and cold start, as ratios of paired rounds.

usage: peers.py --library build/release/lib/libheddle.so [--columns one,all,callers] [--rounds 7] [--seconds 0.5] MODEL...

Columns: `one` is one caller on one core, with cold start (open, ready, first run) and memory; `all` is one caller on all
cores; `callers` is a caller for each core, at least two, with the memory of each further one.

Every cell is a process of its own. A round runs Heddle, LiteRT, OpenVINO and Heddle again, in an order that turns from
round to round; the second Heddle is the control. Where it differs from the first by more than 5 % the machine was too
noisy to judge; a peer within the middle half of Heddle over Heddle is level. A model that an engine refuses is said so.
OpenVINO computes in float32. Prints Markdown; --json keeps every number, --plot draws the ratios.
"""
import argparse
import dataclasses
import json
import os
import subprocess
import sys
import time

import isa
import judge
import plot
from peer_engines import ENGINES

HERE = os.path.dirname(os.path.abspath(__file__))
PLOTTED = ("latency_ms", "per_second", "cold_ms", "memory_mb")
ANSWERS_DIFFER = 0.1  # of the range; int8 networks of several engines differ by a few quanta


def measure(name, model, column, args):
    engine = "heddle" if name == "control" else name
    command = [sys.executable, os.path.join(HERE, "peer_worker.py"), engine, model, column, str(args.seconds), args.library]
    run = subprocess.run(command, capture_output=True, text=True, env=isa.environment(args.isa, engine))
    if run.returncode == 0:
        return json.loads(run.stdout.splitlines()[-1])
    last = run.stderr.strip().splitlines()[-1:] or [f"it ended with status {run.returncode}"]
    return {"refused": last[0]}


@dataclasses.dataclass
class Subject:
    path: str
    cells: dict  # column -> engine -> what each round measured
    refused: dict = dataclasses.field(default_factory=dict)  # engine -> why

    @property
    def name(self):
        return os.path.basename(self.path).removesuffix(".tflite")

    def round(self, number, args):
        names = ("heddle", *args.peers, "control")
        turn = number % len(names)
        for column, engines in self.cells.items():
            for name in names[turn:] + names[:turn]:
                if name in self.refused or "heddle" in self.refused:
                    continue
                result = measure(name, self.path, column, args)
                if "refused" in result:
                    self.refused["heddle" if name == "control" else name] = f"{column}: {result['refused']}"
                else:
                    engines[name].append(result)

    def judged(self):
        """metric -> Judged; rounds that a refusal cut short do not count."""
        done = {column: {name: runs for name, runs in engines.items() if name not in self.refused}
                for column, engines in self.cells.items()}
        found = {m: judge.judge(m, done[m.column]) for m in judge.METRICS if m.column in done}
        return {m: j for m, j in found.items() if j}

    def gaps(self):
        """Peer -> how far its answer lies from Heddle's."""
        ours = [c["answer"] for c in self.cells.get("one", {}).get("heddle", [])]
        theirs = {p: self.cells["one"][p] for p in judge.PEERS if ours and self.cells["one"].get(p)}
        return {p: judge.answer_gap(ours[0], runs[0]["answer"]) for p, runs in theirs.items()}

    def record(self):
        def numbers(runs):
            return [{k: v for k, v in run.items() if k != "answer"} for run in runs]

        rounds = {column: {name: numbers(runs) for name, runs in engines.items()} for column, engines in self.cells.items()}
        return {"path": self.path, "refused": self.refused, "answer_gaps": self.gaps(),
                "judged": [{"column": m.column, "key": m.key, **dataclasses.asdict(j)} for m, j in self.judged().items()],
                "rounds": rounds}


def row(cells):
    print("| " + " | ".join(str(c) for c in cells) + " |")


def number(value):
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def ratio(value):
    return f"{value:.2f}" if value >= 0.1 else f"{value:.1g}"


def mean(ratios):
    return ratio(judge.geometric_mean(ratios)) if ratios else ""


def table(metric, subjects, peers):
    rows = [(s, j) for s in subjects if (j := s.judged().get(metric))]
    if not rows:
        return
    print(f"\n### {metric.title}\n")
    names = [plot.NAMES[p] for p in peers]
    row(["model", "Heddle", *names, *(f"over {n}" for n in names), "over the better", "control", "verdict"])
    row(["---", *["---:"] * (3 + 2 * len(peers)), "---"])
    for subject, j in rows:
        theirs = [number(j.medians[p]) if p in j.medians else "refuses" for p in peers]
        ratios = [ratio(j.ratios[p]) if p in j.ratios else "" for p in peers]
        row([subject.name, number(j.medians["heddle"]), *theirs, *ratios, f"**{ratio(j.ratios[j.best])}**",
             f"{j.control:.2f} ± {j.spread:.2f}", j.verdict])
    means = [mean([j.ratios[p] for _, j in rows if p in j.ratios]) for p in peers]
    row(["geometric mean", "", *[""] * len(peers), *means, f"**{mean([j.ratios[j.best] for _, j in rows])}**", "", ""])


def notes(subjects):
    said = [f"- {s.name}: {plot.NAMES.get(engine, 'Heddle')} refuses it. {why[:320]}"
            for s in subjects for engine, why in s.refused.items()]
    for s in subjects:
        for peer, gap in s.gaps().items():
            if gap is None or gap > ANSWERS_DIFFER:
                how = "has another shape" if gap is None else f"differs by {gap:.2f} of its range"
                said.append(f"- {s.name}: the answer of {plot.NAMES[peer]} {how}")
    if said:
        print("\n### Notes\n\n" + "\n".join(said))


def cpu_name():
    with open("/proc/cpuinfo") as f:
        return next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), "unknown CPU")


def versions(args):
    found = {}
    for name in ("heddle", *args.peers):
        try:
            found[name] = ENGINES[name].version(args.library)
        except ImportError:
            found[name] = "not installed"
    return found


def drawing(subjects, note):
    panels = []
    for metric in judge.METRICS:
        if metric.key in PLOTTED:
            rows = [(s.name, j.ratios, j.spread) for s in subjects if (j := s.judged().get(metric))]
            panels += [(metric.title, rows)] if rows else []
    return plot.svg(panels, note)


def run_rounds(subjects, args, keep):
    """How many were run; no further one is begun that would not end within the minutes."""
    begun = time.monotonic()
    for r in range(args.rounds):
        for k, subject in enumerate(subjects):
            print(f"\rround {r + 1} of {args.rounds}, model {k + 1} of {len(subjects)}   ", end="", file=sys.stderr)
            sys.stderr.flush()
            subject.round(r, args)
        keep(r + 1)
        if args.minutes and (time.monotonic() - begun) * (r + 2) / (r + 1) > 60 * args.minutes:
            break
    print(file=sys.stderr)
    return r + 1


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--library", required=True)
    parser.add_argument("--columns", default="one,all,callers")
    parser.add_argument("--peers", default="litert,openvino")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5, help="of the calls of a cell")
    parser.add_argument("--minutes", type=float, help="begin no round that would end later")
    parser.add_argument("--isa", choices=isa.LEVELS, help="hide wider instructions from the peers, and force it on Heddle")
    parser.add_argument("--json", help="a file for every number")
    parser.add_argument("--plot", help="an SVG file for the ratios")
    args = parser.parse_args()
    args.library, args.columns, args.peers = os.path.abspath(args.library), args.columns.split(","), args.peers.split(",")
    for given, known in ((args.columns, ("one", "all", "callers")), (args.peers, judge.PEERS)):
        if wrong := set(given) - set(known):
            parser.error(f"{', '.join(sorted(wrong))}: expected some of {', '.join(known)}")
    if args.isa and (why := isa.obstacle()):
        parser.exit(2, f"peers: cannot hold the peers to {args.isa}: {why}\n")
    return args


def main():
    args = arguments()
    subjects = [Subject(path, {c: {name: [] for name in judge.ENGINES} for c in args.columns}) for path in args.models]
    machine = {"cpu": cpu_name(), "cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}
    about = {"machine": machine, "isa": args.isa or "the machine's", "seconds": args.seconds, "versions": versions(args)}

    def keep(rounds):
        if args.json:
            with open(args.json, "w") as f:
                json.dump({**about, "rounds": rounds, "models": [s.record() for s in subjects]}, f, indent=1)

    rounds = run_rounds(subjects, args, keep)
    engines = ", ".join(f"{plot.NAMES.get(n, 'Heddle')} {v}" for n, v in about["versions"].items())
    note = (f"{machine['cpu']}, {machine['cores']} cores, {about['isa']} instructions, load {machine['load']:.1f} before; "
            f"medians of {rounds} rounds of {args.seconds:g} s; {engines}")
    print(note)
    for metric in judge.METRICS:
        table(metric, subjects, args.peers)
    notes(subjects)
    if args.plot:
        with open(args.plot, "w") as f:
            f.write(drawing(subjects, note))


if __name__ == "__main__":
    main()
