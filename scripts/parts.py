# SPDX-License-Identifier: Apache-2.0
"""The parts of `make test`: how each is built and run, and how its results are counted."""
import collections
import csv
import dataclasses
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import xml.etree.ElementTree

from checks import ROOT, files

LOGS = ROOT / "build/test"
EXCUSES = [ROOT / "tests/suites/litert_faults.tsv", ROOT / "tests/suites/roundings.tsv"]
COUNTS = re.compile(r"(\d+) passed, (\d+) failed, (\d+) (?:skipped|unsupported)\s*$")
SHARDS = 4  # a sampled cell runs one of so many shards of each test program
TIDY_SAMPLE = 6
FLOORS = {"models": 6, "large": 22, "zoo": 500, "ops": 5540}  # cases of a suite that pass
EMULATED_FOR_MINUTES = "edsr_f32b5_fp32"  # a call of it; a sample does without
# How a cell runs its suites again: what it would find that others do not.
AGAIN = {"release": "resized,threads,poisoned", "asan": "resized", "tsan": "threads", "aarch64": "poisoned"}
SAMPLED = {"asan": 1, "tsan": 1, "aarch64": 1}  # test programs, besides ALWAYS
NOT_SANITIZED = {"hot_path_test"}  # stands where a sanitizer does
ONE_THREAD = {"bench_test", "kernels_test", "model_test", "vectors_test"}  # where ThreadSanitizer sees nothing
ALWAYS = {"asan": ["model_test"], "tsan": ["library_test"], "aarch64": []}


@dataclasses.dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other):
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclasses.dataclass
class Part:
    name: str
    cell: str
    action: collections.abc.Callable
    counts: Counts = dataclasses.field(default_factory=Counts)
    seconds: float = 0

    def __post_init__(self):
        self.log = LOGS / (re.sub(r"\W+", "_", self.name) + ".log")
        self.log.unlink(missing_ok=True)

    def say(self, text):
        with self.log.open("a") as log:
            log.write(text.rstrip("\n") + "\n")

    def run(self, command, timeout=1800, **environment):
        """Output goes to the part's log; returns the exit status and the output."""
        self.say("$ " + " ".join([f"{k}={v}" for k, v in environment.items()] + [str(c) for c in command]))
        done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=timeout, env={**os.environ, **environment})
        self.say(done.stdout)
        return done.returncode, done.stdout

    def counted(self, command, **environment):
        """Runs what ends with a line of counts."""
        status, output = self.run(command, **environment)
        match = COUNTS.search(output.strip().rpartition("\n")[2])
        counts = Counts(*map(int, match.groups())) if match else Counts()
        if status != 0 and counts.failed == 0:
            counts.failed = 1
        if match is None and status == 0:
            self.say("no line of counts")
            counts.failed = 1
        return counts


