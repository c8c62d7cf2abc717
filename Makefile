# SPDX-License-Identifier: Apache-2.0
# For people and scripts; the build itself is CMake's. Each target first installs what it lacks (scripts/bootstrap).
SHELL := /bin/bash
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
HEDDLE := build/release/bin/heddle

.PHONY: help build demo test test-all test-programs bench fuzz wheel install models format clean

help:
	@echo 'make build      the release build: $(HEDDLE)'
	@echo 'make demo       classify digits from several threads, then measure with 1, 2 and 4 callers'
	@echo 'make test       all of the release build, a seeded sample of everything else; 20 minutes at most on 2 cores'
	@echo 'make test-all   the whole matrix'
	@echo 'make test-programs  packages of others on the Python interpreter (minutes, and gigabytes in build/programs)'
	@echo 'make bench      the benchmarks (BENCH=crew, peers, kernels, queue, recipes, watch or cold for one of them)'
	@echo 'make fuzz       a minute of each fuzzer (FUZZ_SECONDS)'
	@echo 'make wheel      the Python package: build/wheel/heddle-*.whl'
	@echo 'make install    to PREFIX ($(PREFIX)), with DESTDIR'
	@echo 'make models     train the test models anew (TensorFlow, in a virtual environment under build/)'
	@echo 'make format     clang-format everything'

build:
	@scripts/bootstrap build
	@mkdir -p build; cmake --preset release >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@cmake --build --preset release -j $(JOBS)

demo: build
	build/release/bin/digits tests/models/digits_f32.tflite tests/models/digits.txt
	$(HEDDLE) bench tests/models/digits_f32.tflite --callers 1,2,4 --seconds 2

test:
	@scripts/bootstrap build test aarch64
	@python3 scripts/run_tests.py --jobs $(JOBS)

test-all:
	@scripts/bootstrap build test aarch64
	@python3 scripts/run_tests.py --jobs $(JOBS) --all

test-programs: wheel
	@scripts/bootstrap programs
	@python3 scripts/test_programs.py

bench: build
	@scripts/bootstrap bench
	@scripts/bench $(BENCH)

fuzz:
	@scripts/bootstrap build test
	@scripts/fuzz

wheel: build
	@scripts/bootstrap wheel
	@scripts/wheel

install: build
	cmake --install build/release --prefix '$(PREFIX)'

models:
	@scripts/bootstrap models
	build/venv-models/bin/python tests/models/make_models.py

format:
	@scripts/bootstrap test
	git ls-files '*.h' '*.cc' '*.c' | xargs clang-format-19 -i

clean:
	rm -rf build
