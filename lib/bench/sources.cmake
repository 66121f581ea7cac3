# SPDX-License-Identifier: Apache-2.0
sy_library(bench
           SOURCES lib/bench/bench_run.cpp lib/bench/expert_bench.cpp
                   lib/bench/expert_products.cpp lib/bench/loader_bench.cpp
                   lib/bench/step_bench.cpp lib/bench/synthetic_batch.cpp
           LINK sy_train sy_measure)
