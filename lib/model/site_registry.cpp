#include "lib/model/site_registry.h"

#include "lib/base/error.h"
#include "lib/base/random.h"

namespace sy {

uint32_t SiteRegistry::declare(const std::string& name) {
  const uint32_t site = site::of_name(name);
  const auto [holder, is_new] = names_.emplace(site, name);
  SY_CHECK(is_new, "{} and {} would draw the same numbers: both have the site {:#x}",
           holder->second, name, site);
  return site;
}

}  // namespace sy
