// SPDX-License-Identifier: Apache-2.0
// What the router of every sparse layer did over a run, in few enough columns for a picture.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sy::report {

// Members of a layer in metrics.jsonl's `router` (lib/train/log/metrics.h).
constexpr std::array<std::string_view, 4> kRouterFields{"load_max", "dropped_fraction",
                                                        "top_probability", "entropy"};
using RouterReading = std::array<double, kRouterFields.size()>;  // NaN: absent or not finite

// However many lines are added, there are at most 2 * kColumns columns: two neighbours become one
// when there is no room. A column is the mean over its lines, and all but the last have as many.
class RouterHistory {
 public:
  static constexpr size_t kColumns = 64;

  struct Column {
    double first_step = 0, last_step = 0;
  };

  // Begins a line.
  void add_line(double step);
  // Of one layer, in the line that was begun last.
  void add(const std::string& layer, const RouterReading& reading);

  bool empty() const { return layers_.empty(); }
  const std::vector<std::string>& layers() const { return names_; }  // in the order of the file
  const std::vector<Column>& columns() const { return columns_; }
  // NaN where no line of the column has a finite value.
  double mean(size_t layer, size_t field, size_t column) const;

  // The same history in at most `most` columns, to read only.
  RouterHistory coarser(size_t most) const;

 private:
  struct Sum {
    double total = 0;
    int64_t count = 0;
  };
  using Cells = std::array<Sum, kRouterFields.size()>;
  std::vector<Cells>& cells_of(const std::string& layer);
  void halve();

  std::vector<std::string> names_;
  std::vector<std::vector<Cells>> layers_;  // [layer][column]; a layer may have fewer columns
  std::vector<Column> columns_;
  int64_t lines_per_column_ = 1, lines_in_last_ = 0;
};

}  // namespace sy::report
