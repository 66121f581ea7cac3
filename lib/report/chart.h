// SPDX-License-Identifier: Apache-2.0
// Line charts: one figure each, drawn three times, against steps, tokens and time. The page's style
// shows one of them, and its script adds the reading at the pointer.
#pragma once

#include <string>
#include <vector>

#include "lib/report/series.h"

namespace sy::report {

// Curves of one run have one colour and line style throughout a page, by the run's number.
std::string style_class(size_t run);

struct Curve {
  size_t run = 0;
  std::string name;
  std::vector<Point> points;  // by place; values that are not finite are counted and left out
};

struct Chart {
  std::string id;        // unique in the page: letters, digits and hyphens
  std::string title;     // "Training loss"
  std::string quantity;  // of the vertical axis: "nats per target token"
  std::string about;     // a sentence on what it means
  std::vector<Curve> curves;
};

// At most about 1,000 points of each curve are drawn and 40 are in the table behind the chart, the
// extremes among them.
std::string chart_html(const Chart& chart);

// The row of names with line samples, as every chart has it, with nothing beside the names.
std::string legend_html(const std::vector<std::string>& names);

}  // namespace sy::report
