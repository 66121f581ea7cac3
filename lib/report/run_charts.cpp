// SPDX-License-Identifier: Apache-2.0
#include "lib/report/run_charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>

#include "lib/report/chart.h"
#include "lib/report/heat_map.h"

namespace sy::report {
namespace {

enum class Zeros : uint8_t { shown, no_chart };  // what a number that is 0 throughout is worth

using RunFilter = bool (*)(const RunData& run);
bool is_any(const RunData&) {
  return true;
}
// A dense run's lines have zeros for what routers do.
bool is_sparse(const RunData& run) {
  return !run.metrics.router.empty();
}

// A chart of a number that lines have.
struct NumberChart {
  const char* number;
  const char* title;
  const char* quantity;
  const char* about;
  double factor = 1;
  Zeros zeros = Zeros::shown;
  RunFilter filter = is_any;
};

constexpr NumberChart kTrainingLoss{"loss", "Training loss", "nats per target token",
                                    "Cross-entropy of a logged step's batch."};
constexpr NumberChart kValidationLoss{"loss", "Validation loss", "nats per target token",
                                      "Cross-entropy on text that training does not see."};

constexpr NumberChart kRouter[] = {
    {"dropped_fraction", "Dropped tokens", "% of routed tokens",
     "Tokens that found no room in their expert and passed the layer by.", 100, Zeros::shown,
     is_sparse},
    {"expert_load_max", "Fullest expert", "fullest / mean",
     "Tokens of the fullest expert relative to the mean, in the worst layer; 1 is perfect balance.",
     1, Zeros::shown, is_sparse},
    {"router/top_probability", "Gate probability", "mean of the largest",
     "The router's probability of its first choice, the mean over tokens and layers: its "
     "confidence."},
    {"router/entropy", "Router entropy", "nats",
     "Mean entropy of the router's probabilities: 0 is certain, the logarithm of the number of "
     "experts undecided."},
    {"balance_loss", "Load-balancing loss", "summed over layers", "Without its coefficient.", 1,
     Zeros::no_chart, is_sparse},
    {"z_loss", "Router z-loss", "summed over layers", "Without its coefficient.", 1,
     Zeros::no_chart, is_sparse},
};
constexpr NumberChart kOptimizer[] = {
    {"learning_rate", "Learning rate", "rate", "What the schedule gave the step."},
    {"grad_norm", "Gradient norm", "norm before clipping", "Over all parameters."},
    {"logit_z_loss", "Logit z-loss", "mean (log Z)^2", "Without its coefficient."},
};
constexpr NumberChart kSpeed[] = {
    {"tokens_per_second", "Throughput", "tokens per second",
     "Input and target tokens of a step, padding excluded, over all ranks."},
    {"mfu", "Model FLOP utilisation", "% of the measured matrix rate",
     "The model's operations relative to the rate of bare matrix products on the same machine.",
     100},
    {"step_seconds", "Step time", "seconds", "Of a logged step."},
};

struct HeatMapKind {
  size_t field;  // of kRouterFields
  const char* id;
  const char* title;
  const char* quantity;
};
constexpr HeatMapKind kHeatMaps[] = {
    {0, "load", "Expert load", "Fullest expert / mean"},
    {1, "drops", "Dropped tokens", "Fraction of choices dropped"},
    {2, "gate", "Gate probability", "Mean of the largest probability"},
};

// One curve for every run for which column_of(lines) finds a column among its lines of a kind.
template <class Find>
std::vector<Curve> curves_of(const std::vector<RunData>& runs, Lines Metrics::*kind,
                             const Find& column_of) {
  std::vector<Curve> curves;
  for (size_t i = 0; i < runs.size(); ++i) {
    const Lines& lines = runs[i].metrics.*kind;
    const Column* column = column_of(lines);
    if (column != nullptr) curves.push_back({i, runs[i].name, lines.points(*column)});
  }
  return curves;
}

template <class Map>
auto find(const Map& map, const std::string& key) {
  const auto at = map.find(key);
  return at == map.end() ? nullptr : &at->second;
}

bool all_zero(const std::vector<Curve>& curves) {
  return std::all_of(curves.begin(), curves.end(), [](const Curve& curve) {
    return std::all_of(curve.points.begin(), curve.points.end(),
                       [](const Point& point) { return point.value == 0; });
  });
}

std::string number_chart(const std::vector<RunData>& runs, Lines Metrics::*kind,
                         const std::string& id, const NumberChart& of) {
  Chart chart{id, of.title, of.quantity, of.about, {}};
  chart.curves =
      curves_of(runs, kind, [&](const Lines& lines) { return find(lines.numbers, of.number); });
  std::erase_if(chart.curves, [&](const Curve& curve) { return !of.filter(runs[curve.run]); });
  if (chart.curves.empty() || (of.zeros == Zeros::no_chart && all_zero(chart.curves))) return "";
  for (Curve& curve : chart.curves) {
    for (Point& point : curve.points) point.value *= of.factor;
  }
  return chart_html(chart);
}

std::string number_charts(const std::vector<RunData>& runs, const char* id,
                          std::span<const NumberChart> charts) {
  std::string html;
  for (size_t i = 0; i < charts.size(); ++i) {
    html += number_chart(runs, &Metrics::training, fmt::format("{}-{}", id, i), charts[i]);
  }
  return html;
}

std::string heat_maps(const std::vector<RunData>& runs, const HeatMapKind& kind) {
  std::vector<const RouterHistory*> histories;
  for (const RunData& run : runs) {
    if (is_sparse(run)) histories.push_back(&run.metrics.router);
  }
  const std::vector<double> bounds = level_bounds(histories, kind.field);
  std::string html;
  for (size_t i = 0; i < runs.size(); ++i) {
    const RouterHistory& history = runs[i].metrics.router;
    if (!is_sparse(runs[i])) continue;
    const HeatMap map{fmt::format("map-{}-{}", kind.id, i),
                      fmt::format("{} by layer: {}", kind.title, runs[i].name), kind.quantity,
                      kind.field};
    html += heat_map_html(map, history, bounds);
  }
  return html;
}

}  // namespace

std::string loss_charts(const std::vector<RunData>& runs) {
  return number_chart(runs, &Metrics::training, "loss", kTrainingLoss) +
         number_chart(runs, &Metrics::evaluations, "validation", kValidationLoss);
}

std::string corpus_charts(const std::vector<RunData>& runs) {
  std::set<std::string> names;
  for (const RunData& run : runs) {
    for (const auto& [name, column] : run.metrics.evaluations.corpora) names.insert(name);
  }
  std::string html;
  size_t number = 0;
  for (const std::string& name : names) {
    Chart chart{fmt::format("corpus-{}", number++),
                "Validation loss: " + name,
                "nats per target token",
                "On the validation text of this corpus alone.",
                {}};
    chart.curves = curves_of(runs, &Metrics::evaluations,
                             [&](const Lines& lines) { return find(lines.corpora, name); });
    html += chart_html(chart);
  }
  return html;
}

std::string task_charts(const std::vector<RunData>& runs) {
  std::set<std::pair<std::string, std::string>> names;
  for (const RunData& run : runs) {
    for (const auto& [task, metrics] : run.metrics.evaluations.tasks) {
      for (const auto& [metric, column] : metrics) names.insert({task, metric});
    }
  }
  std::string html;
  size_t number = 0;
  for (const auto& [task, metric] : names) {
    Chart chart{fmt::format("task-{}", number++),
                task + ": " + metric,
                metric,
                "Of the task's validation examples.",
                {}};
    chart.curves = curves_of(runs, &Metrics::evaluations,
                             [&task = task, &metric = metric](const Lines& lines) {
                               const auto* metrics = find(lines.tasks, task);
                               return metrics == nullptr ? nullptr : find(*metrics, metric);
                             });
    html += chart_html(chart);
  }
  return html;
}

std::string router_charts(const std::vector<RunData>& runs) {
  const bool sparse = std::any_of(runs.begin(), runs.end(),
                                  [](const RunData& run) { return !run.metrics.router.empty(); });
  if (!sparse) return "";
  std::string html;
  for (const HeatMapKind& kind : kHeatMaps) html += heat_maps(runs, kind);
  return html + number_charts(runs, "router", kRouter);
}

std::string optimizer_charts(const std::vector<RunData>& runs) {
  return number_charts(runs, "optimizer", kOptimizer);
}

std::string speed_charts(const std::vector<RunData>& runs) {
  return number_charts(runs, "speed", kSpeed);
}

}  // namespace sy::report
