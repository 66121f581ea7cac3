# SPDX-License-Identifier: Apache-2.0
sy_library(plan
           SOURCES lib/plan/announce.cpp lib/plan/call_ledger.cpp lib/plan/execute.cpp lib/plan/mesh_choice.cpp lib/plan/parts.cpp lib/plan/plan.cpp lib/plan/plan_json.cpp
                   lib/plan/plan_text.cpp lib/plan/rank_plan.cpp lib/plan/regions.cpp lib/plan/rehearsal.cpp
                   lib/plan/search.cpp lib/plan/search_print.cpp lib/plan/slab_ledger.cpp lib/plan/staging.cpp lib/plan/reference_step.cpp
                   lib/plan/step_time.cpp lib/plan/step_work.cpp lib/plan/wire.cpp
           LINK sy_train sy_bench sy_measure PRIVATE_LINK Threads::Threads)
