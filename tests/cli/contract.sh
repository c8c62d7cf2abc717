#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# contract.sh HEDDLE: exit status, JSON keys and streams that scripts rely on.
set -u
heddle=("${@:?usage: contract.sh HEDDLE}")
if [ -n "${EMULATOR:-}" ]; then IFS=';' read -ra emulator <<<"$EMULATOR"; heddle=("${emulator[@]}" "${heddle[@]}"); fi
here=$(cd "$(dirname "$0")" && pwd)
models=$here/../models
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

# expect STATUS ARGS...: runs heddle; leaves $work/out and $work/err.
expect() {
  local want=$1 got=0
  shift
  "${heddle[@]}" "$@" >"$work/out" 2>"$work/err" || got=$?
  [ "$got" = "$want" ] || fail "heddle $*: status $got, expected $want: $(head -c 300 "$work/err")"
}

# keys KEY...: of the JSON document on standard output.
keys() {
  [ "$(head -c 1 "$work/out")" = '{' ] || fail "output is not one JSON document: $(head -c 80 "$work/out")"
  for key in "$@"; do
    grep -q "\"$key\": " "$work/out" || fail "JSON lacks \"$key\""
  done
}

says() { grep -q -- "$1" "$work/out" || fail "output lacks '$1': $(head -c 300 "$work/out")"; }
complains() { grep -q -- "$1" "$work/err" || fail "standard error lacks '$1': $(head -c 300 "$work/err")"; }

# Usage.
expect 2; complains 'run, inspect, verify, bench'
expect 2 fly; complains "no verb 'fly'; there are: run, inspect, verify, bench"
expect 2 run; complains 'MODEL is required'
expect 2 run a b
expect 2 run a.tflite --numerics approximate
expect 2 run a.tflite --hash-inputs --inputs a.npz
expect 2 verify; complains 'MODEL or --suite'
expect 2 verify a.tflite --suite b.tsv
expect 2 verify a.tflite --again threads
expect 2 verify --suite b.tsv --again backwards
expect 2 bench a.tflite --callers 0
expect 2 bench a.tflite --callers 1,x
expect 2 bench a.tflite --callers 1,,2; complains "'' in '1,,2': expected numbers of callers, 1 to 4096"
expect 2 bench a.tflite --arrivals constant
expect 2 bench a.tflite --open-loop 5 --arrivals sometimes
expect 2 bench a.tflite --seconds 0; complains "'0': expected a number above 0"
expect 2 bench a.tflite --seconds nan; complains "'nan': expected a number above 0"
expect 2 run a.tflite --cores 0; complains "'0': expected a whole number, 1 or more"
expect 2 run a.tflite --top 0; complains "'0': expected a whole number, 1 or more"
expect 0 --version; says '^heddle [0-9]'
expect 0 --help; says '14 unsupported'
for verb in run inspect verify bench; do
  expect 0 "$verb" --help
  says '^Example:'
  lines=$(wc -l <"$work/out")
  if [ "$lines" -lt 10 ] || [ "$lines" -gt 40 ]; then fail "$verb --help has $lines lines"; fi
  tail -n 1 "$work/out" | grep -q "^  heddle $verb " || fail "$verb --help does not end with an example"
done

# Errors are 10 + their kind.
expect 13 run "$work/none.tflite"; complains 'none.tflite'
expect 12 run "$models/broken/truncated.tflite"
expect 12 inspect "$models/broken/empty.tflite"
expect 14 run "$models/digits_f32.tflite" --device tpu; complains "device 'tpu'"
expect 13 run "$models/digits_f32.tflite" --signature none; complains 'serving_default'
expect 13 run "$models/digits_f32.tflite" --input nobody="$work/x.npy"; complains "no input 'nobody'"
expect 13 verify --suite "$models/SUITE.tsv" --filter 'no such model'
printf 'not an image' >"$work/x.png"
expect 14 run "$models/digits_f32.tflite" --image "$work/x.png"

