# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154  # gpu_parts.sh sets $switchyard, $out and $seconds
# Sourced by gpu_parts.sh: the parts that run the program under ncu and nsys.

# on_small SEQUENCES CONFIG COMMAND...: runs one round of the configuration's benchmark under the command.
on_small() {
  local sequences=$1 config=$2
  shift 2
  "$@" "$switchyard" bench "configs/$config.yaml" --rounds 1 --set backend=cuda --set precision=bfloat16 \
    --set model.experts.group_tokens.encoder=auto --set model.experts.group_tokens.decoder=auto \
    --set train.micro_batch="$sequences" --set train.global_batch="$sequences" --set data.streams="$sequences"
}

# count FILE SEQUENCES CONFIG ARGUMENT...: writes ncu's counters of that benchmark to the file. The clocks stay as they
# are: the card may be somebody else's, and times should compare with those of `bench`.
count() {
  local file=$1 code=0
  on_small "$2" "$3" ncu --clock-control none --target-processes all "${@:4}" >"$file" 2>&1 || code=$?
  if grep -q ERR_NVGPUCTRPERM "$file"; then skip "the driver lets only root read the GPU's counters"; fi
  if grep -q LibraryNotLoaded "$file"; then skip "ncu cannot read this GPU's counters"; fi
  ((code == 0)) || tail -n 40 "$file"
  return $code
}

# Prints lines `SECONDS CALLS KERNEL` from ncu's table of durations, longest first.
sum_durations() {
  awk -F '","' '
    { gsub(/^"|"$/, "") }
    /,"Kernel Name",/ { for (i = 1; i <= NF; ++i) column[$i] = i; next }
    column["Kernel Name"] && $column["Metric Name"] == "gpu__time_duration.sum" {
      value = $column["Metric Value"]
      gsub(",", "", value)
      sum[$column["Kernel Name"]] += value
      ++calls[$column["Kernel Name"]]
    }
    END { for (name in sum) printf "%.6f %d %s\n", sum[name] * 1e-9, calls[name], name }' "$1" | sort -rn
}

# Times every kernel of about one step of Switch-Base, which ncu does in one pass. Then collects counters of our own
# kernels, longest first, for as long as there is time: on a small model, since for these ncu saves and restores the
# memory that a kernel writes.
kernels() {
  local kernel longest counted='' sections=()
  need ncu
  count "$out/ncu-durations.csv" 16 switch-base-8 --csv --print-units base --print-kernel-base function \
    --metrics gpu__time_duration.sum --launch-skip 2100 --launch-count 2100 || return
  sum_durations "$out/ncu-durations.csv" | tee "$out/kernels.txt"
  longest=$(awk '$3 ~ /_kernel$/ { print $3 }' "$out/kernels.txt" | head -n 6)
  [[ -n $longest ]] || { echo "none of our own kernels was seen"; return 1; }
  for section in LaunchStats Occupancy SpeedOfLight WarpStateStats; do sections+=(--section "$section"); done
  for kernel in $longest; do
    echo "note: $(wc -l <"$out/kernels.txt") kernels timed, counters collected for:${counted:- none}"
    ((seconds - SECONDS > 10)) || return 0
    count "$out/ncu-$kernel.txt" 64 bench-512 "${sections[@]}" --page details --kernel-name "$kernel" --launch-skip 8 \
      --launch-count 1 || return
    counted+=" $kernel"
  done
  echo "note: $(wc -l <"$out/kernels.txt") kernels timed, counters collected for:$counted"
}

timeline() {
  need nsys
  on_small 16 switch-base-8 nsys profile -t cuda,mpi --stats=true --force-overwrite=true -o "$out/timeline"
}
