#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The disk fills up while a run writes: the error names the file and the reason, and earlier checkpoints stay
# intact. Once there is space again, the run resumes and reaches the metrics and weights of a run that always
# had enough. The test uses a mount namespace of its own, so that the small disk disappears with it.
if [[ -z ${SWITCHYARD_OWN_MOUNTS-} ]]; then
  for namespace in "--mount" "--mount --map-root-user"; do
    # shellcheck disable=SC2086
    unshare $namespace mount -t tmpfs tmpfs /tmp 2>/dev/null &&
      SWITCHYARD_OWN_MOUNTS=1 exec unshare $namespace "$0" "$@"
  done
  echo "skipped: mounting a small disk is not permitted"
  exit 77
fi
source "$(dirname "$0")/common.sh"
export OMPI_MCA_orte_tmpdir_base=$folder  # root in this namespace may not be root outside
disk=$folder/disk
mkdir "$disk"
trap 'umount -ql "$disk" || true; rm -rf "$folder"' EXIT
settings=(--set train.eval_every=0 --set run.hang_timeout_seconds=60)
on_disk=("${settings[@]}" --set run.directory="$disk")
checkpoints=$disk/run/checkpoints

fail() {
  cat "$folder/run.out"
  ls -l "$checkpoints"
  echo "$1"
  exit 1
}

# fill SPARE: fills the disk except for SPARE bytes.
fill() {
  local room
  room=$(($(stat --file-system --format='%a * %S' "$disk")))
  head -c $((room - $1)) /dev/zero >"$disk/filler"
}

# check_messages FILE: every error of every rank names a file on the disk and the reason, and one names FILE.
check_messages() {
  local errors=$folder/errors
  sed -n 's/^\(\[rank [^]]*\] \)\?error: //p' "$folder/run.out" >"$errors"
  [[ -s $errors ]] || fail "no error is reported"
  ! grep -v "$disk/run/.*No space left on device" "$errors" ||
    fail "an error without file or reason"
  grep -q "$1" "$errors" || fail "the error does not name $1"
}

# fills_up RANKS SPARE FILE STEP: resumes from step 5 with SPARE bytes of space. FILE cannot be written, and the
# newest checkpoint is that of STEP.
fills_up() {
  local ranks=$1 spare=$2 file=$3 step=$4 code=0 begun=$SECONDS
  rm -rf "$disk/run"
  cp -r "$folder/begun-$ranks" "$disk/run"
  fill "$spare"
  train "$ranks" run "${on_disk[@]}" || code=$?
  ((code == 1)) || fail "the exit code is $code"
  ((SECONDS - begun < 60)) || fail "the ranks hung"
  check_messages "$file"
  [[ $(ls -d "$checkpoints"/step-???????? | tail -n 1) == */step-$step ]] || fail "step $step is not the newest"
  "$switchyard" inspect "$checkpoints/step-$step" --verify >"$folder/verify.txt" || fail "step $step is damaged"

  rm "$disk/filler"
  train "$ranks" run "${on_disk[@]}" || fail "the run does not resume"
  grep -q "^resumed from $checkpoints/step-$step " "$folder/run.out" || fail "it resumed from another checkpoint"
  python3 "$here/compare_metrics.py" 0 "$folder/straight-$ranks/metrics.jsonl" "$disk/run/metrics.jsonl"
  "$switchyard" inspect "$checkpoints/step-00000020" --verify >"$folder/verify.txt" ||
    fail "the last checkpoint is damaged"
  diff "$folder/straight-$ranks.txt" "$folder/verify.txt"
  echo "$ranks ranks, $spare bytes of space: $(head -n 1 "$folder/errors")"
}

for ranks in 1 2; do
  train "$ranks" "straight-$ranks" "${settings[@]}"
  last=$folder/straight-$ranks/checkpoints/step-00000020
  "$switchyard" inspect "$last" --verify >"$folder/straight-$ranks.txt"
  size=$(du --summarize --bytes "$last" | cut -f 1)
  mount -t tmpfs -o size=$((5 * size)) tmpfs "$disk"  # space for all four checkpoints
  train "$ranks" run "${on_disk[@]}" --set train.steps=5
  cp -r "$disk/run" "$folder/begun-$ranks"
  fills_up "$ranks" 0 /lock 00000005
  fills_up "$ranks" 4096 metrics.jsonl 00000005  # a page, which the lock takes
  fills_up "$ranks" $((size / 2)) "step-00000010.partial/shard-0000" 00000005
  fills_up "$ranks" $((size - 20000)) "step-00000010.partial/index.h5" 00000005
  fills_up "$ranks" $((size + size / 2)) "step-00000015.partial/shard-0000" 00000010
  umount -l "$disk"
done
