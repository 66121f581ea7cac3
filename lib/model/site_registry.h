// The sites that a model draws at, each the hash of its name (lib/base/random.h). Made once, as the
// layers are declared: a step hashes nothing.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace sy {

class SiteRegistry {
 public:
  // The site of `name`. A name is declared once, and no other may have its site: the error names
  // both, and renaming one mends it.
  uint32_t declare(const std::string& name);

 private:
  std::map<uint32_t, std::string> names_;
};

}  // namespace sy
