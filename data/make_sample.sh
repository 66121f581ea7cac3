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

source packages.sh make_sample.sh
fetch_packages "archives${large:+-large}" "${packages[@]}"
unpack_packages "archives${large:+-large}" "$output" "${packages[@]}"
python3 make_sample.py downloads "$output" "${large[@]}"
