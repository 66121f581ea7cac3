// SPDX-License-Identifier: Apache-2.0
#include "lib/report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/report/html.h"
#include "lib/report/scale.h"

namespace sy::report {
namespace {

constexpr size_t kDrawnPoints = 1000, kTablePoints = 40;
constexpr size_t kMarkedPoints = 20;  // a curve of so few points has a mark at each
constexpr size_t kColours = 6, kDashes = 4;
constexpr double kCanvas = 1000;  // the curves' own coordinates, stretched over the plot

constexpr const char* kSample =
    "<svg class=\"sample\" width=\"32\" height=\"12\" aria-hidden=\"true\"><line x1=\"1\" y1=\"6\" "
    "x2=\"31\" y2=\"6\"/></svg>";

const char* name_of(Axis axis) {
  if (axis == Axis::steps) return "steps";
  return axis == Axis::tokens ? "tokens" : "seconds";
}

std::string axis_title(Axis axis, const Scale& scale) {
  if (axis == Axis::seconds) return "time, " + scale.unit_name;
  return axis == Axis::tokens ? "tokens trained on" : "steps";
}

// A plot on one horizontal axis.
struct Plot {
  Axis axis = Axis::steps;
  Scale across, up;

  double x(const Point& point) const { return across.share(point.at.on(axis)); }
  double y(const Point& point) const { return 1 - up.share(point.value); }
  bool has(const Point& point) const { return std::isfinite(point.at.on(axis)); }
};

Plot make_plot(const Chart& chart, Axis axis) {
  double low = std::numeric_limits<double>::infinity(), high = -low, last = 0;
  for (const Curve& curve : chart.curves) {
    for (const Point& point : curve.points) {
      low = std::min(low, point.value);
      high = std::max(high, point.value);
      if (std::isfinite(point.at.on(axis))) last = std::max(last, point.at.on(axis));
    }
  }
  return {axis, place_scale(last, axis), value_scale(low, high)};
}

// Texts keep their size at any width of the plot: their places are in percent.
void append_axes(std::string& html, const Plot& plot) {
  html += "<g class=\"grid-lines\">";
  for (const double tick : plot.up.ticks) {
    const double y = 100 * (1 - plot.up.share(tick));
    append(html, "<line x1=\"0\" x2=\"100%\" y1=\"{0:.2f}%\" y2=\"{0:.2f}%\"/>", y);
  }
  html += "</g>\n<g class=\"ticks\" aria-hidden=\"true\">";
  for (const double tick : plot.up.ticks) {
    append(html, "<text x=\"-8\" y=\"{:.2f}%\" dy=\"4\" text-anchor=\"end\">{}</text>",
           100 * (1 - plot.up.share(tick)), plot.up.tick_text(tick));
  }
  for (const double tick : plot.across.ticks) {
    append(html, "<text x=\"{:.2f}%\" y=\"100%\" dy=\"20\" text-anchor=\"middle\">{}</text>",
           100 * plot.across.share(tick), plot.across.tick_text(tick));
  }
  html += "</g>\n";
}

void append_line(std::string& html, const Plot& plot, const Curve& curve) {
  append(html, "<polyline class=\"{}\" points=\"", style_class(curve.run));
  for (const Point& point : curve.points) {
    if (!plot.has(point)) continue;
    append(html, "{:.1f},{:.1f} ", kCanvas * plot.x(point), kCanvas * plot.y(point));
  }
  html += "\"/>\n";
}

void append_marks(std::string& html, const Plot& plot, const Curve& curve) {
  if (curve.points.size() > kMarkedPoints) return;
  append(html, "<g class=\"marks {}\">", style_class(curve.run));
  for (const Point& point : curve.points) {
    if (!plot.has(point)) continue;
    append(html, "<circle cx=\"{:.2f}%\" cy=\"{:.2f}%\" r=\"3\"/>", 100 * plot.x(point),
           100 * plot.y(point));
  }
  html += "</g>\n";
}

std::string plot_html(const Chart& chart, Axis axis) {
  const Plot plot = make_plot(chart, axis);
  std::string html;
  append(html,
         "<div class=\"plot by-{0}\" tabindex=\"0\" role=\"group\" aria-labelledby=\"{1}-title\" "
         "data-axis=\"{0}\" data-right=\"{2}\" data-bottom=\"{3}\" data-top=\"{4}\"{5}>\n"
         "<svg role=\"img\" aria-labelledby=\"{1}-title\" aria-describedby=\"{1}-about\">\n",
         name_of(axis), chart.id, plot.across.high, plot.up.low, plot.up.high,
         plot.up.logarithmic ? " data-log" : "");
  append_axes(html, plot);
  append(html,
         "<svg class=\"curves\" viewBox=\"0 0 {0} {0}\" width=\"100%\" height=\"100%\" "
         "preserveAspectRatio=\"none\">\n",
         kCanvas);
  for (const Curve& curve : chart.curves) append_line(html, plot, curve);
  html += "</svg>\n";
  for (const Curve& curve : chart.curves) append_marks(html, plot, curve);
  append(html, "</svg>\n<p class=\"axis\">{}</p>\n</div>\n", axis_title(axis, plot.across));
  return html;
}

// The numbers behind a curve, for the script.
std::string data_attributes(const Curve& curve) {
  std::string steps, tokens, seconds, values;
  for (const Point& point : curve.points) {
    append(steps, "{:.15g} ", point.at.steps);
    append(tokens, "{:.15g} ", point.at.tokens);
    append(seconds, "{:.6g} ", point.at.seconds);
    append(values, "{:.6g} ", point.value);
  }
  return fmt::format("data-steps=\"{}\" data-tokens=\"{}\" data-seconds=\"{}\" data-values=\"{}\"",
                     steps, tokens, seconds, values);
}

std::string chart_legend(const Chart& chart) {
  std::string html = "<ul class=\"legend\">\n";
  for (const Curve& curve : chart.curves) {
    append(html,
           "<li class=\"{}\" {}>{}<span class=\"name\">{}</span> <span "
           "class=\"at\">{:.5g}</span></li>\n",
           style_class(curve.run), data_attributes(curve), kSample, escaped(curve.name),
           curve.points.back().value);
  }
  return html + "</ul>\n";
}

std::string token_text(double tokens) {
  return std::isfinite(tokens) ? fmt::format("{:.15g}", tokens) : "";
}

Table data_table(const Chart& chart) {
  Table table{"Data: " + chart.title, {"run", "step", "tokens", "time", chart.quantity}, {}};
  for (const Curve& curve : chart.curves) {
    for (const Point& point : decimate(curve.points, kTablePoints)) {
      table.rows.push_back({curve.name, fmt::format("{:.15g}", point.at.steps),
                            token_text(point.at.tokens), short_duration(point.at.seconds),
                            fmt::format("{:.6g}", point.value)});
    }
  }
  return table;
}

// What a reader who sees no picture should know, and what the picture leaves out.
std::string description(const Chart& chart, const std::vector<size_t>& left_out) {
  std::string text = chart.about;
  for (size_t i = 0; i < chart.curves.size(); ++i) {
    const Curve& curve = chart.curves[i];
    if (left_out[i] == 0) continue;
    append(text, " {}: {} of {} values {} not finite and left out.", curve.name, left_out[i],
           left_out[i] + curve.points.size(), left_out[i] == 1 ? "is" : "are");
  }
  return text;
}

// Curves without a finite value have nothing to draw.
Chart drawable(const Chart& chart, std::vector<size_t>& left_out) {
  Chart drawn = chart;
  drawn.curves.clear();
  for (const Curve& curve : chart.curves) {
    std::vector<Point> finite = finite_points(curve.points);
    if (finite.empty()) continue;
    left_out.push_back(curve.points.size() - finite.size());
    drawn.curves.push_back({curve.run, curve.name, decimate(finite, kDrawnPoints)});
  }
  return drawn;
}

}  // namespace

std::string style_class(size_t run) {
  return fmt::format("run colour{} dash{}", run % kColours, run % kDashes);
}

std::string legend_html(const std::vector<std::string>& names) {
  std::string html = "<ul class=\"legend\">\n";
  for (size_t run = 0; run < names.size(); ++run) {
    append(html, "<li class=\"{}\">{}<span class=\"name\">{}</span></li>\n", style_class(run),
           kSample, escaped(names[run]));
  }
  return html + "</ul>\n";
}

std::string chart_html(const Chart& chart) {
  std::vector<size_t> left_out;
  const Chart drawn = drawable(chart, left_out);
  std::string html;
  append(html,
         "<figure class=\"chart\" id=\"{0}\">\n<figcaption><h3 id=\"{0}-title\">{1}</h3>\n"
         "<p class=\"about\" id=\"{0}-about\">{2}</p></figcaption>\n",
         chart.id, escaped(chart.title),
         escaped(drawn.curves.empty() ? chart.about + " No value is finite."
                                      : description(drawn, left_out)));
  if (!drawn.curves.empty()) {
    const bool logarithmic = make_plot(drawn, Axis::steps).up.logarithmic;
    html += chart_legend(drawn);
    append(html, "<p class=\"quantity\"><span>{}{}</span> <output class=\"where\"></output></p>\n",
           escaped(chart.quantity), logarithmic ? ", logarithmic" : "");
    for (const Axis axis : kAxes) html += plot_html(drawn, axis);
  }
  return html + folded_table_html(data_table(drawn)) + "</figure>\n";
}

}  // namespace sy::report
