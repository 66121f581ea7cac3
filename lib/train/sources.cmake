sy_library(metrics
           SOURCES lib/train/metrics.cpp lib/train/progress.cpp lib/train/schedule.cpp
                   lib/train/tensorboard.cpp
           LINK sy_base PRIVATE_LINK sy::simdjson)

sy_library(train
           SOURCES lib/train/adafactor.cpp lib/train/adamw.cpp lib/train/checkpointing.cpp
                   lib/train/evaluate.cpp lib/train/grad_fault.cpp lib/train/grad_norm.cpp
                   lib/train/grad_reduce.cpp
                   lib/train/matrix_rate.cpp lib/train/optimizer.cpp
                   lib/train/product_rate.cpp
                   lib/train/router_summary.cpp lib/train/run_folder.cpp lib/train/run_log.cpp
                   lib/train/runtime.cpp lib/train/session.cpp lib/train/step_batch.cpp lib/train/stop_signal.cpp
                   lib/train/train_step.cpp lib/train/trainer.cpp
                   lib/train/trainer_setup.cpp
           LINK sy_metrics sy_model sy_checkpoint sy_data sy_config PRIVATE_LINK sy::simdjson)
