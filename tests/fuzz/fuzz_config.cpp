// SPDX-License-Identifier: Apache-2.0
// libFuzzer over configuration text. The bytes up to the first NUL are the file, and each piece
// after it is a --set. Whatever they hold, the answer is a configuration that writes and reads back
// the same, or a ConfigError.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/config/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::string> pieces(1);
  for (size_t i = 0; i < size; ++i) {
    if (data[i] == 0) {
      pieces.emplace_back();
    } else {
      pieces.back() += static_cast<char>(data[i]);
    }
  }
  const std::vector<std::string> overrides(pieces.begin() + 1, pieces.end());
  try {
    sy::RunConfig config = sy::parse_config(pieces[0], "fuzz.yaml", overrides);
    for (const int ranks : {1, 2, 3, 8}) sy::find_mesh_errors(config, ranks);
    sy::resolve_config(config, 0);
    const std::string written = sy::write_config(config);
    if (sy::write_config(sy::parse_config(written, "written.yaml")) != written) std::abort();
  } catch (const sy::ConfigError&) {
  }
  return 0;
}
