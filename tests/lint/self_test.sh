#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The lints can fail: each finds the violation planted in a small tree, and none before.
set -euo pipefail
lints=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failed=0

fresh_tree() {
  rm -rf "${tree:?}"/*
  mkdir -p "$tree"/{lib/{base,tensor,dist,config,data,model},kernels/{add,cuda},cmd,tests/kernels}
  cp "$lints/../../.clang-format" "$tree"
  echo '#include "lib/base/error.h"' >"$tree/lib/tensor/tensor.h"
  printf '#include "kernels/add/add.h"\n#include "lib/config/run_config.h"\n' >"$tree/lib/model/loss.h"
  echo '#include "lib/config/run_config.h"' >"$tree/lib/data/loader.h"
  printf 'template <class T>\nstruct AddImpl;\n' >"$tree/kernels/add/add.h"
  echo '#include "tests/hostcuda/device/device.h"' >"$tree/kernels/cuda/device.h"
  echo 'sy_add_op(add)' >"$tree/kernels/sources.cmake"
  printf '[add](../kernels/add/add.h), `add/add.{h,cpp}`, `kernels/OP/OP.h`\n' >"$tree/lib/README.md"
  printf '```\nclang-format -i kernels/add/add.h build/none.h\n```\n' >>"$tree/lib/README.md"
  touch "$tree"/kernels/add/add{.cpp,_cpu.cpp,_cuda.cu} "$tree/tests/kernels/add_test.cpp"
}

# finds LINT TEXT: the lint fails on the tree and prints TEXT.
finds() {
  local output status=0
  output=$("$lints/$1.sh" "$tree") || status=$?
  if [[ $status == 77 ]]; then
    return
  elif [[ $status != 1 || $output != *"$2"* ]]; then
    echo "$1.sh: exit code $status instead of 1, or '$2' is missing from: $output"
    failed=1
  fi
  fresh_tree
}

fresh_tree
for lint in includes file_length leftovers ops links format; do
  status=0
  output=$("$lints/$lint.sh" "$tree") || status=$?
  [[ $status == 0 || $status == 77 ]] || { echo "$lint.sh fails on a clean tree: $output"; failed=1; }
done

echo '#include "lib/model/loss.h"' >>"$tree/kernels/add/add.cpp"
finds includes 'kernels/add/add.cpp:1: includes lib/model/loss.h, but model lies above kernels'
echo '#include "lib/data/loader.h"' >>"$tree/lib/dist/mesh.h"
finds includes 'lib/dist/mesh.h:1: includes lib/data/loader.h, but data lies beside dist'
echo '#include "tests/hostcuda/device/device.h"' >>"$tree/kernels/add/add.cpp"
finds includes 'kernels/add/add.cpp:1: includes tests/hostcuda/device/device.h, which is not a path'
echo '#include "error.h"' >>"$tree/lib/tensor/tensor.h"
finds includes 'lib/tensor/tensor.h:2: includes error.h, which is not a path'
mkdir "$tree/lib/attic" && touch "$tree/lib/attic/old.h"
finds includes 'lib/attic/old.h: its directory has no level'
seq 501 >"$tree/cmd/main.cpp"
finds file_length 'cmd/main.cpp: 501 lines'
echo "// TO""DO: later" >"$tree/cmd/main.cpp"
finds leftovers 'cmd/main.cpp:1: a note about unfinished work'
echo "data: /ho""me/me/c4" >"$tree/cmd/main.yaml"
finds leftovers 'cmd/main.yaml:1: a path that exists only on one machine'
rm "$tree/kernels/add/add_cpu.cpp"
finds ops 'op add has no kernels/add/add_cpu.cpp'
rm "$tree/kernels/add/add_cuda.cu"
finds ops 'op add has no kernels/add/add_cuda.cu'
echo >"$tree/kernels/sources.cmake"
finds ops 'no sy_add_op(add)'
echo '[add](kernels/add/add.h#one)' >>"$tree/lib/README.md"
finds links 'lib/README.md:5: links to kernels/add/add.h, which does not exist'
echo 'A span, `kernels/add/subtract.h`, and `lib/base/`.' >>"$tree/lib/README.md"
finds links 'lib/README.md:5: names kernels/add/subtract.h, which does not exist'
echo '`add_{cpu,gpu}.cpp`' >>"$tree/lib/README.md"
finds links 'lib/README.md:5: names add_gpu.cpp, which does not exist'
printf '```\nbash tests/lint/none.sh\n```\n' >>"$tree/lib/README.md"
finds links 'lib/README.md:6: names tests/lint/none.sh, which does not exist'
echo 'int  f( );' >"$tree/cmd/main.cpp"
finds format 'cmd/main.cpp:1: not formatted; run clang-format'

# licence, on a tree of its own: the others' count lines.
rm -rf "${tree:?}"/* && mkdir "$tree/cmd"
echo '// SPDX-License-Identifier: Apache-2.0' >"$tree/cmd/main.cpp"
printf '#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n' >"$tree/test.sh"
output=$("$lints/licence.sh" "$tree") || { echo "licence.sh fails on a clean tree: $output"; failed=1; }
printf '\n\n// SPDX-License-Identifier: Apache-2.0\n' >"$tree/cmd/main.cpp"
finds licence "cmd/main.cpp: no line 'SPDX"

# tidy, on one file and options of its own.
rm -rf "${tree:?}"/* && mkdir "$tree/cmd"
cp "$lints/../../.clang-tidy" "$tree"
printf '[{"directory": "%s", "file": "cmd/main.cpp", "command": "c++ -std=c++20 -fno-tree-slp-vectorize -c cmd/main.cpp"}]' \
  "$tree" >"$tree/compile_commands.json"
moved() { # USE: what is done with a string after it was moved from
  printf '#include <string>\nstd::string twice(std::string text) {\n  std::string taken = std::move(text);\n  %s\n}\n' "$1"
}
moved 'return taken;' >"$tree/cmd/main.cpp"
status=0
output=$("$lints/tidy.py" "$tree" "$tree") || status=$?
[[ $status == 0 || $status == 77 ]] || { echo "tidy.py fails on a clean tree: $output"; failed=1; }
moved 'return taken + text;' >"$tree/cmd/main.cpp"
status=0
output=$("$lints/tidy.py" "$tree" "$tree") || status=$?
[[ $status == 77 || $output == *"cmd/main.cpp:4:18: error: 'text' used after it was moved [bugprone-use-after-move"* ]] ||
  { echo "tidy.py does not find a use after a move: $status $output"; failed=1; }
exit $failed
