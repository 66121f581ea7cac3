// SPDX-License-Identifier: Apache-2.0
#include "lib/report/metrics_file.h"

#include <simdjson.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <new>
#include <numeric>

#include "lib/base/error.h"

namespace sy::report {
namespace {

namespace json = simdjson::dom;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

bool is_number(const json::element& value) {
  return value.is_number() || value.is_null();
}

double number(const json::element& value) {
  double result = kNaN;
  return value.get(result) == simdjson::SUCCESS ? result : kNaN;
}

double member(const json::element& object, std::string_view name) {
  json::element value;
  return object[name].get(value) == simdjson::SUCCESS ? number(value) : kNaN;
}

class MetricsReader {
 public:
  explicit MetricsReader(const std::string& path) : path_(path) {}

  Metrics read();

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(fmt::format("{}:{}: {}", path_, line_number_, what));
  }
  bool parse(const std::string& line, json::element& record);
  void take(const json::element& record);
  void add_line(Lines& lines, const json::element& record, int64_t step);
  void add(Column& column, double value) {
    column.lines.push_back(line_);
    column.values.push_back(value);
  }
  void add_numbers(Lines& lines, const json::element& record);
  void add_corpora(Lines& lines, const json::element& record);
  void add_tasks(Lines& lines, const json::element& record);
  void add_router(Lines& lines, const json::element& record, int64_t step);

  const std::string& path_;
  int64_t line_number_ = 0;
  simdjson::dom::parser parser_;
  Metrics metrics_;
  uint32_t line_ = 0;  // the position of this line among those of its kind
  double seconds_ = 0;
  int64_t last_step_ = 0;  // of training
};

bool MetricsReader::parse(const std::string& line, json::element& record) {
  simdjson::error_code error = parser_.parse(line).get(record);
  if (error != simdjson::SUCCESS) error = parser_.parse(without_nonfinite(line)).get(record);
  if (error == simdjson::MEMALLOC) throw std::bad_alloc();
  std::string_view kind;
  int64_t step = 0;
  return error == simdjson::SUCCESS && record["kind"].get(kind) == simdjson::SUCCESS &&
         record["step"].get(step) == simdjson::SUCCESS;
}

// The order of file: a later step, or an evaluation after the step itself.
void MetricsReader::take(const json::element& record) {
  std::string_view kind;
  int64_t step = 0;
  SY_CHECK(record["kind"].get(kind) == simdjson::SUCCESS, "a line without kind");
  SY_CHECK(record["step"].get(step) == simdjson::SUCCESS, "a line without step");
  if (kind == "train") {
    const double each = member(record, "step_seconds");
    if (std::isfinite(each)) seconds_ += each * static_cast<double>(step - last_step_);
    add_line(metrics_.training, record, step);
    add_router(metrics_.training, record, step);
    last_step_ = step;
  } else if (kind == "evaluation") {
    const double spent = member(record, "seconds");
    if (std::isfinite(spent)) seconds_ += spent;
    add_line(metrics_.evaluations, record, step);
    add_corpora(metrics_.evaluations, record);
    add_tasks(metrics_.evaluations, record);
  }
}

void MetricsReader::add_line(Lines& lines, const json::element& record, int64_t step) {
  const auto at = static_cast<double>(step);
  if (!lines.places.empty() && at < lines.places.back().steps) {
    fail(
        fmt::format("step {} comes after step {}, so the file is not that of one run; restore it "
                    "or leave this run out",
                    step, lines.places.back().steps));
  }
  line_ = static_cast<uint32_t>(lines.places.size());
  lines.places.push_back({at, member(record, "tokens"), seconds_});
  add_numbers(lines, record);
}

void MetricsReader::add_numbers(Lines& lines, const json::element& record) {
  json::object members;
  if (record.get(members) != simdjson::SUCCESS) return;
  for (const auto [name, value] : members) {
    if (is_number(value)) add(lines.numbers[std::string(name)], number(value));
  }
}

void MetricsReader::add_corpora(Lines& lines, const json::element& record) {
  json::object corpora;
  if (record["corpora"].get(corpora) != simdjson::SUCCESS) return;
  for (const auto [name, loss] : corpora) {
    if (is_number(loss)) add(lines.corpora[std::string(name)], number(loss));
  }
}

void MetricsReader::add_tasks(Lines& lines, const json::element& record) {
  json::object tasks, scores;
  if (record["tasks"].get(tasks) != simdjson::SUCCESS) return;
  for (const auto [task, value] : tasks) {
    if (value.get(scores) != simdjson::SUCCESS) continue;
    for (const auto [metric, score] : scores) {
      if (is_number(score)) add(lines.tasks[std::string(task)][std::string(metric)], number(score));
    }
  }
}

void MetricsReader::add_router(Lines& lines, const json::element& record, int64_t step) {
  json::object layers;
  if (record["router"].get(layers) != simdjson::SUCCESS) return;
  metrics_.router.add_line(static_cast<double>(step));
  RouterReading sum{};
  double count = 0;
  for (const auto [name, layer] : layers) {
    RouterReading reading;
    for (size_t i = 0; i < reading.size(); ++i) {
      reading[i] = member(layer, kRouterFields[i]);
      sum[i] += reading[i];
    }
    metrics_.router.add(std::string(name), reading);
    ++count;
  }
  for (size_t i = 0; count > 0 && i < sum.size(); ++i) {
    add(lines.numbers["router/" + std::string(kRouterFields[i])], sum[i] / count);
  }
}

Metrics MetricsReader::read() {
  std::ifstream file(path_, std::ios::binary);
  if (!file) {
    throw DataError(
        fmt::format("{} cannot be opened: {}; give the folder of a run that has logged "
                    "a step, such as runs/NAME",
                    path_, std::strerror(errno)));
  }
  json::element record;
  for (std::string line; std::getline(file, line);) {
    ++line_number_;
    if (parse(line, record)) {
      take(record);
    } else if (file.eof()) {
      metrics_.torn_end = true;
    } else {
      fail("not a line of metrics; restore the file or remove the line");
    }
  }
  if (file.bad()) throw DataError(fmt::format("{} cannot be read", path_));
  if (metrics_.training.places.empty() && metrics_.evaluations.places.empty()) {
    throw DataError(
        fmt::format("{} has no line yet; wait until the run logs its first step", path_));
  }
  return std::move(metrics_);
}

}  // namespace

std::vector<Point> Lines::points(const Column& column) const {
  std::vector<Point> all;
  all.reserve(column.values.size());
  for (size_t i = 0; i < column.values.size(); ++i) {
    all.push_back({places[column.lines[i]], column.values[i]});
  }
  return all;
}

std::string without_nonfinite(const std::string& line) {
  const std::string_view all = line;
  std::string result;
  bool in_string = false;
  for (size_t at = 0; at < all.size();) {
    size_t length = 1;
    bool nonfinite = false;
    for (const std::string_view word : {"NaN", "Infinity", "-Infinity"}) {
      if (in_string || !all.substr(at).starts_with(word)) continue;
      length = word.size();
      nonfinite = true;
    }
    if (in_string && all[at] == '\\') length = 2;
    if (all[at] == '"') in_string = !in_string;
    result += nonfinite ? "null" : all.substr(at, length);
    at += length;
  }
  return result;
}

Metrics read_metrics(const std::string& path) {
  return MetricsReader(path).read();
}

}  // namespace sy::report
