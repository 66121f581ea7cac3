# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by on_gpu.sh: what becomes of its parts' output.

# median FIELD: of that field of the lines on standard input, the columns separated by ", ".
median() {
  awk -F ', *' -v field="$1" '$field ~ /^[0-9.]+$/ { print $field }' | sort -n |
    awk '{ value[NR] = $1 } END { if (NR > 0) print value[int((NR + 1) / 2)] }'
}

# clocks_since FILE LINES: the medians of what was sampled after that many lines, or nothing if nothing was.
clocks_since() {
  local sm power
  sm=$(tail -n "+$(($2 + 1))" "$1" | median 2)
  power=$(tail -n "+$(($2 + 1))" "$1" | median 4)
  [[ -z $sm ]] || echo "SM $sm MHz${power:+, $power W}"
}

# pack_results FOLDER OUT: makes OUT/results.tar.xz of the folder, or results-2.tar.xz and so on if that exists. The longest
# files are left out until it has no more than 15 MiB ($ON_GPU_MOST_BYTES). Where xz is missing or slow, it is .tar.gz.
pack_results() {
  local most=${ON_GPU_MOST_BYTES:-$((15 << 20))} name=results number=1 archive long
  while [[ -n $(compgen -G "$2/$name.tar.*") ]]; do name=results-$((++number)); done
  for _ in {1..20}; do
    archive=$2/$name.tar.xz
    if ! XZ_OPT=-1 timeout 10 tar -C "$1" -cJf "$archive" . 2>/dev/null; then
      rm -f "$archive"
      archive=$2/$name.tar.gz
      tar -C "$1" -czf "$archive" .
    fi
    (($(wc -c <"$archive") > most)) || return 0
    rm "$archive"
    long=$(find "$1" -type f -printf '%s %p\n' | sort -rn | head -n 1 | cut -d ' ' -f 2-)
    rm "$long"
    echo "${long##*/} is left out: it is too long" >>"$1/left-out.txt"
  done
}
