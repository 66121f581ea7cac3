// SPDX-License-Identifier: Apache-2.0
#include "lib/train/log/metrics.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "lib/base/error.h"
#include "lib/base/json.h"

namespace sy {
namespace {

template <class Value>
void put(Json& object, const char* name, const Value& value) {
  object[name] = value;
}

void put(Json& object, const char* name, const std::vector<RouterMetrics>& layers) {
  Json& all = object[name];
  for (const RouterMetrics& of : layers) {
    Json& layer = all[of.layer];
    of.fields([&](const char* field, double value) { layer[field] = value; });
  }
}

void put(Json& object, const char* name, const std::vector<CorpusLoss>& corpora) {
  Json& all = object[name];
  for (const CorpusLoss& of : corpora) all[of.corpus] = of.loss;
}

void put(Json& object, const char* name, const std::vector<TaskScores>& tasks) {
  Json& all = object[name];
  for (const TaskScores& of : tasks) {
    for (const Score& score : of.scores) all[of.task][score.name] = score.value;
  }
}

template <class Metrics>
std::string line_of(const Metrics& metrics) {
  Json object{{"kind", Metrics::kKind}};
  metrics.fields([&](const char* name, const auto& value) { put(object, name, value); });
  return json_line(object);
}

// Whether a line is whole and of a step that the resumed run will not write again.
bool belongs(const std::string& line, int64_t resumed_step) {
  constexpr bool kThrow = false;
  const Json object = Json::parse(line, nullptr, kThrow);
  const auto step = object.find("step");
  return step != object.end() && step->is_number_integer() && *step <= resumed_step;
}

// Writes a new file and renames it, so that a crash in between loses nothing.
void keep_lines_until(const std::string& path, int64_t resumed_step) {
  std::ifstream in(path);
  if (!in) return;
  const std::string fresh = path + ".new";
  std::ofstream out(fresh);
  for (std::string line; out && std::getline(in, line);) {
    if (belongs(line, resumed_step)) out << line << '\n';
  }
  const bool is_whole = out && !in.bad();
  if (is_whole) out.close();
  std::error_code failed;
  if (!is_whole || !out) failed.assign(errno != 0 ? errno : EIO, std::generic_category());
  if (!failed) std::filesystem::rename(fresh, path, failed);
  if (failed) {
    throw RuntimeFailure(fmt::format("{} cannot be rewritten: {}", path, failed.message()));
  }
}

}  // namespace

std::string to_json(const TrainMetrics& metrics) {
  return line_of(metrics);
}
std::string to_json(const EvaluationMetrics& metrics) {
  return line_of(metrics);
}

MetricsWriter::MetricsWriter(const std::string& path, int64_t resumed_step) : path_(path) {
  if (resumed_step > 0) keep_lines_until(path, resumed_step);
  file_.reset(std::fopen(path.c_str(), resumed_step > 0 ? "a" : "w"));
  if (!file_) {
    throw RuntimeFailure(fmt::format("{} cannot be written: {}", path, std::strerror(errno)));
  }
}

void MetricsWriter::write_line(const std::string& line) {
  const std::string ended = line + "\n";
  if (std::fputs(ended.c_str(), file_.get()) < 0 || std::fflush(file_.get()) != 0) {
    throw RuntimeFailure(fmt::format("{} cannot be written: {}", path_, std::strerror(errno)));
  }
}

}  // namespace sy
