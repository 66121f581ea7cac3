// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>

#include "lib/base/error.h"
#include "lib/base/paths.h"
#include "lib/config/config.h"
#include "lib/config/reader.h"

namespace sy {
namespace {

bool is_key_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// Whether the message mentions the key or a key below it.
bool mentions(const std::string& message, const std::string& key) {
  for (size_t at = message.find(key); at != std::string::npos; at = message.find(key, at + 1)) {
    const size_t end = at + key.size();
    const bool starts = at == 0 || (!is_key_character(message[at - 1]) && message[at - 1] != '.');
    if (starts && (end == message.size() || !is_key_character(message[end]))) return true;
  }
  return false;
}

// A value that could not be read keeps its default, so a message that mentions its key may be about
// the default. Such messages are dropped.
void check_ranges(ConfigReader& reader, const RunConfig& config) {
  const std::vector<std::string>& unread = reader.unread_keys();
  for (const std::string& message : find_errors(config)) {
    const bool about_default = std::any_of(unread.begin(), unread.end(),
                                           [&](const auto& key) { return mentions(message, key); });
    if (!about_default) reader.range_error(message);
  }
}

// Replaces ~ and variables in the values of the keys that are paths, and names the key that this is
// impossible for.
void expand_paths(RunConfig& config, const std::string& file) {
  std::vector<std::string> errors;
  const auto expand = [&](const std::string& key, std::string& text, auto how) {
    try {
      text = how(text);
    } catch (const ConfigError& error) {
      errors.push_back(fmt::format("{}: {}: {}", file, key, error.what()));
    }
  };
  const auto expand_all = [&](const std::string& key, std::vector<std::string>& patterns) {
    for (std::string& pattern : patterns) expand(key, pattern, expand_path);
  };
  expand_all("data.train", config.data.train);
  expand_all("data.validation", config.data.validation);
  for (size_t i = 0; i < config.data.corpora.size(); ++i) {
    const std::string section = fmt::format("data.corpora[{}].", i);
    expand_all(section + "train", config.data.corpora[i].train);
    expand_all(section + "validation", config.data.corpora[i].validation);
  }
  expand("data.tokenizer", config.data.tokenizer, expand_single_path);
  expand("run.directory", config.run.directory, expand_single_path);
  // A name is no path: it may begin with ~.
  expand("run.name", config.run.name,
         [](const std::string& name) { return expand_single_path("./" + name).substr(2); });
  std::string& weights = config.train.initialize_from;
  if (!weights.empty()) expand("train.initialize_from", weights, expand_single_path);
  std::string& teacher = config.distill.teacher;
  if (!teacher.empty()) expand("distill.teacher", teacher, expand_single_path);
  throw_errors(errors);
  throw_errors(find_errors(config));  // a variable may hold anything
}

void read_text(ConfigReader& reader, const std::string& text, RunConfig& config) {
  const YamlText yaml = load_yaml(text);
  if (!yaml.error.empty()) {
    reader.error(yaml.place, "", yaml.error);
  } else if (yaml.root.IsNull() || !yaml.root.IsDefined()) {
    reader.error({1, 1}, "", "the configuration is empty; start from configs/quickstart.yaml");
  } else {
    reader.read(yaml.root, config);
  }
}

void read_override(ConfigReader& reader, const std::string& text, RunConfig& config) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    reader.begin_override(text);
    reader.error({}, "", "expected key.path=value, as in --set train.steps=1000");
    return;
  }
  const std::string path = text.substr(0, equals);
  reader.begin_override(path);
  const YamlText yaml = load_yaml(text.substr(equals + 1));
  if (!yaml.error.empty()) {
    reader.error({}, "", yaml.error);
  } else {
    reader.assign(path, yaml.root, config);
  }
}

}  // namespace

RunConfig parse_config(const std::string& text, const std::string& name,
                       const std::vector<std::string>& overrides) {
  ConfigReader reader(name);
  RunConfig config;
  read_text(reader, text, config);
  for (const std::string& override : overrides) read_override(reader, override, config);
  check_ranges(reader, config);
  reader.throw_errors();
  return config;
}

RunConfig load_config(const std::string& path, const std::vector<std::string>& overrides) {
  RunConfig config = parse_config(read_config_file(path), path, overrides);
  expand_paths(config, path);
  return config;
}

}  // namespace sy
