#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Includes run one way: base <- tensor <- {kernels, dist, config, data, checkpoint} <- {model, measure, report, tasks}
# <- {generate, convert, train} <- finetune <- bench <- plan <- cmd. Directories on one level do not include each other, except for the
# headers named below.
source "$(dirname "$0")/common.sh"

declare -A level=([base]=0 [tensor]=1 [kernels]=2 [dist]=2 [config]=2 [data]=2 [checkpoint]=2
  [model]=3 [measure]=3 [report]=3 [tasks]=3 [generate]=4 [convert]=4 [train]=4 [finetune]=5 [bench]=6 [plan]=7 [cmd]=8)
# These headers contain only plain structs.
shared_headers=" lib/config/run_config.h "
# Only these two files may include the stand-ins for execution on the host.
host_execution=" kernels/cuda/device.h:tests/hostcuda/device/device.h kernels/cuda/launch.h:tests/hostcuda/device/launch.h "

room_of() { # lib/ROOM/..., kernels/... or cmd/...
  local path=${1#lib/}
  echo "${path%%/*}"
}

check_include() {
  local file=$1 line=$2 included=$3 from to
  from=$(room_of "$file")
  to=$(room_of "$included")
  [[ $from == "$to" || $host_execution == *" $file:$included "* ]] && return
  if [[ ! $included == */* || -z ${level[$to]:-} ]]; then
    fault "$file:$line: includes $included, which is not a path from the root into lib, kernels or cmd"
  elif ((level[$to] > level[$from])); then
    fault "$file:$line: includes $included, but $to lies above $from"
  elif ((level[$to] == level[$from])) && [[ $shared_headers != *" $included "* ]]; then
    fault "$file:$line: includes $included, but $to lies beside $from"
  fi
}

for file in $(sources '*.h' '*.cpp' '*.cu' '*.cuh' | grep -E '^(lib|kernels|cmd)/'); do
  if [[ -z ${level[$(room_of "$file")]:-} ]]; then
    fault "$file: its directory has no level in tests/lint/includes.sh; add it there"
    continue
  fi
  while IFS=: read -r line text; do
    included=${text#*\"}
    check_include "$file" "$line" "${included%%\"*}"
  done < <(grep -nE '^ *# *include *"' "$file" || true)
done
finish
