// SPDX-License-Identifier: Apache-2.0
#include "lib/report/heat_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/report/html.h"
#include "lib/report/scale.h"

namespace sy::report {
namespace {

constexpr size_t kTableColumns = 10;
constexpr int kRowHeight = 22;  // pixels

// Calls use(layer, column, mean) for every cell with a value.
template <class Use>
void for_each_cell(const RouterHistory& history, size_t field, const Use& use) {
  for (size_t layer = 0; layer < history.layers().size(); ++layer) {
    for (size_t column = 0; column < history.columns().size(); ++column) {
      const double mean = history.mean(layer, field, column);
      if (std::isfinite(mean)) use(layer, column, mean);
    }
  }
}

void append_cells(std::string& html, const HeatMap& map, const RouterHistory& history,
                  const std::vector<double>& bounds) {
  append(html,
         "<svg viewBox=\"0 0 {} {}\" width=\"100%\" height=\"100%\" preserveAspectRatio=\"none\" "
         "shape-rendering=\"crispEdges\">\n",
         history.columns().size(), history.layers().size());
  for_each_cell(history, map.field, [&](size_t layer, size_t column, double mean) {
    append(html, "<rect class=\"level{}\" x=\"{}\" y=\"{}\" width=\"1\" height=\"1\"/>",
           level_of(mean, bounds), column, layer);
  });
  html += "</svg>\n";
}

void append_labels(std::string& html, const RouterHistory& history) {
  const double rows = static_cast<double>(history.layers().size());
  html += "<g class=\"ticks\" aria-hidden=\"true\">";
  for (size_t layer = 0; layer < history.layers().size(); ++layer) {
    append(html, "<text x=\"-8\" y=\"{:.2f}%\" dy=\"4\" text-anchor=\"end\">{}</text>",
           100 * (static_cast<double>(layer) + 0.5) / rows,
           escaped(short_layer_name(history.layers()[layer])));
  }
  append(html,
         "<text x=\"0\" y=\"100%\" dy=\"20\">{}</text>"
         "<text x=\"100%\" y=\"100%\" dy=\"20\" text-anchor=\"end\">{}</text></g>\n",
         short_number(history.columns().front().first_step),
         short_number(history.columns().back().last_step));
}

std::string level_legend(const std::vector<double>& bounds) {
  std::string html = "<ul class=\"levels\">\n";
  for (size_t level = 0; level < kLevels; ++level) {
    append(html,
           "<li><svg width=\"18\" height=\"14\" aria-hidden=\"true\"><rect class=\"level{}\" "
           "width=\"18\" height=\"14\"/></svg> {:.3g} to {:.3g}</li>\n",
           level, bounds[level], bounds[level + 1]);
  }
  return html + "</ul>\n";
}

Table data_table(const HeatMap& map, const RouterHistory& history) {
  const RouterHistory coarse = history.coarser(kTableColumns);
  Table table{"Data: " + map.title, {"layer"}, {}};
  for (const RouterHistory::Column& column : coarse.columns()) {
    table.head.push_back(column.first_step == column.last_step
                             ? fmt::format("step {}", column.first_step)
                             : fmt::format("steps {} to {}", column.first_step, column.last_step));
  }
  for (const std::string& layer : coarse.layers()) table.rows.push_back({layer});
  for (auto& row : table.rows) row.resize(table.head.size());
  for_each_cell(coarse, map.field, [&](size_t layer, size_t column, double mean) {
    table.rows[layer][column + 1] = fmt::format("{:.4g}", mean);
  });
  return table;
}

}  // namespace

std::vector<double> level_bounds(const std::vector<const RouterHistory*>& histories, size_t field) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const RouterHistory* history : histories) {
    for_each_cell(*history, field, [&](size_t, size_t, double mean) {
      low = std::min(low, mean);
      high = std::max(high, mean);
    });
  }
  if (low > high) low = high = 0;
  std::vector<double> bounds;
  for (size_t i = 0; i <= kLevels; ++i) {
    bounds.push_back(low + (high - low) * static_cast<double>(i) / static_cast<double>(kLevels));
  }
  return bounds;
}

size_t level_of(double value, const std::vector<double>& bounds) {
  const auto above = std::upper_bound(bounds.begin() + 1, bounds.end() - 1, value);
  return static_cast<size_t>(above - bounds.begin()) - 1;
}

std::string short_layer_name(const std::string& layer) {
  std::string name = layer;
  const auto replace = [&](std::string_view word, std::string_view by) {
    if (const size_t at = name.find(word); at != std::string::npos)
      name.replace(at, word.size(), by);
  };
  replace("encoder/layers/", "enc ");
  replace("decoder/layers/", "dec ");
  replace("/self_attention", " att");
  return name;
}

std::string heat_map_html(const HeatMap& map, const RouterHistory& history,
                          const std::vector<double>& bounds) {
  std::string html;
  append(html,
         "<figure class=\"chart\" id=\"{0}\">\n<figcaption><h3 id=\"{0}-title\">{1}</h3>\n"
         "<p class=\"about\" id=\"{0}-about\">{2}, by layer, mean over each stretch of "
         "steps.</p></figcaption>\n",
         map.id, escaped(map.title), escaped(map.quantity));
  append(html,
         "<div class=\"map\" style=\"height: {1}px\"><svg role=\"img\" "
         "aria-labelledby=\"{0}-title\" aria-describedby=\"{0}-about\">\n",
         map.id, kRowHeight * history.layers().size());
  append_cells(html, map, history, bounds);
  append_labels(html, history);
  html += "</svg></div>\n<p class=\"axis\">steps</p>\n" + level_legend(bounds);
  return html + folded_table_html(data_table(map, history)) + "</figure>\n";
}

}  // namespace sy::report