# run
expect 0 run "$models/digits_int8.tflite" --top 3 --output "$work/out.npz"
says 'input   image     int8  1x8x8x1'
says 'output_0: the largest 3'
[ "$(head -c 2 "$work/out.npz")" = PK ] || fail 'run --output wrote no npz'
expect 0 run "$models/digits_f32.tflite" --inputs "$models/golden/digits_f32.npz" --json
keys model isa numerics inputs outputs name type shape range not_finite
says '"shape": \[16, 10\]'
says '"range": \[-\?[0-9.e-]*, [0-9.e-]*\]'
[ -s "$work/err" ] && fail "run --json wrote to standard error: $(cat "$work/err")"
expect 0 run "$models/digits_f32.tflite" --hash-inputs --signature serving_default --numerics reference --cores 1
expect 11 run "$models/digits_f32.tflite" --inputs "$models/golden/digits_int8.npz"; complains "expected f4"

# What a look inside tells, of run and of bench alike.
expect 0 run "$models/digits_int8.tflite" --profile --signature serving_default
says 'output_0'; says 'of peak'; says '^ *0  CONV_2D .* gemm_\|^ *0  CONV_2D .* plain$'; says '^steps together: '; says '^Peaks of one core'
expect 0 run "$models/digits_f32.tflite" --profile --trace "$work/run.json" --json
keys profile op kernel shape macs bytes us peak_share bound peaks
python3 "$here/check_trace.py" "$work/run.json" 1 || fail 'run --trace'
expect 0 bench "$models/digits_int8.tflite" --callers 3,1 --seconds 0.05 --profile --trace "$work/bench.json"
says 'of peak'
python3 "$here/check_trace.py" "$work/bench.json" 3 || fail 'bench --trace'
expect 13 run "$models/digits_f32.tflite" --trace "$work/none/trace.json"; complains "cannot write '.*trace.json'"

# A picture, 8 by 8 in grey, by its labels.
base64 -d >"$work/seven.png" <<<"iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAAAAADhZOFXAAAAN0lEQVR42mNgYJhw4f9/BwYGBoUDAQ4PQAwgCLgAoQ0uHAgAMy48\
ONAAYSRAZBweCEAYDwpAJACdkQ//xdmCMgAAAABJRU5ErkJggg=="
printf '%s\n' zero one two three four five six seven eight nine >"$work/digits.txt"
expect 0 run "$models/digits_f32.tflite" --image "$work/seven.png" --mean 0 --std 16 --labels "$work/digits.txt" --top 3
says 'output_0: the largest 3'; sed -n '/largest/{n;p}' "$work/out" | grep -q seven || fail "the picture of a seven: $(cat "$work/out")"

# Each --input serves the input that it names, once; an archive that serves none is noted.
expect 0 run "$models/digits_f32.tflite" --inputs "$work/out.npz" --json
complains "note: no array of '.*out.npz' is for an input"
printf '\223NUMPY\001\000\166\000%-117s\n' \
  "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 8, 8, 1), }" >"$work/x.npy"
head -c 256 /dev/zero >>"$work/x.npy"
expect 0 run "$models/digits_f32.tflite" --input "image=$work/x.npy"; says 'file'
expect 0 run "$models/digits_f32.tflite" --input "input_0=$work/x.npy"; says 'file'
expect 11 run "$models/digits_f32.tflite" --input "image=$work/x.npy" --input "input_0=$work/x.npy"
complains "input 'image' is given twice"
# A model that is refused takes no inputs.
expect 12 run "$models/broken/truncated.tflite" --inputs "$work/none.npz"

# Labels that are too few are told; output that cannot be written is an error.
printf 'zero\none\n' >"$work/labels.txt"
expect 0 run "$models/digits_f32.tflite" --labels "$work/labels.txt"; complains 'note: 2 labels for 10 scores'
for arguments in '--json' ''; do
  got=0
  # shellcheck disable=SC2086
  "${heddle[@]}" inspect "$models/digits_f32.tflite" $arguments >/dev/full 2>"$work/err" || got=$?
  [ "$got" = 16 ] || fail "inspect $arguments into a full disk: status $got, expected 16"
  complains 'cannot write all of standard output'