# What /proc/cpuinfo calls what each instruction set needs; by default the last that the machine has is taken, but no
# BY_NAME. As src/base/isa.cc has it.
AVX2 = {"avx2", "fma", "f16c"}
AVX512 = AVX2 | {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"}
ISAS = {
    "x86_64": {"plain": set(), "avx2": AVX2, "avxvnni": AVX2 | {"avx_vnni"}, "avx512": AVX512,
               "avx512vnni": AVX512 | {"avx512_vnni"}, "avx512amx": AVX512 | {"avx512_vnni", "amx_tile", "amx_int8"}},
    "aarch64": {"plain": set(), "neon": {"asimd"}, "neondot": {"asimd", "asimddp"}, "neoni8mm": {"asimd", "asimddp", "i8mm"}},
}
BY_NAME = "avx512amx"


def isas():
    """Of this machine, the best last."""
    flags = set(re.search(r"^(?:flags|Features)\s*:(.*)", pathlib.Path("/proc/cpuinfo").read_text(), re.M).group(1).split())
    return [name for name, needed in ISAS[os.uname().machine].items() if needed <= flags]


def other_isas():
    """Those of this machine that are not taken by default."""
    found = isas()
    default = [name for name in found if name != BY_NAME][-1]
    return [name for name in found if name != default]


def isas_run():
    """Which ones ran, and which could not."""
    here, machine = isas(), os.uname().machine
    line = f"instruction sets: {', '.join(here)}"
    if machine != "aarch64":
        line += f"; emulated: {', '.join(name for name in ISAS['aarch64'] if name != 'plain')}"
    missing = [name for name in ISAS[machine] if name not in here]
    return line + (f"; compiled, but this machine cannot run them: {', '.join(missing)}" if missing else "")


# --- builds ---


def test_programs():
    return sorted(p.name for p in (ROOT / "build/release/bin").glob("*_test"))


def chosen_programs(cell, options):
    programs = [p for p in test_programs() if cell not in ("asan", "tsan") or p not in NOT_SANITIZED]
    if options.all:
        return programs
    always = [p for p in ALWAYS[cell] if p in programs]
    rest = sorted(set(programs) - set(always) - (ONE_THREAD if cell == "tsan" else set()))
    pick = random.Random(f"{options.seed} {cell}").sample(rest, min(SAMPLED[cell], len(rest)))
    return sorted(always + pick)


def build(cell, options, targets=None):
    def action(part):
        names = targets() if targets else []
        part.say(f"targets: {' '.join(names) or 'all'}")
        steps = [["cmake", "--preset", cell], ["cmake", "--build", "--preset", cell, "-j", options.jobs]]
        if names:
            steps[1] += ["--target", *names]
        for step in steps:
            if part.run(step, timeout=7200)[0] != 0:
                return Counts(failed=1)
        return Counts(passed=1)

    return Part(f"build {cell}", cell, action)


def builds(options):
    yield build("release", options)
    for cell in "asan", "tsan", "aarch64":
        yield build(cell, options, lambda cell=cell: chosen_programs(cell, options) + ["heddle_program"])
    if options.all:
        yield build("dev", options)


# --- checks ---


def check(name, *arguments):
    return Part(f"check {name}", "checks", lambda part: part.counted(["python3", f"scripts/check_{name}.py", *arguments]))


def docs_check(part):
    """With the operator table that it looks at."""
    if part.run(["cmake", "--build", "--preset", "release", "--target", "heddle_docs"])[0] != 0:
        return Counts(failed=1)
    return part.counted(["python3", "scripts/check_docs.py", "build/release"])


def format_check(part):
    sources = files(".h", ".cc", ".c")
    _, output = part.run(["clang-format-19", "--dry-run", "-Werror", *sources])
    wrong = {line.split(":")[0] for line in output.splitlines() if "error:" in line}
    return Counts(len(sources) - len(wrong), len(wrong))


def compiled_by():
    """The cell that compiles a source: those for another architecture's instructions are not in release."""
    cells = {}
    for cell in "aarch64", "release":
        commands = ROOT / "build" / cell / "compile_commands.json"
        if commands.exists():
            cells.update((os.path.relpath(entry["file"], ROOT), cell) for entry in json.loads(commands.read_text()))
    return cells


def tidy(options):
    def action(part):
        cells = compiled_by()
        sources = [p for p in files(".cc") if p.startswith("src/")]
        if not options.all:
            sources = random.Random(f"{options.seed} tidy").sample(sources, min(TIDY_SAMPLE, len(sources)))
        counts = Counts()
        for source in sources:
            status, _ = part.run(["clang-tidy-19", "-p", f"build/{cells.get(source, 'release')}", "--quiet", source])
            counts += Counts(int(status == 0), int(status != 0))
        return counts

    return Part("check tidy", "checks", action)


def checks(options):
    yield Part("check docs", "checks", docs_check)
    yield Part("check format", "checks", format_check)
    yield Part("tests bench", "checks", lambda part: part.counted(["python3", "bench/bench_test.py"]))
    for name in "layers", "sizes", "text":
        yield check(name)
    for name in "headers", "isa_objects", "abi":
        yield check(name, "build/release")
    if not options.all:
        yield tidy(options)


# --- test programs ---


def gtest_counts(path):
    counts = Counts()
    for suite in json.loads(path.read_text())["testsuites"]:
        for case in suite["testsuite"]:
            if case["result"] == "SKIPPED" or case["status"] == "NOTRUN":
                counts.skipped += 1
            elif case.get("failures"):
                counts.failed += 1
            else:
                counts.passed += 1
    return counts


def ctest_counts(folder):
    """Each test program counts its own cases; what is no such program, or died, counts once."""
    counts = Counts()
    for case in xml.etree.ElementTree.parse(folder / "junit.xml").getroot().iter("testcase"):
        result = folder / f"{case.get('name')}.json"
        failed = case.get("status") != "run"
        own = gtest_counts(result) if result.exists() else Counts(passed=int(not failed))
        if failed and own.failed == 0:
            own.failed = 1
        counts += own
    return counts


def tests(name, cell, options, sampled, programs=None, **environment):
    def action(part):
        folder = LOGS / re.sub(r"\W+", "_", name)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        command = ["ctest", "--preset", cell, "--output-junit", folder / "junit.xml", "--timeout", "1200"]
        if programs:
            command += ["-R", f"^({'|'.join(programs())})$"]
        if sampled:
            shard = random.Random(f"{options.seed} {name}").randrange(SHARDS)
            environment.update(GTEST_TOTAL_SHARDS=str(SHARDS), GTEST_SHARD_INDEX=str(shard), HEDDLE_ZOO_MODELS="5")
        if options.suites:
            environment["HEDDLE_SUITES"] = str(options.suites)
        status, _ = part.run(command, timeout=7200, GTEST_OUTPUT=f"json:{folder}/", HEDDLE_SEED=str(options.seed),
                             **environment)
        counts = ctest_counts(folder)
        return counts if status == 0 or counts.failed else counts + Counts(failed=1)

    return Part(name, cell, action)


# --- suites ---


def sample_glob(suite, seed, emulated):
    """A pattern that takes between 3 and 20 % of a suite, or 8 where a minute becomes an hour, by the last character of the
    file's stem."""
    most, avoided = (0.08, EMULATED_FOR_MINUTES[-1]) if emulated else (0.2, "")
    with suite.open(newline="") as rows:
        names = [row["model"] for row in csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE)]
    ends = collections.Counter(pathlib.PurePath(name).stem[-1] for name in names)
    fit = sorted(c for c, n in ends.items() if c.isalnum() and c != avoided and 0.03 <= n / len(names) <= most) or sorted(ends)
    return f"*{random.Random(seed).choice(fit)}.tflite"


