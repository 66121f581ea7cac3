// SPDX-License-Identifier: Apache-2.0
// Text to a YAML tree, or the error that prevents it. Several documents, tabs and bytes that are
// not text, which yaml-cpp accepts silently, are errors here.
#pragma once

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/yaml.h>

#include <string>

#include "lib/config/scalar.h"

namespace sy {

// Line and column, counted from 1. Line 0: no place in the text.
struct Place {
  int line = 0;
  int column = 0;
};

Place place_of(const YAML::Mark& mark);

struct YamlText {
  YAML::Node root;
  std::string error;  // "what is wrong; remedy", or "" if root is valid
  Place place;        // of the error
};

YamlText load_yaml(const std::string& text);

// The contents of the file. Throws ConfigError if it cannot be read or is too large to be a
// configuration.
std::string read_config_file(const std::string& path);

// What a message says was found: "a mapping", "a list", "nothing" or the quoted text.
std::string describe(const YAML::Node& node);

Scalar to_scalar(const YAML::Node& node);

}  // namespace sy
