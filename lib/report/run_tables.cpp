// SPDX-License-Identifier: Apache-2.0
#include "lib/report/run_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "lib/base/numeric.h"
#include "lib/config/differences.h"
#include "lib/report/html.h"
#include "lib/report/scale.h"

namespace sy::report {
namespace {

const Column* column_of(const Lines& lines, const char* number) {
  const auto at = lines.numbers.find(number);
  return at == lines.numbers.end() ? nullptr : &at->second;
}

// The finite points of a number; none if no line has it.
std::vector<Point> points_of(const Lines& lines, const char* number) {
  const Column* column = column_of(lines, number);
  return column == nullptr ? std::vector<Point>{} : finite_points(lines.points(*column));
}

std::string last_text(const Lines& lines, const char* number, double factor, const char* unit) {
  const std::vector<Point> points = points_of(lines, number);
  return points.empty() ? "" : short_number(factor * points.back().value, 4) + unit;
}

std::string median_text(const Lines& lines, const char* number, double factor, const char* unit) {
  std::vector<double> values;
  for (const Point& point : points_of(lines, number)) values.push_back(point.value);
  return values.empty() ? "" : short_number(factor * median(values), 4) + unit;
}

std::string best_loss_text(const Lines& lines) {
  const std::vector<Point> points = points_of(lines, "loss");
  if (points.empty()) return "";
  const Point& best = *std::min_element(
      points.begin(), points.end(), [](const auto& a, const auto& b) { return a.value < b.value; });
  return fmt::format("{:.4g} at step {:.15g}", best.value, best.at.steps);
}

std::string perplexity_text(const Lines& lines) {
  const std::vector<Point> points = points_of(lines, "loss");
  return points.empty() ? "" : fmt::format("{:.4g}", std::exp(points.back().value));
}

// The line of the latest step.
Place end_of(const Metrics& metrics) {
  Place end{};
  for (const Lines* lines : {&metrics.training, &metrics.evaluations}) {
    if (lines->places.empty() || lines->places.back().steps < end.steps) continue;
    end = lines->places.back();
  }
  return end;
}

std::string step_text(const RunData& run) {
  const double step = end_of(run.metrics).steps;
  if (!run.config) return fmt::format("{:.15g}", step);
  return fmt::format("{:.15g} of {}", step, run.config->train.steps);
}

std::string tokens_text(const RunData& run) {
  const double tokens = end_of(run.metrics).tokens;
  return std::isfinite(tokens) ? short_number(tokens, 4) : "";
}

using Figure = std::pair<const char*, std::string (*)(const RunData&)>;
const Figure kFigures[] = {
    {"Steps", step_text},
    {"Tokens", tokens_text},
    {"Time computing",
     [](const RunData& run) { return short_duration(end_of(run.metrics).seconds); }},
    {"Training loss, last",
     [](const RunData& run) { return last_text(run.metrics.training, "loss", 1, ""); }},
    {"Validation loss, last",
     [](const RunData& run) { return last_text(run.metrics.evaluations, "loss", 1, ""); }},
    {"Validation loss, best",
     [](const RunData& run) { return best_loss_text(run.metrics.evaluations); }},
    {"Validation perplexity, last",
     [](const RunData& run) { return perplexity_text(run.metrics.evaluations); }},
    {"Dropped tokens, last",
     [](const RunData& run) {
       return run.metrics.router.empty()
                  ? ""
                  : last_text(run.metrics.training, "dropped_fraction", 100, " %");
     }},
    {"Tokens per second, median",
     [](const RunData& run) {
       return median_text(run.metrics.training, "tokens_per_second", 1, "");
     }},
    {"MFU, median",
     [](const RunData& run) { return median_text(run.metrics.training, "mfu", 100, " %"); }},
    {"Memory per rank", [](const RunData& run) { return run.log.memory; }},
    {"Backend", [](const RunData& run) { return run.log.backend; }},
    {"Checkpoints kept",
     [](const RunData& run) { return fmt::format("{}", run.checkpoints.size()); }},
};

std::vector<std::string> head_of(const char* first, const std::vector<RunData>& runs) {
  std::vector<std::string> head{first};
  for (const RunData& run : runs) head.push_back(run.name);
  return head;
}

std::string list_html(const std::vector<std::string>& items) {
  std::string html = "<ul class=\"lines\">\n";
  for (const std::string& item : items) append(html, "<li>{}</li>\n", escaped(item));
  return html + "</ul>\n";
}

std::vector<std::string> events_of(const RunData& run) {
  std::vector<std::string> items = run.log.events;
  items.insert(items.end(), run.log.warnings.begin(), run.log.warnings.end());
  if (run.log.warning_count > kWarnings) {
    items.push_back(
        fmt::format("{} more warnings are in log.txt", run.log.warning_count - kWarnings));
  }
  if (run.metrics.torn_end) {
    items.push_back(
        "the last line of metrics.jsonl is not whole: the run is writing it, or was killed then");
  }
  if (!run.config) items.push_back("its configuration is left out: " + run.config_fault);
  return items;
}

// [key][run]: the values of the keys in which some run differs from the first.
std::map<std::string, std::vector<std::string>> differing_values(
    const std::vector<const RunData*>& runs) {
  std::map<std::string, std::vector<std::string>> values;
  for (size_t i = 1; i < runs.size(); ++i) {
    for (const KeyDifference& each : config_differences(*runs[0]->config, *runs[i]->config)) {
      auto& row = values.try_emplace(each.key, runs.size(), each.was).first->second;
      row[i] = each.is;
    }
  }
  return values;
}

}  // namespace

std::string final_figures(const std::vector<RunData>& runs) {
  Table table{"Final figures", head_of("Figure", runs), {}};
  for (const auto& [name, text_of] : kFigures) {
    std::vector<std::string> row{name};
    for (const RunData& run : runs) row.push_back(text_of(run));
    const bool known = std::any_of(row.begin() + 1, row.end(),
                                   [](const std::string& text) { return !text.empty(); });
    if (known) table.rows.push_back(std::move(row));
  }
  return table_html(table);
}

std::string checkpoint_tables(const std::vector<RunData>& runs) {
  Table table{"Committed checkpoints", {"Run", "Step", "Size", "Committed"}, {}};
  for (const RunData& run : runs) {
    for (const SavedCheckpoint& each : run.checkpoints) {
      table.rows.push_back({run.name, fmt::format("{}", each.step),
                            fmt::format("{:.1f} MiB", static_cast<double>(each.bytes) / (1 << 20)),
                            each.committed});
    }
  }
  return table.rows.empty() ? "" : table_html(table);
}

std::string event_lists(const std::vector<RunData>& runs) {
  std::string html;
  for (const RunData& run : runs) {
    const std::vector<std::string> items = events_of(run);
    if (!items.empty()) append(html, "<h3>{}</h3>\n{}", escaped(run.name), list_html(items));
  }
  return html;
}

std::string configuration_differences(const std::vector<RunData>& runs) {
  std::vector<const RunData*> known;
  Table table{"Configuration differences", {"Key"}, {}};
  for (const RunData& run : runs) {
    if (!run.config) continue;
    known.push_back(&run);
    table.head.push_back(run.name);
  }
  for (const auto& [key, values] : differing_values(known)) {
    table.rows.push_back({key});
    table.rows.back().insert(table.rows.back().end(), values.begin(), values.end());
  }
  return table.rows.empty() ? "" : table_html(table);
}

}  // namespace sy::report
