#!/bin/sh
# run.sh [SECONDS]: fuzz both targets with ASan and UBSan, then print the line coverage of loader
# and state.
# run.sh SECONDS TARGET FILE: fuzz `model` or `snapshot` with FILE in place of the source of its
# name, and the other objects of the run before: a planted bug that the target has to find.
# Needs clang with its runtime and the llvm tools of the same version.
set -eu
seconds=${1:-60}
here=$(cd "$(dirname "$0")" && pwd)
core=$(dirname "$here")
work=${RNNE_FUZZ_DIR:-$core/../../build/fuzz}
mkdir -p "$work"
work=$(cd "$work" && pwd)
clang=$(command -v clang-14 || command -v clang) || {
    echo "run.sh: clang is not installed. On Debian: apt-get install clang-14 libclang-rt-14-dev" \
        "llvm-14" >&2
    exit 1
}
suffix=${clang##*clang}
sanitizers=address,undefined

compile() { # folder, flags...
    mkdir -p "$work/$1"
    (cd "$work/$1" && shift && "$clang" -std=c99 -g -O1 -I"$core/include" -I"$core/src/load" \
        -I"$core/src/stream" \
        -DRNNE_FUZZ_MODELS="\"$here/corpus_model\"" "$@")
}

sanitize() { # folder, sources...
    compile "$@" -c -fsanitize=fuzzer-no-link,$sanitizers -fno-sanitize-recover=undefined
}

fuzz() { # folder of objects, target
    compile "$1" -fsanitize=fuzzer,$sanitizers "$work/$1"/*.o "$here/fuzz_$2.c" -o "$2"
    mkdir -p "$work/$1/found_$2"
    log=$work/$1/$2.log
    status=0
    "$work/$1/$2" -max_total_time="$seconds" -seed=1 -max_len=16384 -print_final_stats=1 \
        -artifact_prefix="$work/$1/crash_$2-" "$work/$1/found_$2" "$here/corpus_$2" \
        >"$log" 2>&1 || status=$?
    grep -E "^(SUMMARY|==|stat::number_of_executed|INFO: seed)|ERROR|DONE" "$log" || status=1
    [ $status = 0 ] || { echo "fuzz_$2 failed: see $log"; exit 1; }
}

if [ $# -eq 3 ]; then
    rm -rf "$work/planted"
    mkdir "$work/planted"
    cp "$work"/sanitized/*.o "$work/planted"
    sanitize planted "$3"
    fuzz planted "$2"
    exit
fi

sanitize sanitized "$core"/src/*/*.c
fuzz sanitized model
fuzz sanitized snapshot

coverage="-fsanitize=fuzzer -fprofile-instr-generate -fcoverage-mapping"
compile covered -c -fsanitize=fuzzer-no-link ${coverage#* } "$core"/src/*/*.c
for target in model snapshot; do
    compile covered $coverage "$work"/covered/*.o "$here/fuzz_$target.c" -o $target
    LLVM_PROFILE_FILE="$work/covered/$target.profraw" "$work/covered/$target" -runs=0 \
        "$work/sanitized/found_$target" "$here/corpus_$target" 2>/dev/null
done
"llvm-profdata$suffix" merge -o "$work/all.profdata" "$work"/covered/*.profraw
"llvm-cov$suffix" report "$work/covered/model" -object "$work/covered/snapshot" \
    -instr-profile="$work/all.profdata" \
    "$core"/src/load "$core"/src/layers "$core"/src/graph "$core/src/base/crc32.c" "$core/src/stream/state.c"
