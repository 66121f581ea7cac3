#include "lib/train/log/metrics.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "lib/base/error.h"

namespace sy {
namespace {

std::string number(int64_t value) {
  return fmt::format("{}", value);
}
std::string number(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "null";
}

template <class Metrics>
std::string json_line(const Metrics& metrics) {
  std::string text = fmt::format("{{\"kind\": \"{}\"", Metrics::kKind);
  metrics.fields([&](const char* name, auto value) {
    text += fmt::format(", \"{}\": {}", name, number(value));
  });
  return text + "}";
}

// Whether a line is complete and of a step that the resumed run will not write again.
bool belongs(simdjson::dom::parser& parser, const std::string& line, int64_t resumed_step) {
  int64_t step = 0;
  return parser.parse(line)["step"].get(step) == simdjson::SUCCESS && step <= resumed_step;
}

// Writes a new file and renames it, so that a crash in between loses nothing.
void keep_lines_until(const std::string& path, int64_t resumed_step) {
  std::ifstream in(path);
  if (!in) return;
  const std::string fresh = path + ".new";
  std::ofstream out(fresh);
  simdjson::dom::parser parser;
  for (std::string line; out && std::getline(in, line);) {
    if (belongs(parser, line, resumed_step)) out << line << '\n';
  }
  if (out) out.close();
  std::error_code failed(out ? 0 : errno, std::generic_category());
  if (out) std::filesystem::rename(fresh, path, failed);
  if (failed) {
    throw RuntimeFailure(fmt::format("{} cannot be rewritten: {}", path, failed.message()));
  }
}

}  // namespace

std::string to_json(const TrainMetrics& metrics) {
  return json_line(metrics);
}
std::string to_json(const EvaluationMetrics& metrics) {
  return json_line(metrics);
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
