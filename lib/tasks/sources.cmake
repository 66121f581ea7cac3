# SPDX-License-Identifier: Apache-2.0
sy_library(tasks
           SOURCES lib/tasks/task.cpp lib/tasks/scores.cpp lib/tasks/task_examples.cpp lib/tasks/task_source.cpp
                   lib/tasks/open_examples.cpp
           LINK sy_data sy_config sy_base sy::json)
