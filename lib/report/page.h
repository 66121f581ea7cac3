// SPDX-License-Identifier: Apache-2.0
// A report: one HTML page with everything in it, style and script too. It loads nothing, so it can
// be kept, mailed and printed, and without its script it shows the same.
#pragma once

#include <string>
#include <vector>

#include "lib/report/run_data.h"

namespace sy::report {

// Of at least one run; their names differ (distinguish()).
std::string page_html(const std::vector<RunData>& runs);

}  // namespace sy::report
