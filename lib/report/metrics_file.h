// SPDX-License-Identifier: Apache-2.0
// Reads a run's metrics.jsonl (lib/train/log/metrics.h), while the run may be writing it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lib/report/router_history.h"
#include "lib/report/series.h"

namespace sy::report {

// One number of a kind of line, from the lines that have it.
struct Column {
  std::vector<uint32_t> lines;  // positions in Lines::places
  std::vector<double> values;   // NaN where the file has null
};

// All lines of one kind. Numbers that are named nowhere in this program are kept as well.
struct Lines {
  std::vector<Place> places;
  std::map<std::string, Column> numbers;                       // "loss", ...
  std::map<std::string, Column> corpora;                       // losses
  std::map<std::string, std::map<std::string, Column>> tasks;  // by task and metric
  // The points of a column of this.
  std::vector<Point> points(const Column& column) const;
};

struct Metrics {
  Lines training;
  Lines evaluations;
  RouterHistory router;   // of training; its means over layers are numbers "router/FIELD"
  bool torn_end = false;  // the last line was not whole, and was left out
};

// Seconds are the sum of step times, each of which stands for all steps since the logged step
// before, and of evaluations; they leave out what a run spends otherwise. NaN, Infinity and
// -Infinity, which are no JSON, are read as null is.
//
// Throws DataError that names file and line: the file cannot be opened or has no line yet, a line
// is not one of metrics, or a step comes after a later one. The last line may be torn.
Metrics read_metrics(const std::string& path);

// The line with null in place of every NaN, Infinity and -Infinity outside of strings.
std::string without_nonfinite(const std::string& line);

}  // namespace sy::report
