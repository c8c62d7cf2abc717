# SPDX-License-Identifier: Apache-2.0
"""From what rounds measured to verdicts. A round runs every engine once, and Heddle twice: the second is the control.

A ratio is Heddle's number over a peer's of the same round, or the peer's over Heddle's where more is better: below 1 is
Heddle's side. Numbers and ratios are medians over the rounds."""
import dataclasses
import math
import statistics

TOO_NOISY = 0.05  # Heddle may differ from itself by this much
AHEAD, BEHIND, LEVEL, NOISY = "ahead", "behind", "level", "too noisy to judge"
PEERS = ("litert", "openvino")
ENGINES = ("heddle", *PEERS, "control")  # the order of a round


@dataclasses.dataclass(frozen=True)
class Metric:
    column: str
    key: str
    title: str
    more_is_better: bool = False
    least: float = 1e-9  # what is smaller counts as this

    def ratios(self, ours, theirs):
        """Round by round."""
        pairs = [(a[self.key], b[self.key]) for a, b in zip(ours, theirs)]
        pairs = [(b, a) if self.more_is_better else (a, b) for a, b in pairs]
        return [max(a, self.least) / max(b, self.least) for a, b in pairs]


METRICS = (
    Metric("one", "latency_ms", "Latency, one caller on one core, ms"),
    Metric("one", "open_ms", "Cold start: open, ms"),
    Metric("one", "ready_ms", "Cold start: ready, ms"),
    Metric("one", "first_ms", "Cold start: first run, ms"),
    Metric("one", "cold_ms", "Cold start: open to first answer, ms"),
    Metric("one", "memory_mb", "Memory of the first instance, MB", least=0.05),
    Metric("all", "latency_ms", "Latency, one caller on all cores, ms"),
    Metric("callers", "per_second", "Throughput, a caller for each core, calls a second", more_is_better=True),
    Metric("callers", "p99_ms", "p99, a caller for each core, ms"),
    Metric("callers", "all_mb", "Memory with a caller for each core, MB", least=0.05),
    Metric("callers", "further_mb", "Memory of each further caller, MB", least=0.05),
)


def spread_of(ratios):
    """How far the middle half of Heddle over Heddle lies from 1."""
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    return max(abs(low - 1), abs(high - 1))


def verdict_of(ratio, control, spread):
    if abs(control - 1) > TOO_NOISY:
        return NOISY
    if abs(ratio - 1) <= spread:
        return LEVEL
    return AHEAD if ratio < 1 else BEHIND


def answer_gap(ours, theirs):
    """The largest difference over the range of ours; None: they are not the same output."""
    if len(ours) != len(theirs) or not ours:
        return None
    span = max(ours) - min(ours)
    gap = max(abs(a - b) for a, b in zip(ours, theirs))
    return gap / span if span else float(gap > 0)


@dataclasses.dataclass
class Judged:
    medians: dict  # engine -> number
    ratios: dict  # peer -> Heddle's over its
    best: str  # of the peers
    control: float
    spread: float
    verdict: str  # beside the best


def judge(metric, cells):
    """cells: engine -> what each round measured in the metric's column; an engine that refuses is not there. None: Heddle
    refuses, or no peer runs it."""
    peers = [name for name in PEERS if cells.get(name)]
    if not cells.get("heddle") or not peers:
        return None
    medians = {name: statistics.median(c[metric.key] for c in cells[name]) for name in ("heddle", *peers)}
    every = {name: metric.ratios(cells["heddle"], cells[name]) for name in (*peers, "control")}
    ratios = {name: statistics.median(rounds) for name, rounds in every.items()}
    control = ratios.pop("control")
    best = max(ratios, key=ratios.get)
    spread = spread_of(every["control"])
    return Judged(medians, ratios, best, control, spread, verdict_of(ratios[best], control, spread))


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(v) for v in values))
