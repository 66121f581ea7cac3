#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A dense student of a fine-tuned teacher with experts, on the teacher's tasks: it learns the answers of one from the
# teacher alone, without the targets; it is scored, and its best checkpoints are kept, as in fine-tuning; one rank and two
# give the same numbers.
source "$(dirname "$0")/common.sh"
source "$here/finetune_common.sh"
pretrain_random
finetune 1 teacher
student() {
  tune distill "$@" --set model.experts.count=0 --set 'train.initialize_from=""' --set train.eval_every=12 \
    --set distill.teacher="$folder/teacher/best/yes_no" --set distill.soft=1 --set distill.start=random
}
student 2 student
student 1 alone
python3 "$here/compare_metrics.py" 2e-5 "$folder/student/metrics.jsonl" "$folder/alone/metrics.jsonl"
grep -q "teacher: $folder/teacher/best/yes_no" "$folder/student.out"
grep -q "fewer than the teacher's" "$folder/student.out"
python3 - "$folder/student/metrics.jsonl" <<'PYTHON'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
soft = [line["soft_loss"] for line in lines if line["kind"] == "train"]
scores = [line["tasks"]["yes_no"]["exact_match"] for line in lines if line["kind"] == "evaluation"]
assert soft[-1] < soft[0] - 3, soft
assert scores[0] == 0 and scores[-1] >= 80, scores
PYTHON
for task in sort yes_no; do
  "$switchyard" evaluate --checkpoint "$folder/student/best/$task" --tasks $task --json \
    --predictions "$folder/student-$task.jsonl" >"$folder/student-$task.json"
done
python3 "$here/check_best.py" "$folder" student sort yes_no
