# SPDX-License-Identifier: Apache-2.0
# Sourced after common.sh by the tests of a shard with a bad stretch (bad_shard.py). Sets $last, $steps for any run of
# these tests, and $bad for one on the text with the stretch, in which the checkpoint of step $middle lies.
last=48 middle=32
python3 "$here/bad_shard.py" make "$sample" "$folder"
steps=(--set train.steps=$last --set train.checkpoint_every=16 --set train.eval_every=0
       --set data.shuffle_buffer=1 --set data.example_buffer=1
       --set optimizer.spike_window=8 --set optimizer.spike_deviations=5)
bad=("${steps[@]}" --set "data.train=[$folder/mixed.json.gz, $folder/text.json.gz]")
