# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154  # pack.sh sets $folder, $thin and $copy, and cached()
# Sourced by pack.sh: collects the libraries of what is in $folder so far, and lets each find those that it needs.

# Open MPI: what starts ranks, and plugins, but for those of special networks: between nodes it only
# coordinates, over TCP. This machine's settings (openmpi-mca-params.conf) stay here.
ompi() { ompi_info --parsable --path "$1" | sed "s/^path:$1://"; }
cp -L "$(ompi bindir)"/{orterun,orted} "$folder/openmpi/bin/"
cp -rL "$(ompi pkgdatadir)/." "$folder/openmpi/share/"
network='lib(ucp|ucs|uct|fabric|ibverbs|psm2|psm_infinipath|oshmem)\.so|not found'
for plugin in "$(ompi pkglibdir)"/mca_*.so; do
  # Not grep -q: it ends at once, ldd may then be killed by the closed pipe, and the pipeline would have failed.
  ldd "$plugin" | grep -E "$network" >/dev/null || cp -L "$plugin" "$folder/openmpi/plugins/"
done
pmix=$(ldd "$(ompi pkglibdir)"/mca_pmix_ext*.so 2>/dev/null | sed -n 's/.*libpmix\.so.* => \([^ ]*\) .*/\1/p')
if [[ -n $pmix ]]; then
  pmix=$(dirname "$(readlink -f "$pmix")")
  if [[ -d $pmix/pmix ]]; then cp -rL "$pmix/pmix" "$folder/pmix/lib/"; fi
fi

# The libraries that the program loads itself, which ldd does not know of, under the names it loads.
if [[ $thin == no ]] && ldd "$folder/bin/switchyard" | grep libcudart >/dev/null; then
  for library in "$(cached SY_cublasLt_LIBRARY)" "$(cached SY_nccl_LIBRARY)"; do
    "${copy[@]}" "$(readlink -f "$library")" "$folder/lib/$(objdump -p "$library" | sed -n 's/^ *SONAME *//p')"
  done
fi

# Libraries of all of it, but for the C library's and the driver's own.
own='linux-vdso|ld-linux|lib(c|m|mvec|dl|rt|pthread|util|resolv|nsl|anl|cuda|nvidia-[a-z-]*)\.so'
find "$folder/bin" "$folder/tests/bin" "$folder/lib" "$folder/openmpi" "$folder/pmix" -type f \
  \( -perm -u+x -o -name '*.so*' \) -print0 | xargs -0 -n 1 ldd 2>/dev/null |
  sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | sort -u >"$folder/lib/list.txt"
while read -r library; do
  [[ $(basename "$library") =~ ^($own) ]] && continue
  [[ -e $folder/lib/$(basename "$library") ]] || cp -L "$library" "$folder/lib/"
done <"$folder/lib/list.txt"
rm "$folder/lib/list.txt"

# Each finds its libraries by its own place. An LD_LIBRARY_PATH instead would reach whatever the tests start.
if [[ $thin == yes ]]; then find "$folder"/{bin,tests/bin,lib} -type f -exec strip --strip-unneeded {} +; fi
runs_with() { # RPATH FILE...; the machine's own LD_LIBRARY_PATH comes after it
  local file rpath=$1
  for file in "${@:2}"; do
    chmod u+w "$file"
    patchelf --force-rpath --set-rpath "$rpath" "$file"
  done
}
shopt -s nullglob
# shellcheck disable=SC2016  # the loader's own $ORIGIN
{
  runs_with '$ORIGIN/../lib' "$folder"/bin/*
  runs_with '$ORIGIN/../../lib' "$folder"/tests/bin/* "$folder"/openmpi/{bin,plugins}/*
  runs_with '$ORIGIN/../../../lib' "$folder"/pmix/lib/pmix/*.so
  for library in "$folder"/lib/*.so*; do
    [[ $(basename "$library") == lib@(cublasLt|nccl).* ]] || runs_with '$ORIGIN' "$library"  # these need no others
  done
}
