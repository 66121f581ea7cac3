// SPDX-License-Identifier: Apache-2.0
// libFuzzer over the files of tasks. The first byte chooses the form, the rest is the file.
// Whatever it holds, the answer is examples with a target each, or a DataError.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/tasks/task.h"
#include "tests/fuzz/temporary_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const sy::fuzz::TemporaryFile file(".task");
  static const std::vector<std::string> forms = {"jsonl",
                                                 "squad",
                                                 "trivia_qa",
                                                 "web_questions",
                                                 "super_glue_copa",
                                                 "super_glue_multirc",
                                                 "super_glue_record",
                                                 "super_glue_wsc",
                                                 "super_glue_wsc_simple_eval",
                                                 "arc_easy",
                                                 "winogrande",
                                                 "glue_cola",
                                                 "glue_qqp",
                                                 "glue_stsb",
                                                 "cnn_dailymail",
                                                 "wmt_en_de",
                                                 "dpr_simple"};
  if (size == 0) return 0;
  const std::string content(reinterpret_cast<const char*>(data) + 1, size - 1);
  const sy::Task* task = sy::find_task(forms[data[0] % forms.size()]);
  try {
    const auto reader = task->open({file.write(content)});
    for (sy::TextExample example; reader->next(example);) {
      if (example.targets.empty()) std::abort();
    }
  } catch (const sy::DataError&) {
  }
  return 0;
}
