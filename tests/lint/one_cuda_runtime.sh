#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# one_cuda_runtime.sh BUILD: the program is linked with one CUDA runtime, the shared one. With the static one beside it,
# which of them a symbol comes from would depend on their order.
set -euo pipefail
if ! commands=$(ninja -C "$1" -t commands switchyard 2>/dev/null); then
  echo "skipped: $1 was not made with Ninja"
  exit 77
fi
runtimes=$(tail -n 1 <<<"$commands" | grep -oE '[^ ]*cudart[^ ]*' | sort -u)
if [[ $(wc -l <<<"$runtimes") != 1 || $runtimes != */libcudart.so ]]; then
  printf 'the program is linked with:\n%s\n' "$runtimes"
  exit 1
fi
