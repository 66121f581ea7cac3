#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what Switchyard is built from, on Debian 12: only what is missing, and it says what.
#   setup.sh           what the program needs
#   setup.sh --tests   also what its tests and fuzzers need
# Exit codes: 0 everything is there; 1 the installation failed; 2 wrong use, or root is needed.
set -euo pipefail

program=(
  build-essential cmake ninja-build
  openmpi-bin libopenmpi-dev
  libhdf5-dev libsentencepiece-dev libyaml-cpp-dev libdnnl-dev libsimdjson-dev
  nlohmann-json3-dev
  libcli11-dev libfmt-dev zlib1g-dev libzstd-dev libxxhash-dev libutf8proc-dev
  libprotobuf-dev protobuf-compiler libboost-context-dev
  catch2 python3
)
# libomp-dev has the omp.h that clang-tidy reads; pack.sh needs patchelf; tests/hosts needs iproute2; the batch scripts are tested
# under a Slurm on this host.
tests=(clang libclang-rt-14-dev python3-h5py python3-yaml python3-matplotlib clang-format clang-tidy libomp-dev patchelf xz-utils
  slurm-wlm munge iproute2)

usage() { sed -n '3,6s/^# \?//p' "$0"; }

wanted=("${program[@]}")
for argument in "$@"; do
  case $argument in
    --tests) wanted+=("${tests[@]}") ;;
    -h | --help) usage; exit 0 ;;
    *) echo "setup.sh: unknown argument '$argument'" >&2; usage >&2; exit 2 ;;
  esac
done

if ! command -v dpkg-query >/dev/null; then
  echo "setup.sh: this is not a Debian system (no dpkg); install the equivalents of:" >&2
  echo "  ${wanted[*]}" >&2
  exit 2
fi

is_installed() {
  [[ $(dpkg-query -W -f '${Status}' "$1" 2>/dev/null) == "install ok installed" ]]
}

missing=()
for package in "${wanted[@]}"; do
  is_installed "$package" || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  echo "setup.sh: all ${#wanted[@]} packages are installed"
  exit 0
fi

echo "setup.sh: missing: ${missing[*]}"
if ((EUID != 0)); then
  echo "setup.sh: installing needs root; run this, then start again:" >&2
  echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
  exit 2
fi

# apt_get ARGUMENTS...: apt-get. While another package manager (such as unattended-upgrades after a
# start) holds the lock, it waits for up to 15 minutes.
apt_get() {
  local errors status said=no limit=$((SECONDS + 900))
  while :; do
    status=0
    errors=$(LC_ALL=C apt-get "$@" 2>&1 >&3) || status=$?
    [[ $status != 0 && $errors == *"Could not get lock"* ]] || break
    if ((SECONDS >= limit)); then
      echo "setup.sh: the lock is still held after 15 minutes; end its owner or start again later" >&2
      break
    fi
    if [[ $said == no ]]; then
      echo "setup.sh: waiting for another package manager, for up to 15 minutes:"
      grep -m 1 "Could not get lock" <<<"$errors"
      said=yes
    fi
    sleep 5
  done
  [[ -z $errors ]] || printf '%s\n' "$errors" >&2
  return "$status"
} 3>&1

export DEBIAN_FRONTEND=noninteractive
if ! apt_get update -qq; then
  echo "setup.sh: apt-get update failed; trying with the package lists that are here" >&2
fi
if ! apt_get install -y -qq --no-install-recommends "${missing[@]}"; then
  echo "setup.sh: apt-get could not install: ${missing[*]}" >&2
  exit 1
fi
echo "setup.sh: installed ${#missing[@]} packages"
