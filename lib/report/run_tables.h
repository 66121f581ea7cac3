// SPDX-License-Identifier: Apache-2.0
// The tables of a report: what the runs came to, what is kept of them, and in what they differ.
#pragma once

#include <string>
#include <vector>

#include "lib/report/run_data.h"

namespace sy::report {

// Each returns HTML, "" if there is nothing to tell.
std::string final_figures(const std::vector<RunData>& runs);
std::string checkpoint_tables(const std::vector<RunData>& runs);
// What logs tell of resumes, stops and warnings, and what the report could not read.
std::string event_lists(const std::vector<RunData>& runs);
// Of the runs whose configuration is there, against the first of them.
std::string configuration_differences(const std::vector<RunData>& runs);

}  // namespace sy::report
