# SPDX-License-Identifier: Apache-2.0
sy_library(scores
           SOURCES lib/tasks/answers.cpp lib/tasks/json_lines.cpp
                   lib/tasks/scores/averages.cpp lib/tasks/scores/bleu.cpp lib/tasks/scores/bleu_tokens.cpp
                   lib/tasks/scores/classes.cpp lib/tasks/scores/correlation.cpp lib/tasks/scores/exact.cpp
                   lib/tasks/scores/multirc.cpp lib/tasks/scores/question_answering.cpp lib/tasks/scores/rouge.cpp
                   lib/tasks/scores/scores.cpp lib/tasks/scores/unicode.cpp lib/tasks/scores/wsc.cpp
           LINK sy_data sy_base
           PRIVATE_LINK sy::simdjson sy::utf8proc)

# Files and records, then the tasks, then the examples of training.
sy_library(tasks
           SOURCES lib/tasks/record_place.cpp lib/tasks/task_files.cpp lib/tasks/text_rules.cpp lib/tasks/tsv_rows.cpp
                   lib/tasks/json_split.cpp lib/tasks/json_record.cpp lib/tasks/example_reader.cpp lib/tasks/labels.cpp
                   lib/tasks/glue.cpp lib/tasks/classification.cpp lib/tasks/copa.cpp lib/tasks/multirc.cpp
                   lib/tasks/record.cpp lib/tasks/wsc.cpp lib/tasks/dpr.cpp lib/tasks/squad.cpp
                   lib/tasks/closed_book.cpp lib/tasks/arc.cpp lib/tasks/xsum.cpp lib/tasks/cnn_dailymail.cpp
                   lib/tasks/translation.cpp lib/tasks/jsonl.cpp lib/tasks/task.cpp
                   lib/tasks/task_examples.cpp lib/tasks/task_source.cpp lib/tasks/open_examples.cpp
           LINK sy_scores sy_data sy_config sy_base PRIVATE_LINK sy::simdjson)