done
got=0
"${heddle[@]}" --help >/dev/full 2>"$work/err" || got=$?
[ "$got" = 16 ] || fail "--help into a full disk: status $got, expected 16"

# inspect
sum=$(sha256sum "$models/digits_int8.tflite")
expect 0 inspect "$models/digits_int8.tflite"
says "^sha256 ${sum%% *}$"
says 'CONV_2D'; says 'serving_default(image) -> output_0'; says '^batches: along axis 0; a queue learns while it serves whether that pays$'
expect 0 inspect "$models/digits_int8.tflite" --json
says "\"sha256\": \"${sum%% *}\""
keys model macs weights_bytes activation_bytes inputs outputs quantization signatures operators version count device problems \
     findings state batch passes reason

# verify
expect 0 verify "$models/digits_int8.tflite"; says "every bit is the plain kernels'"
expect 0 verify "$models/digits_f32.tflite" --json; keys model equal operators isa numerics difference
expect 0 verify --suite "$models/SUITE.tsv"
[ "$(tail -n 1 "$work/out")" = '6 passed, 0 failed, 0 unsupported' ] || fail "last line: $(tail -n 1 "$work/out")"
expect 0 verify --suite "$models/SUITE.tsv" --filter 'digits*' --again resized,threads,poisoned
says '^2 passed, 0 failed'
expect 0 verify --suite "$models/SUITE.tsv" --numerics reference --filter 'digits*' --json
keys passed failed unsupported cases model result why difference equal_share
says '"passed": 2'
# A golden that is not the model's own, and a sound model that is said to be broken, must fail.
mkdir "$work/suite" && cp "$models"/digits_f32.tflite "$models"/golden/digits_int8.npz "$work/suite"
{
  printf 'model\tgolden\texpect\ttolerance_reference\ttolerance_fast\n'
  printf 'digits_f32.tflite\tdigits_int8.npz\tok\t0\t0\n'
  printf 'digits_f32.tflite\t\tinvalid\t\t\n'
} >"$work/suite/SUITE.tsv"
expect 1 verify --suite "$work/suite/SUITE.tsv"
says '^failed       digits_f32.tflite  input .image. has i1 values, expected f4'
says '^failed       digits_f32.tflite  ran without an error'
says '^0 passed, 2 failed, 0 unsupported$'

# bench
expect 0 bench "$models/digits_int8.tflite" --callers 1,2 --seconds 0.1 --profile --json
keys model isa cores load_ms first_result_ms weights_bytes arena_bytes cells \
     callers per_second p50_ms p99_ms max_ms cpu_ms_per_call pss_mb profile peak_share bound peaks \
     crew budget threads governor_cap governor_moves shared_steps helped_steps straggler_ms spin_ms sleep_ms \
     waits_for_turn yields refused_starts throttled_periods throttled_ms governor
expect 0 bench "$models/digits_f32.tflite" --callers 2 --open-loop 500 --seconds 0.2 --cores 1
says 'per second'; says '2 callers'; says '500 a second were to come, poisson: '
expect 0 bench "$models/digits_f32.tflite" --callers 1 --open-loop 50 --arrivals constant --seconds 0.1 --json
keys callers per_second p50_ms p99_ms max_ms rate arrivals arrived refused waiting most_waiting queue_ms run_ms
says '"arrived": 5,'; says '"refused": 0,'
# Far more than can be done: the queue refuses what it would not get to.
expect 0 bench "$models/digits_f32.tflite" --inputs "$models/golden/digits_f32.npz" --numerics reference --cores 1 \
         --callers 1 --open-loop 1000000 --arrivals constant --seconds 0.5 --json
says '"refused": [1-9]'

[ "$failures" = 0 ] && echo "every promise kept"
exit $((failures > 0))
