// SPDX-License-Identifier: Apache-2.0
// Which charts a report has: all runs in each, and only what some run has recorded.
#pragma once

#include <string>
#include <vector>

#include "lib/report/run_data.h"

namespace sy::report {

// Each returns the HTML of its figures, "" for none.
std::string loss_charts(const std::vector<RunData>& runs);
std::string corpus_charts(const std::vector<RunData>& runs);
std::string task_charts(const std::vector<RunData>& runs);
std::string router_charts(const std::vector<RunData>& runs);  // a heat map of each run
std::string optimizer_charts(const std::vector<RunData>& runs);
std::string speed_charts(const std::vector<RunData>& runs);

}  // namespace sy::report
