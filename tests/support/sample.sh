# SPDX-License-Identifier: Apache-2.0
# Sourced with $switchyard set to the program under test. Sets $sample to the folder of text and tokenizers that the
# build makes for tests (tests/support/sample_maker.cpp lists its files): $SWITCHYARD_SAMPLE, or else the one that
# belongs to the program, in a build or in a packed folder.
sample=${SWITCHYARD_SAMPLE:-}
if [[ -z $sample ]]; then
  beside=$(cd "$(dirname "$switchyard")" && pwd)
  for sample in "$beside/tests/sample" "$beside/sample" "$beside/../tests/sample"; do
    [[ ! -e $sample ]] || break
  done
fi
if [[ ! -e $sample/small.model ]]; then
  echo "$sample does not exist; build the target test_sample" >&2
  exit 1
fi
