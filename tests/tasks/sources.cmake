# SPDX-License-Identifier: Apache-2.0
sy_test_binary(task_source_tests SOURCES tests/tasks/task_source_test.cpp tests/data/support.cpp
               LINK sy_tasks sy::zlib sy::zstd)
sy_add_test(tasks.task_source task_source_tests "[task_source]")
