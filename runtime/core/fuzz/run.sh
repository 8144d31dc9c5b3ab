#!/bin/sh
# run.sh [SECONDS]: fuzz both targets with ASan and UBSan, then print the loader's line coverage.
# Needs clang with its runtime and the llvm tools of the same version.
set -eu
seconds=${1:-60}
here=$(cd "$(dirname "$0")" && pwd)
core=$(dirname "$here")
work=${RNNE_FUZZ_DIR:-$core/../../build/fuzz}
clang=$(command -v clang || command -v clang-14)
suffix=${clang##*clang}
mkdir -p "$work"

build() { # target, flags...
    target=$1
    shift
    "$clang" -std=c99 -g -O1 -I"$core/include" "$@" \
        -DRNNE_FUZZ_MODEL="\"$here/corpus_model/gru.rnne\"" \
        "$core"/src/*.c "$here/fuzz_$target.c" -o "$work/$target"
}

for target in model snapshot; do
    build $target -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined
    mkdir -p "$work/found_$target"
    "$work/$target" -max_total_time="$seconds" -seed=1 -max_len=16384 -print_final_stats=1 \
        -artifact_prefix="$work/crash_$target-" "$work/found_$target" "$here/corpus_$target" \
        2>&1 | grep -E "^(ERROR|SUMMARY|==|stat::number_of_executed|INFO: seed)|DONE" ||
        { echo "fuzz_$target failed"; exit 1; }
    if ls "$work/crash_$target-"* >/dev/null 2>&1; then
        echo "fuzz_$target: an input crashed, see $work"
        exit 1
    fi
done

for target in model snapshot; do
    build $target -fsanitize=fuzzer -fprofile-instr-generate -fcoverage-mapping
    LLVM_PROFILE_FILE="$work/$target.profraw" \
        "$work/$target" -runs=0 "$work/found_$target" "$here/corpus_$target" 2>/dev/null
done
"llvm-profdata$suffix" merge -o "$work/all.profdata" "$work"/*.profraw
"llvm-cov$suffix" report "$work/model" -object "$work/snapshot" \
    -instr-profile="$work/all.profdata" \
    "$core/src/file.c" "$core/src/layout.c" "$core/src/layer.c" "$core/src/model.c" \
    "$core/src/crc32.c" "$core/src/state.c" "$core/src/selftest.c"
