# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced in this folder by the scripts that make text of Debian's packages, with the script's name for its messages:
# downloads packages and unpacks them under downloads, without installing them.
script=$1

for tool in apt-get dpkg-deb python3; do
  if ! command -v "$tool" >/dev/null; then
    echo "$script: $tool not found: the text is made from Debian's packages, on Debian;" \
      "make it there and copy its folder, or use C4 itself (data/README.md)" >&2
    exit 1
  fi
done

# download FOLDER PACKAGE...
download() {
  local options=(-qq)
  ((EUID == 0)) && options+=(-o APT::Sandbox::User=root) # else apt warns that _apt cannot write here
  (cd "$1" && apt-get download "${options[@]}" "${@:2}")
}

# fetch_packages ARCHIVES PACKAGE...: into downloads/ARCHIVES, by way of a fresh folder that replaces the old one whole, so
# that no package is there in two versions. Ends the script if they cannot be had.
fetch_packages() {
  local archives=$PWD/downloads/$1 packages=("${@:2}") fresh=$PWD/downloads/$1.new
  echo "$script: downloading ${#packages[@]} packages"
  rm -rf "$fresh" && mkdir -p "$fresh"
  if ! download "$fresh" "${packages[@]}" && ((EUID == 0)); then
    echo "$script: apt-get download failed; trying once more after apt-get update"
    apt-get update -qq && download "$fresh" "${packages[@]}"
  fi
  if [[ $(find "$fresh" -name '*.deb' | wc -l) == "${#packages[@]}" ]]; then
    rm -rf "$archives" && mv "$fresh" "$archives"
  elif [[ -d $archives ]]; then
    rm -rf "$fresh"
    echo "$script: apt-get cannot download; going on with the packages downloaded before"
  else
    rm -rf "$fresh"
    echo "$script: apt-get cannot download ${packages[*]}: check the network and" \
      "/etc/apt/sources.list, run 'apt-get update' as root, then start again" >&2
    exit 1
  fi
}

# unpack_packages ARCHIVES OUTPUT PACKAGE...: each into downloads/PACKAGE; their versions and licences into OUTPUT.
unpack_packages() {
  local archives=downloads/$1 output=$2 package archive
  mkdir -p "$output/licences"
  : >"$output/SOURCES.txt"
  for package in "${@:3}"; do
    archive=$(echo "$archives/${package}"_*.deb)
    rm -rf "downloads/$package" && mkdir "downloads/$package"
    dpkg-deb -x "$archive" "downloads/$package"
    cp "downloads/$package/usr/share/doc/$package/copyright" "$output/licences/$package"
    echo "$package $(dpkg-deb -f "$archive" Version)  data/$output/licences/$package" >>"$output/SOURCES.txt"
  done
  echo "$script: packages and their licences:"
  sed 's/^/  /' "$output/SOURCES.txt"
}
