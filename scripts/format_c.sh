#!/bin/sh
# format_c.sh check|apply: layout of the C and C++ sources, by clang-format 14 and .clang-format.
# Other versions lay out otherwise; without version 14 nothing is checked, and this says so.
set -eu
cd "$(dirname "$0")/.."
for tool in clang-format-14 clang-format; do
    if command -v "$tool" >/dev/null && "$tool" --version | grep -q 'version 14\.'; then
        find runtime export benchmarks tests/c tests/support \( -name '*.[ch]' -o -name '*.[ch]pp' \) \
            ! -name '*.inc.h' ! -path '*/CMakeFiles/*' -print | sort |
            case ${1:-} in
            check) xargs "$tool" --style=file --dry-run --Werror ;;
            apply) xargs "$tool" --style=file -i ;;
            *) echo "format_c.sh: check or apply, not '${1:-}'" >&2; exit 2 ;;
            esac
        exit
    fi
done
echo "format_c.sh: clang-format 14 is not installed: the layout of the C sources is NOT checked." \
    "On Debian: apt-get install clang-format-14" >&2
[ "${RNNEDGE_REQUIRE:-}" != all ]
