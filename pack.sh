#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a folder that runs on another x86-64 Linux with an NVIDIA driver, without installing anything:
# the program, the tests for GPUs, and the libraries of both.
#   pack.sh [OPTION...] FOLDER                   FOLDER must not exist
#   pack.sh [OPTION...] --thin ARCHIVE.tar.xz    a small archive of such a folder: for one kind of GPU, without cuBLASLt
#                                                and NCCL, which the program then looks for on the machine
#     --arch ARCH      with --thin, the kind of GPU, as CMake's CUDA_ARCHITECTURES (90-real: H100 and H200)
#     --build BUILD    take this build as it is, instead of making one for any processor of the baseline
#     --baseline CPU   the oldest processor it is to run on, as gcc's -march (x86-64-v3: AVX2 and FMA)
#     --shared SHARED  add further cases of the tests, reference text and vectors, from this folder
#     --link           link to this machine's cuBLASLt and NCCL instead of copying them: to test this script
# Exit codes: 0; 1 something failed; 2 wrong use.
set -euo pipefail
cd "$(dirname "$0")"

build='' baseline=x86-64-v3 arch='' shared='' target='' thin=no copy=(cp -L --reflink=auto)
usage() { sed -n '3,14s/^# \?//p' pack.sh; }
wrong() { echo "pack.sh: $*" >&2; exit 2; }
while (($# > 0)); do
  case $1 in
    --build | --baseline | --shared | --arch)
      (($# > 1)) || wrong "$1 needs a value"
      declare "${1#--}=$2"
      shift
      ;;
    --thin) thin=yes ;;
    --link) copy=(ln -s) ;;
    -h | --help) usage; exit 0 ;;
    -*) wrong "unknown option '$1'; --help lists them" ;;
    *) [[ -z $target ]] || wrong "one result, not '$target' and '$1'"; target=$1 ;;
  esac
  shift
done
[[ -n $target ]] || { usage >&2; exit 2; }
[[ ! -e $target ]] || wrong "$target exists"
if [[ $thin == yes ]]; then
  [[ $target == *.tar.xz ]] || wrong "--thin makes an archive; name it NAME.tar.xz, not '$target'"
else
  [[ -z $arch ]] || wrong "--arch is for --thin"
fi
[[ -z $arch || -z $build ]] || wrong "--build has its architectures; leave out --arch"
command -v ompi_info >/dev/null || wrong "ompi_info of Open MPI is needed to find its files"
command -v patchelf >/dev/null || wrong "patchelf is needed (the package patchelf)"

if [[ -z $build ]]; then
  build=build-pack for_gpus=()
  if [[ $thin == yes ]]; then
    arch=${arch:-90-real} build=build-pack-$arch
    for_gpus=(-DCMAKE_CUDA_ARCHITECTURES="$arch" -DSY_CUDA=ON)
  fi
  cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DSY_NATIVE=OFF -DSY_BASELINE="$baseline" \
    -DSY_TESTS=ON "${for_gpus[@]}"
  targets=(switchyard)
  if [[ -e $build/gpu_tests.txt ]]; then targets+=(gpu_tests); fi
  cmake --build "$build" --target "${targets[@]}" -j "$(nproc)"
fi
[[ -x $build/switchyard ]] || wrong "$build has no program switchyard"
cached() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }
baseline=$(cached SY_BASELINE)
if [[ $(cached SY_NATIVE) == ON ]]; then
  baseline="the processor of the machine it was built on, and its like"
fi
folder=$target made=$target  # what is removed if this script fails
if [[ $thin == yes ]]; then
  made=$(mktemp -d "$target.XXXXXX")
  folder=$made/$(basename "$target" .tar.xz)
fi
trap 'rm -rf "$made"' EXIT

