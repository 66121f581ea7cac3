# SPDX-License-Identifier: Apache-2.0
sy_library(metrics
           SOURCES lib/train/log/run_ledger.cpp lib/train/log/metrics.cpp lib/train/log/progress.cpp lib/train/optimizer/schedule.cpp
                   lib/train/log/tensorboard.cpp
           LINK sy_base)

sy_library(train
           SOURCES lib/train/optimizer/adafactor.cpp lib/train/optimizer/adafactor_phases.cpp
                   lib/train/optimizer/adamw.cpp lib/train/checkpointing.cpp lib/train/digest_table.cpp
                   lib/train/best_checkpoints.cpp lib/train/evaluate.cpp lib/train/evaluation_text.cpp lib/train/intact_checkpoint.cpp lib/train/optimizer/grad_fault.cpp lib/train/optimizer/grad_norm.cpp
                   lib/train/optimizer/grad_reduce.cpp lib/train/optimizer/param_buckets.cpp lib/train/optimizer/value_gather.cpp
                   lib/train/log/router_summary.cpp lib/train/replay.cpp lib/train/replay_report.cpp lib/train/resume.cpp lib/train/run_folder.cpp lib/train/run_lock.cpp lib/train/log/run_log.cpp lib/train/log/wait_meter.cpp
                   lib/train/runtime.cpp lib/train/session.cpp lib/train/spike_guard.cpp lib/train/step_batch.cpp lib/train/stop_signal.cpp lib/train/teacher.cpp
                   lib/train/train_step.cpp lib/train/trainer.cpp
                   lib/train/trainer_setup.cpp lib/train/trainer_updates.cpp
           LINK sy_metrics sy_measure sy_model sy_checkpoint sy_tasks sy_data sy_config
               sy::json)
