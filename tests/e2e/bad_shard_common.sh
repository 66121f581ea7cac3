# SPDX-License-Identifier: Apache-2.0
# Sourced after common.sh by the tests of a shard with a bad stretch (bad_shard.py). Sets $last, $steps for any run of
# these tests, and $bad for one on the text with the stretch, in which the checkpoint of step $middle lies.
last=48 middle=40
python3 "$here/bad_shard.py" make "$sample" "$folder"
steps=(--set train.steps=$last --set train.checkpoint_every=8 --set train.eval_every=0
       --set data.shuffle_buffer=1 --set data.example_buffer=1 --set optimizer.learning_rate=3
       --set optimizer.spike_window=12 --set optimizer.spike_deviations=5 --set optimizer.max_skipped_steps=20)
bad=("${steps[@]}" --set "data.train=[$folder/bad.json.gz]")
