#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Pages name files that exist. Checked in every *.md: relative links, and code spans that look like a
# path: one that begins with a directory of the repository (`lib/model/`), or any name that ends as a
# source does (`stack.h`, `moe/router.h`), which must be the end of some source's path. Of code blocks:
# arguments that are a script, a configuration or a source below such a directory. Braces and wildcards
# are expanded. Not checked: names with a placeholder in capitals (`kernels/OP/OP.h`) and what is
# downloaded into data/.
source "$(dirname "$0")/common.sh"

directories='(benchmarks|cmake|cmd|configs|data|docs|kernels|lib|slurm|tests)'
span_of_path="\`($directories/[A-Za-z0-9_./{},*-]*|[A-Za-z0-9_./{},*-]+\.(h|cpp|cu|cmake|py|sh|sbatch|md))\`"
argument="(^| )$directories/[A-Za-z0-9_./*-]+\.(h|cpp|cu|cmake|py|sh|sbatch|yaml)"
all_sources=$(sources '*.h' '*.cpp' '*.cu' '*.cmake' '*.py' '*.sh' '*.sbatch' '*.md')

# a{b,c}.h as ab.h and ac.h, one a line. Expands braces alone: nothing of a page is evaluated.
expand_braces() {
  local path=$1 option
  if [[ ! $path =~ ^([^{]*)\{([^{}]*)\}(.*)$ ]]; then
    echo "$path"
    return
  fi
  local before=${BASH_REMATCH[1]} after=${BASH_REMATCH[3]} options
  IFS=, read -ra options <<<"${BASH_REMATCH[2]}"
  for option in "${options[@]}"; do expand_braces "$before$option$after"; done
}

exists() { compgen -G "$1" >/dev/null; }

is_end_of_source() { # NAME, perhaps with wildcards
  local pattern=${1//./\\.}
  grep -qE "(^|/)${pattern//\*/[^/]*}\$" <<<"$all_sources"
}

check_span() { # PLACE PATH
  local path
  [[ $2 =~ ^data/(sample|large|languages|downloads) ]] && return
  [[ ${2//README/} =~ [A-Z]{2,} ]] && return
  while read -r path; do
    exists "$path" || { [[ $path =~ \.[a-z]+$ ]] && is_end_of_source "$path"; } ||
      fault "$1: names $path, which does not exist"
  done < <(expand_braces "$2")
}

check_link() { # PAGE LINE TARGET
  local target=${3%%#*}
  [[ -z $target || $target =~ ^[a-z]+: ]] && return
  exists "$(dirname "$1")/$target" || fault "$1:$2: links to $target, which does not exist"
}

# The matches of a pattern as LINE:MATCH, outside of a page's code blocks or within them.
find_in() { # text|code PATTERN PAGE
  awk -v wanted="$1" '/^ *```/ { code = !code; print ""; next } { print (code == (wanted == "code")) ? $0 : "" }' "$3" |
    grep -noE "$2" || true
}

for page in $(sources '*.md'); do
  while IFS=: read -r line match; do
    match=${match#*\](}
    check_link "$page" "$line" "${match%)}"
  done < <(find_in text '\]\([^) ]+\)' "$page")
  while IFS=: read -r line match; do
    check_span "$page:$line" "${match//\`/}"
  done < <(find_in text "$span_of_path" "$page"; find_in code "$argument" "$page" | tr -d ' ')
done
finish
