#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How bench/peers.py judges, draws and hides instructions, and how bench/recipes.py counts lines, without the engines that
they compare. Ends with a line of counts."""
import ctypes
import mmap
import os
import re
import subprocess
import sys
import unittest
import xml.etree.ElementTree

import isa
import judge
import lines
import plot

LATENCY, THROUGHPUT = (next(m for m in judge.METRICS if m.key == key) for key in ("latency_ms", "per_second"))


def rounds(key, *values):
    return [{key: v} for v in values]


class JudgeTest(unittest.TestCase):
    def cells(self, key="latency_ms", **engines):
        return {name: rounds(key, *values) for name, values in engines.items()}

    def test_below_one_is_heddles_side(self):
        j = judge.judge(LATENCY, self.cells(heddle=[1, 1, 1], litert=[2, 2, 2], openvino=[4, 4, 4], control=[1, 1, 1]))
        self.assertEqual((j.ratios, j.best, j.verdict), ({"litert": 0.5, "openvino": 0.25}, "litert", judge.AHEAD))
        self.assertEqual(j.medians, {"heddle": 1, "litert": 2, "openvino": 4})

    def test_where_more_is_better_the_ratio_turns(self):
        j = judge.judge(THROUGHPUT, self.cells("per_second", heddle=[8, 8], litert=[4, 4], openvino=[16, 16], control=[8, 8]))
        self.assertEqual((j.ratios, j.best, j.verdict), ({"litert": 0.5, "openvino": 2.0}, "openvino", judge.BEHIND))

    def test_ratios_are_of_the_same_round(self):
        # The machine slows down by ten: medians of each would not tell, pairs do.
        j = judge.judge(LATENCY, self.cells(heddle=[1, 10, 100], litert=[2, 20, 200], control=[1, 10, 100]))
        self.assertEqual((j.ratios["litert"], j.control, j.verdict), (0.5, 1.0, judge.AHEAD))

    def test_a_control_that_differs_is_too_noisy(self):
        j = judge.judge(LATENCY, self.cells(heddle=[1] * 3, litert=[2] * 3, control=[1.06] * 3))
        self.assertEqual(j.verdict, judge.NOISY)
        j = judge.judge(LATENCY, self.cells(heddle=[1] * 3, litert=[2] * 3, control=[1.04] * 3))
        self.assertEqual(j.verdict, judge.AHEAD)

    def test_within_the_spread_of_the_control_is_level(self):
        even = dict(heddle=[1] * 5, control=[0.9, 0.98, 1, 1.02, 1.1])
        self.assertEqual(judge.judge(LATENCY, self.cells(litert=[1.01] * 5, **even)).verdict, judge.LEVEL)
        self.assertEqual(judge.judge(LATENCY, self.cells(litert=[1.05] * 5, **even)).verdict, judge.AHEAD)
        self.assertEqual(judge.judge(LATENCY, self.cells(litert=[0.95] * 5, **even)).verdict, judge.BEHIND)

    def test_who_refuses_is_not_judged(self):
        j = judge.judge(LATENCY, self.cells(heddle=[1], litert=[2], control=[1]))
        self.assertEqual((j.best, list(j.ratios)), ("litert", ["litert"]))
        self.assertIsNone(judge.judge(LATENCY, self.cells(heddle=[1], control=[1])))
        self.assertIsNone(judge.judge(LATENCY, self.cells(litert=[1])))

    def test_memory_that_is_noise_makes_no_ratio(self):
        memory = next(m for m in judge.METRICS if m.key == "further_mb")
        j = judge.judge(memory, self.cells("further_mb", heddle=[-0.01], litert=[0.1], control=[0.001]))
        self.assertEqual((j.ratios["litert"], j.control), (0.5, 1.0))

    def test_answers(self):
        self.assertEqual(judge.answer_gap([0, 2, 4], [0, 2, 5]), 0.25)
        self.assertEqual(judge.answer_gap([3, 3], [3, 3]), 0)
        self.assertEqual(judge.answer_gap([3, 3], [3, 4]), 1)
        self.assertIsNone(judge.answer_gap([1], [1, 2]))

    def test_geometric_mean(self):
        self.assertAlmostEqual(judge.geometric_mean([0.5, 2.0, 8.0]), 2.0)


class PlotTest(unittest.TestCase):
    ROWS = [("a & b", {"litert": 0.25, "openvino": 1.0}, 0.02), ("c", {"litert": 3.0}, 0.1), ("a" * 33, {}, 0)]
    PANELS = [("Latency <ms>", ROWS)]

    def test_it_is_an_svg_with_everything_in_it(self):
        root = xml.etree.ElementTree.fromstring(plot.svg(self.PANELS, "one note; another"))
        texts = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
        for wanted in ("Latency <ms>", "a & b", "c", "one note", "another", "1", "1/4", "4", "a" * 31 + "…"):
            self.assertIn(wanted, texts)
        self.assertEqual(len(list(root.iter("{http://www.w3.org/2000/svg}circle"))), 3)  # the legend's, too

    def test_marks_lie_where_the_axis_says(self):
        drawn = plot.svg(self.PANELS, "")
        labels = re.finditer(r'<text x="([\d.]+)" y="[\d.]+" text-anchor="middle">([\d/]+)<', drawn)
        ticks = {label[2]: float(label[1]) for label in labels}
        marks = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', drawn)][1:]
        self.assertAlmostEqual(marks[0], ticks["1/4"], delta=0.2)
        self.assertTrue(ticks["2"] < marks[1] < ticks["4"])

    def test_no_panels(self):
        xml.etree.ElementTree.fromstring(plot.svg([], "nothing was judged"))


class LinesTest(unittest.TestCase):
    SOURCE = "class A {\n  // says\n\n  int f() {\n    return 1;\n  }\n};\n\nclass AB {\n};\nint g();\n"

    def test_a_class_from_its_first_line_to_its_last(self):
        self.assertEqual(lines.lines_of_code(lines.class_source(self.SOURCE, "A")), 5)
        self.assertEqual(lines.lines_of_code(lines.class_source(self.SOURCE, "AB")), 2)

    def test_every_recipe_is_found(self):
        source = (isa.HERE / "recipes/recipes.cc").read_text()
        for name in ("Interpreter", "PerThread", "BehindALock", "Pool"):
            self.assertGreater(lines.lines_of_code(lines.class_source(source, name)), 5)


class IsaTest(unittest.TestCase):
    """The handler without a CPU whose CPUID can fault: the instruction lies on a page that cannot be executed, and what
    follows it on one that can."""
    AFTER = bytes.fromhex("418900 41895804 41894808 4189500c 5b c3")  # [r8] = eax, ebx, ecx, edx; pop rbx; ret
    BEFORE = bytes.fromhex("53 89f8 89f1 4989d0 e9") + (-79).to_bytes(4, "little", signed=True)  # push rbx; eax = edi; ...
    AMX_TILE, VNNI, F = (3, 24), (2, 11), (1, 16)  # register of leaf 7, bit

    def setUp(self):
        if os.uname().machine != "x86_64" or not isa.compiler():
            self.skipTest("needs x86-64 and a C compiler")

    @staticmethod
    def child(level):
        """Prints leaf 7 as this CPU has it, and as the handler answers it."""
        page, libc = mmap.PAGESIZE, ctypes.CDLL(None)
        memory = mmap.mmap(-1, 2 * page)
        memory[page - 2 : page] = b"\x0f\xa2"
        memory[page : page + len(IsaTest.AFTER)] = IsaTest.AFTER
        memory[page + 64 : page + 64 + len(IsaTest.BEFORE)] = IsaTest.BEFORE
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        call = ctypes.CFUNCTYPE(None, ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p)(address + page + 64)
        first, found = (ctypes.c_uint * 4)(), (ctypes.c_uint * 4)()
        assert libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(2 * page), 5) == 0  # read, execute
        call(7, 0, first)
        assert ctypes.CDLL(str(isa.shim())).hide_isa_answer(level.encode()) == 0
        assert libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(page), 1) == 0  # read
        call(7, 0, found)
        print(*first, *found)

    def answered(self, level):
        run = subprocess.run([sys.executable, __file__, "--child", level], capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)
        numbers = [int(n) for n in run.stdout.split()]
        return numbers[:4], numbers[4:]

    def test_what_is_wider_is_hidden_and_nothing_else(self):
        hidden = {"avx512vnni": [self.AMX_TILE], "avx512": [self.AMX_TILE, self.VNNI],
                  "avx2": [self.AMX_TILE, self.VNNI, self.F]}
        for level in isa.LEVELS:
            first, found = self.answered(level)
            for register, bit in (self.AMX_TILE, self.VNNI, self.F):
                expected = 0 if (register, bit) in hidden[level] else first[register] >> bit & 1
                self.assertEqual(found[register] >> bit & 1, expected, f"{level}: register {register}, bit {bit}")
            self.assertEqual(found[0], first[0])
            self.assertEqual(found[1] & 0x3FF, first[1] & 0x3FF, "AVX2 and what is older")
            self.assertTrue(all(after & ~before == 0 for before, after in zip(first, found)))

    def test_no_such_level(self):
        self.assertNotEqual(ctypes.CDLL(str(isa.shim())).hide_isa_answer(b"avx3"), 0)

    def test_environments(self):
        self.assertIn("HEDDLE_CACHE", isa.environment(None, "litert"))
        self.assertEqual(isa.environment("avx2", "heddle")["HEDDLE_ISA"], "avx2")
        peer = isa.environment("avx2", "openvino")
        self.assertEqual((peer["HIDE_ISA_ABOVE"], peer["LD_PRELOAD"]), ("avx2", str(isa.shim())))


def main():
    if sys.argv[1:2] == ["--child"]:
        return IsaTest.child(sys.argv[2])
    done = unittest.main(exit=False, argv=sys.argv[:1]).result
    failed, skipped = len(done.failures) + len(done.errors), len(done.skipped)
    print(f"{done.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
