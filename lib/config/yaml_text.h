// Text to a YAML tree, or the one fault that keeps it from being one. What yaml-cpp would take in
// silence (several documents, tabs, bytes that are not text) is a fault here.
#pragma once

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/yaml.h>

#include <string>

#include "lib/config/scalar.h"

namespace sy {

// A line and column from 1; line 0: no place within the text.
struct Place {
  int line = 0;
  int column = 0;
};

Place place_of(const YAML::Mark& mark);

struct YamlText {
  YAML::Node root;
  std::string fault;  // "what is wrong; remedy", or "" when root is good
  Place place;        // of the fault
};

YamlText load_yaml(const std::string& text);

// The file's bytes. Throws ConfigError when it cannot be read or is too large for a configuration.
std::string read_config_file(const std::string& path);

// "a mapping", "a list", "nothing" or the quoted text: what a message says was found.
std::string describe(const YAML::Node& node);

Scalar to_scalar(const YAML::Node& node);

}  // namespace sy
