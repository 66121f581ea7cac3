#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes data/languages: 1 to 2 MB of text in each of nine languages in mC4's form, from Debian's translated handbooks.
# Nothing is installed: the packages are downloaded and unpacked under data/downloads.
# Exit codes: 0 done; 1 the packages cannot be had; 2 wrong use.
set -euo pipefail
cd "$(dirname "$0")"

if (($# > 0)); then
  sed -n '3,5s/^# \?//p' make_languages.sh
  [[ $1 == -h || $1 == --help ]] && exit 0 || exit 2
fi

packages=(debian-handbook installation-guide-amd64
  debian-reference-{de,en,es,fr,it,ja,pt,zh-cn}
  developers-reference{,-de,-fr,-it,-ja,-ru}
  debian-faq{,-de,-fr,-it,-ru,-zh-cn}
  maint-guide{,-de,-es,-fr,-it,-ja,-ru,-zh-cn}
  aptitude-doc-{en,es,fr,it,ja,ru})

source packages.sh make_languages.sh
fetch_packages archives-languages "${packages[@]}"
unpack_packages archives-languages languages "${packages[@]}"
python3 make_languages.py downloads languages
