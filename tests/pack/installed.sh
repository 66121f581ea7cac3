#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# installed.sh BUILD: what `cmake --install` and the Debian package hold is complete, and the program runs where it was moved.
set -euo pipefail
build=$(cd "$1" && pwd)
source=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
  echo "$*"
  exit 1
}

# check PREFIX: the files are there, the program finds its libraries, and it reads an installed configuration.
check() {
  local prefix=$1 file
  for file in configs/quickstart.yaml slurm/pretrain.sbatch slurm/run_step.sh; do
    [[ -f $prefix/share/switchyard/$file ]] || fail "$prefix has no share/switchyard/$file"
  done
  for file in LICENSE README.md CHANGELOG.md docs/configuration.md; do
    [[ -f $prefix/share/doc/switchyard/$file ]] || fail "$prefix has no share/doc/switchyard/$file"
  done
  [[ $(ls "$source/configs" "$source/slurm") == "$(cd "$prefix/share/switchyard" && ls configs slurm |
    sed "s,^\(configs\|slurm\):$,$source/\1:,")" ]] || fail "configs or slurm are incomplete in $prefix"
  [[ $(ls "$prefix") == "$(printf 'bin\nshare')" ]] || fail "$prefix holds more than bin and share: $(ls "$prefix")"
  ! ldd "$prefix/bin/switchyard" | grep 'not found' || fail "$prefix/bin/switchyard lacks libraries"
  ! readelf -d "$prefix/bin/switchyard" | grep -E 'R(UN)?PATH' | grep -F "$build" || fail "the program looks for libraries in its build folder"
  [[ $(env -i "$prefix/bin/switchyard" --version) == switchyard\ * ]] || fail "--version says something else"
  (cd "$folder" && env -i "$prefix/bin/switchyard" config "$prefix/share/switchyard/configs/quickstart.yaml") |
    grep '^model:' >/dev/null || fail "the installed program does not read an installed configuration"
}

cmake --install "$build" --prefix "$folder/installed" --strip >"$folder/log" || { cat "$folder/log"; exit 1; }
mv "$folder/installed" "$folder/else where"
check "$folder/else where"

if ! command -v dpkg-shlibdeps >/dev/null; then
  echo "no Debian package is tested: dpkg-shlibdeps is not installed"
  exit 0
fi
# gzip: this package is thrown away.
cpack -G DEB --config "$build/CPackConfig.cmake" -B "$folder/cpack" -D CPACK_DEBIAN_COMPRESSION_TYPE=gzip >"$folder/log" 2>&1 ||
  { cat "$folder/log"; exit 1; }
package=$(ls "$folder"/cpack/*.deb)
[[ $(basename "$package") == switchyard_*_*.deb ]] || fail "the package's name is $package"
depends=$(dpkg-deb -f "$package" Depends)
for library in openmpi-bin libc6 libopenmpi libhdf5 libdnnl libsentencepiece; do
  [[ $depends == *$library* ]] || fail "the package does not depend on $library: $depends"
done
dpkg-deb -x "$package" "$folder/root"
[[ $(ls "$folder/root") == usr ]] || fail "the package holds more than /usr: $(ls "$folder/root")"
check "$folder/root/usr"
