#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes data/sample: about 23 MB of English text in C4's form, from Debian's documentation packages.
# With --large, data/large: about 67 MB, from more of them (studies/).
# Nothing is installed: the packages are downloaded and unpacked under data/downloads.
# Exit codes: 0 done; 1 the packages cannot be had; 2 wrong use.
set -euo pipefail
cd "$(dirname "$0")"

output=sample large=()
if [[ $# == 1 && $1 == --large ]]; then
  output=large large=(--large)
elif (($# > 0)); then
  sed -n '3,6s/^# \?//p' make_sample.sh
  [[ $1 == -h || $1 == --help ]] && exit 0 || exit 2
fi

packages=(debian-handbook debian-policy debian-reference-en developers-reference git-doc
  linux-doc-6.1 postgresql-doc-15)
if [[ $output == large ]]; then
  packages+=(apache2-doc erlang-doc libboost1.74-doc llvm-14-doc openjdk-17-doc python-django-doc
    python3.11-doc qtbase5-doc-html sqlite3-doc)
fi
archives=$PWD/downloads/archives${large:+-large}

for tool in apt-get dpkg-deb python3; do
  if ! command -v "$tool" >/dev/null; then
    echo "make_sample.sh: $tool not found: the sample is made from Debian's packages, on Debian;" \
      "make it there and copy data/sample, or use C4 itself (data/README.md)" >&2
    exit 1
  fi
done

download() {
  local options=(-qq)
  ((EUID == 0)) && options+=(-o APT::Sandbox::User=root) # else apt warns that _apt cannot write here
  (cd "$1" && apt-get download "${options[@]}" "${packages[@]}")
}

# Into a fresh folder that replaces the old one whole, so that no package is there in two versions.
fetch_packages() {
  local fresh=$archives.new
  rm -rf "$fresh" && mkdir -p "$fresh"
  if ! download "$fresh" && ((EUID == 0)); then
    echo "make_sample.sh: apt-get download failed; trying once more after apt-get update"
    apt-get update -qq && download "$fresh"
  fi
  if [[ $(find "$fresh" -name '*.deb' | wc -l) == "${#packages[@]}" ]]; then
    rm -rf "$archives" && mv "$fresh" "$archives"
  elif [[ -d $archives ]]; then
    rm -rf "$fresh"
    echo "make_sample.sh: apt-get cannot download; going on with the packages downloaded before"
  else
    rm -rf "$fresh"
    echo "make_sample.sh: apt-get cannot download ${packages[*]}: check the network and" \
      "/etc/apt/sources.list, run 'apt-get update' as root, then start again" >&2
    return 1
  fi
}

echo "make_sample.sh: downloading ${#packages[@]} packages"
fetch_packages || exit 1

mkdir -p "$output/licences"
: >"$output/SOURCES.txt"
for package in "${packages[@]}"; do
  archive=$(echo "$archives/${package}"_*.deb)
  rm -rf "downloads/$package" && mkdir "downloads/$package"
  dpkg-deb -x "$archive" "downloads/$package"
  cp "downloads/$package/usr/share/doc/$package/copyright" "$output/licences/$package"
  echo "$package $(dpkg-deb -f "$archive" Version)  data/$output/licences/$package" >>"$output/SOURCES.txt"
done
echo "make_sample.sh: packages and their licences:"
sed 's/^/  /' "$output/SOURCES.txt"

python3 make_sample.py downloads "$output" "${large[@]}"
