#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a viewer needs of a file of --trace, and what it claims.  check_trace.py FILE CALLERS

Spans of a thread nest; each call has all steps, in their order; with one caller the tiles of a step are each computed once.
"""
import collections
import json
import sys

CALLS = 3  # of each caller
ROUNDING = 0.002  # us


def end(event):
    return event["ts"] + event["dur"]


def inside(inner, outer):
    return outer["ts"] - ROUNDING <= inner["ts"] and end(inner) <= end(outer) + ROUNDING


def check_nesting(events):
    open_spans = []
    for event in sorted(events, key=lambda e: (e["ts"], -e["dur"])):
        while open_spans and end(open_spans[-1]) <= event["ts"] + ROUNDING:
            open_spans.pop()
        assert not open_spans or inside(event, open_spans[-1]), (event, open_spans[-1])
        open_spans.append(event)


def check_tiles(step, tiles):
    phases = collections.defaultdict(list)
    for tile in tiles:
        if tile["args"]["op"] == step["args"]["op"] and inside(tile, step):
            phases[tile["args"]["phase"]].append((tile["args"]["first"], tile["args"]["count"]))
    for ranges in phases.values():
        expected = 0
        for first, count in sorted(ranges):
            assert first == expected and count > 0, (step, ranges)
            expected = first + count
    return len(phases)


def main():
    callers = int(sys.argv[2])
    with open(sys.argv[1], encoding="utf-8") as file:
        document = json.load(file)
    assert document["otherData"]["lost"] == 0
    threads, spans = {}, collections.defaultdict(list)
    for event in document["traceEvents"]:
        if event["ph"] == "M":
            threads[event["tid"]] = event["args"]["name"]
            continue
        assert event["ph"] == "X" and event["ts"] >= 0 and event["dur"] >= 0, event
        spans[event["cat"]].append(event)
    assert set(threads.values()) <= {"caller", "helper"}
    assert list(threads.values()).count("caller") == callers, threads
    everything = [e for events in spans.values() for e in events]
    for thread in threads:
        check_nesting([e for e in everything if e["tid"] == thread])
    assert len(spans["call"]) == CALLS * callers
    sequences = set()
    for call in spans["call"]:
        steps = [s for s in spans["step"] if s["tid"] == call["tid"] and inside(s, call)]
        sequences.add(tuple((s["args"]["op"], s["name"]) for s in sorted(steps, key=lambda s: s["ts"])))
    assert len(sequences) == 1 and next(iter(sequences)), sequences
    for step in spans["step"]:
        assert step["args"]["kernel"] and step["args"]["inputs"] and step["args"]["outputs"], step
    phases = sum(check_tiles(step, spans["tiles"]) for step in spans["step"] if callers == 1)
    assert callers > 1 or phases >= len(spans["step"]) / 2, "hardly a step has tiles"


main()
