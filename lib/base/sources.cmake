# SPDX-License-Identifier: Apache-2.0
sy_library(base
           SOURCES lib/base/core_set.cpp lib/base/error.cpp lib/base/json.cpp lib/base/log.cpp lib/base/objective_plan.cpp lib/base/paths.cpp lib/base/process.cpp lib/base/span_plan.cpp lib/base/wire_format.cpp
           LINK sy::fmt sy::json)
