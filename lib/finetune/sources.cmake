# SPDX-License-Identifier: Apache-2.0
sy_library(finetune
           SOURCES lib/finetune/decoding_scorer.cpp lib/finetune/task_prompts.cpp lib/finetune/export_best.cpp
           LINK sy_train sy_generate sy_convert sy_tasks)
