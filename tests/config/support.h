// What the tests of the configuration share.
#pragma once

#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/config/config.h"

namespace sy::test {

// The message of the ConfigError that parsing ends in; "" when it parses.
inline std::string parse_failure(const std::string& text,
                                 const std::vector<std::string>& overrides = {}) {
  try {
    parse_config(text, "run.yaml", overrides);
    return "";
  } catch (const ConfigError& error) {
    return error.what();
  }
}

}  // namespace sy::test
