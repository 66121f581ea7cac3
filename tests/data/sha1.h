// SPDX-License-Identifier: Apache-2.0
// SHA-1 (FIPS 180-4), for vectors that give a digest of ids.
#pragma once

#include <string>
#include <string_view>

namespace sy::test {

// In hexadecimal.
std::string sha1(std::string_view message);

}  // namespace sy::test