def lost(name, counts, sampled):
    """A case that is no longer supported would count as skipped: the number that pass may not fall, either."""
    return not sampled and counts.passed < FLOORS[name]


def excused(part, name, numerics, counts):
    """Rows that are known to differ, and why, count as skipped while they fail with the text written down."""
    excuses = {}
    for table in EXCUSES:
        with table.open(newline="") as rows:
            excuses.update((row["model"], row) for row in csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE))
    for line in part.log.read_text().splitlines():
        failed = re.fullmatch(r"failed +(\S+) +(.*)", line)
        excuse = excuses.get(failed[1]) if failed else None
        if excuse and excuse["numerics"] in ("any", numerics) and excuse["says"] in failed[2]:
            counts += Counts(failed=-1, skipped=1)
    return counts


def suite(cell, name, path, numerics, options, sampled, isa="", emulator=(), again=False):
    label = f"suite {name} {numerics}" + (f" {isa or cell}" if isa or cell != "release" else "") + " again" * again

    def action(part):
        if path is None:
            part.say("no such suite: HEDDLE_SUITES is not set")
            return Counts(skipped=1)
        command = [*emulator, f"build/{cell}/bin/heddle", "verify", "--suite", path, "--numerics", numerics]
        if again:
            command += ["--again", AGAIN[cell]]
        if sampled:
            command += ["--filter", sample_glob(path, f"{options.seed} {label}", bool(emulator))]
        counts = excused(part, name, numerics, part.counted(command, **({"HEDDLE_ISA": isa} if isa else {})))
        if counts.failed == 0 and lost(name, counts, sampled):
            part.say(f"{counts.passed} passed; at least {FLOORS[name]} did when this was written down")
            counts.failed += 1
        return counts

    return Part(label, cell, action)