mkdir -p "$folder"/{bin,lib,openmpi/{bin,plugins,share,etc},pmix/lib,tests/{bin,bench}} "$folder/benchmarks"
folder=$(cd "$folder" && pwd)
build=$(cd "$build" && pwd)
cp "$build/switchyard" "$folder/bin/"
cp -r configs "$folder/"
cp LICENSE "$folder/"
if [[ -d data/sample && $thin == no ]]; then mkdir "$folder/data" && cp -r data/sample "$folder/data/"; fi
cp -r tests/e2e tests/support "$folder/tests/"
cp -r benchmarks/{on_gpu.sh,gpu_*.sh,race,roofline} "$folder/benchmarks/"
cp tests/bench/experts.sh "$folder/tests/bench/"
find "$folder/tests" "$folder/benchmarks" \( -name '*.cpp' -o -name '*.h' -o -name '*.cmake' -o -name '*.pyc' \) -delete
if [[ -d $build/tests/sample ]]; then cp -r "$build/tests/sample" "$folder/tests/"; fi
if [[ -n $shared ]]; then
  mkdir "$folder/shared"
  for part in data vectors; do
    if [[ -e $shared/$part ]]; then cp -rL "$shared/$part" "$folder/shared/"; fi
  done
fi

# The tests: name and command, a tab between words, the paths those of the folder.
if [[ -e $build/gpu_tests.txt ]]; then
  sed -e "s,$build/switchyard,switchyard,; s,$build/tests/,tests/bin/,; s,$PWD/,,g" "$build/gpu_tests.txt" >"$folder/tests/list.txt"
  for program in $(grep -o 'tests/bin/[a-z_0-9]*' "$folder/tests/list.txt" | sort -u); do
    [[ -x $build/tests/$(basename "$program") ]] || { echo "pack.sh: $build lacks tests; build its target gpu_tests" >&2; exit 1; }
    cp "$build/tests/$(basename "$program")" "$folder/$program"
  done
fi
touch "$folder/tests/list.txt"

# shellcheck source=tests/pack/libraries.sh
. tests/pack/libraries.sh

# What it needs from the machine, said in its README.
cp tests/pack/{environment.sh,switchyard,mpirun,run_tests.sh} "$folder/"
needed() { # NAME: the newest version of NAME's symbols
  find -L "$folder/bin" "$folder/tests/bin" "$folder/lib" -type f -print0 |
    xargs -0 grep -aohE "$1_[0-9]+\.[0-9]+" | sed "s/^$1_//" | sort -uV | tail -n 1
}
cuda=none gpu='It has no CUDA backend, and computes on the CPU.'
runtime=$(basename "$(find "$folder/lib" -name 'libcudart.so.*' | head -n 1)")
if [[ -n $runtime ]]; then
  major=${runtime#libcudart.so.}
  cuda="CUDA $major"
  driver="an NVIDIA driver for CUDA $major"
  if [[ $major == 13 ]]; then driver+=" (580 or newer)"; fi
  architectures=$(cached CMAKE_CUDA_ARCHITECTURES | tr ';' ' ')
  gpu="For \`backend: cuda\`: $driver, and a GPU that its kernels are compiled for, $architectures (\`90-real\` is compute capability"
  gpu+=" 9.0, \`90\` that and newer). Without, \`backend: auto\` computes on the CPU."
fi
included="the CUDA runtime, cuBLASLt, NCCL and Open MPI"
if [[ $thin == yes ]]; then included="the CUDA runtime and Open MPI"; fi
version=$("$folder/switchyard" --version | sed -n 1p)
sed -e "s/@VERSION@/$version/; s/@BASELINE@/${baseline:-any x86-64 processor}/; s/@CUDA@/$cuda/; s/@GPU@/$gpu/" \
  -e "s/@GLIBC@/$(needed GLIBC)/; s/@INCLUDED@/$included/; /@THIN@/$([[ $thin == yes ]] && echo s/@THIN@// || echo d)" \
  tests/pack/README.md >"$folder/README.md"
echo "$folder: $(du -sLh "$folder" | cut -f 1), $(wc -l <"$folder/tests/list.txt") tests for GPUs"
if [[ $thin == yes ]]; then
  # The programs share most of their code: a dictionary that spans them all stores it once.
  tar -C "$made" --sort=name --owner=0 --group=0 --numeric-owner -c "$(basename "$folder")" |
    xz --lzma2=preset=2,dict=128MiB >"$made/archive"
  mv "$made/archive" "$target"
  echo "$target: $(du -h --apparent-size "$target" | cut -f 1)"
else
  trap - EXIT
fi
