// SPDX-License-Identifier: Apache-2.0
// Every group of tasks, each in a file of its own. A new group is a line here and in task.cpp.
#pragma once

#include <vector>

#include "lib/tasks/task.h"

namespace sy {

std::vector<Task> glue_tasks();            // glue.cpp
std::vector<Task> classification_tasks();  // classification.cpp
std::vector<Task> copa_tasks();            // copa.cpp
std::vector<Task> multirc_tasks();         // multirc.cpp
std::vector<Task> record_tasks();          // record.cpp
std::vector<Task> wsc_tasks();             // wsc.cpp
std::vector<Task> dpr_tasks();             // dpr.cpp
std::vector<Task> squad_tasks();           // squad.cpp
std::vector<Task> closed_book_tasks();     // closed_book.cpp
std::vector<Task> arc_tasks();             // arc.cpp
std::vector<Task> xsum_tasks();            // xsum.cpp
std::vector<Task> cnn_dailymail_tasks();   // cnn_dailymail.cpp
std::vector<Task> translation_tasks();     // translation.cpp
std::vector<Task> jsonl_tasks();           // jsonl.cpp

}  // namespace sy
