// SPDX-License-Identifier: Apache-2.0
#include "lib/report/router_history.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sy::report {

void RouterHistory::add_line(double step) {
  if (columns_.empty() || lines_in_last_ == lines_per_column_) {
    if (columns_.size() == 2 * kColumns) halve();
    columns_.push_back({step, step});
    lines_in_last_ = 0;
  }
  ++lines_in_last_;
  columns_.back().last_step = step;
}

void RouterHistory::add(const std::string& layer, const RouterReading& reading) {
  std::vector<Cells>& cells = cells_of(layer);
  cells.resize(columns_.size());
  for (size_t field = 0; field < reading.size(); ++field) {
    if (!std::isfinite(reading[field])) continue;
    cells.back()[field].total += reading[field];
    ++cells.back()[field].count;
  }
}

std::vector<RouterHistory::Cells>& RouterHistory::cells_of(const std::string& layer) {
  const auto at = std::find(names_.begin(), names_.end(), layer);
  const auto index = static_cast<size_t>(at - names_.begin());
  if (at == names_.end()) {
    names_.push_back(layer);
    layers_.emplace_back();
  }
  return layers_[index];
}

double RouterHistory::mean(size_t layer, size_t field, size_t column) const {
  const std::vector<Cells>& cells = layers_.at(layer);
  if (column >= cells.size() || cells[column].at(field).count == 0) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  const Sum& sum = cells[column].at(field);
  return sum.total / static_cast<double>(sum.count);
}

// Columns 2i and 2i+1 become column i; an odd last one stays alone.
void RouterHistory::halve() {
  const size_t half = (columns_.size() + 1) / 2;
  for (size_t i = 0; i < half; ++i) {
    const size_t second = std::min(2 * i + 1, columns_.size() - 1);
    columns_[i] = {columns_[2 * i].first_step, columns_[second].last_step};
  }
  columns_.resize(half);
  lines_per_column_ *= 2;
  for (std::vector<Cells>& cells : layers_) {
    std::vector<Cells> merged((cells.size() + 1) / 2);
    for (size_t column = 0; column < cells.size(); ++column) {
      for (size_t field = 0; field < kRouterFields.size(); ++field) {
        merged[column / 2][field].total += cells[column][field].total;
        merged[column / 2][field].count += cells[column][field].count;
      }
    }
    cells = std::move(merged);
  }
}

RouterHistory RouterHistory::coarser(size_t most) const {
  RouterHistory result = *this;
  while (result.columns_.size() > most) result.halve();
  return result;
}

}  // namespace sy::report