def suites(options):
    tables = {"models": ROOT / "tests/models/SUITE.tsv"}
    for name in "large", "zoo", "ops":  # the longest first
        tables[name] = options.suites / name / "SUITE.tsv" if options.suites else None
    for numerics in "fast", "reference":
        for name in "large", "zoo", "ops", "models":
            yield suite("release", name, tables[name], numerics, options, sampled=False)
        for name in "large", "zoo", "ops":
            sampled = name != "ops" and not options.all
            yield suite("release", name, tables[name], numerics, options, sampled, again=True)
        yield suite("tsan", "ops", tables["ops"], numerics, options, not options.all, again=True)
        yield suite("tsan", "models", tables["models"], numerics, options, sampled=False, again=True)
    for isa in other_isas():
        for numerics in "fast", "reference":
            for name in "large", "zoo", "ops":
                slow = isa == "plain" and name == "zoo"
                yield suite("release", name, tables[name], numerics, options, slow and not options.all, isa)
    qemu = ["qemu-aarch64", "-L", "build/sysroot-aarch64"]
    for cell, emulator in ("asan", []), ("aarch64", qemu):
        for numerics in "fast", "reference":
            for name in "large", "zoo", "ops", "models":
                sampled = name != "models" and not options.all
                again = name not in ("large", "zoo") or options.all
                yield suite(cell, name, tables[name], numerics, options, sampled, emulator=emulator, again=again)


# --- the Python package ---


OFFLINE = re.compile(r"No matching distribution|Could not find a version|Failed to establish a new connection|No module named "
                     r"'?(pip|venv)|ensurepip is not available", re.I)


def wheel(options):
    """The Python package, built on the release build and tested as it is installed."""

    def action(part):
        status, output = part.run(["scripts/bootstrap", "wheel", "wheel-test"])
        if status != 0 and OFFLINE.search(output):
            part.say("skipped: pip cannot bring what the package is built and tested with")
            return Counts(skipped=1)
        if status != 0 or part.run(["scripts/wheel"])[0] != 0:
            return Counts(failed=1)
        suites = {"HEDDLE_SUITES": str(options.suites)} if options.suites else {}
        command = ["python3", "scripts/test_wheel.py", *(["--long"] if options.all else [])]
        return part.counted(command, HEDDLE_SEED=str(options.seed), **suites)

    return Part("python", "release", action)


def runs(options):
    """In the order in which they start: the long ones first."""
    sampled = not options.all
    if options.all:
        yield tidy(options)  # every source: half an hour of one core
    yield from suites(options)
    yield wheel(options)
    yield tests("tests release", "release", options, sampled=False)
    for cell in "asan", "tsan", "aarch64":
        yield tests(f"tests {cell}", cell, options, sampled, lambda cell=cell: chosen_programs(cell, options))
    for isa in other_isas():
        yield tests(f"tests release {isa}", "release", options, sampled, test_programs, HEDDLE_ISA=isa)
    if options.all:
        yield tests("tests dev", "dev", options, sampled=False)
        yield Part("fuzz", "fuzz", lambda part: part.counted(["scripts/fuzz"]))
    yield from checks(options)
