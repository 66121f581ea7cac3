// SPDX-License-Identifier: Apache-2.0
#include "lib/measure/device.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <set>

#include "lib/base/error.h"
#include "lib/config/keys.h"
#include "lib/config/yaml_text.h"
#include "lib/measure/known_devices.h"

namespace sy {
namespace {

std::string in_capitals(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

// The keys of a description, in order, each with the member that it names: for reading and writing
// alike.
template <class Visit>
void visit_device(Device& device, Visit&& visit) {
  visit("name", device.name);
  visit("gpu", device.gpu);
  visit("memory_bytes", device.memory_bytes);
  visit("float32_flops", device.float32_flops);
  visit("bfloat16_flops", device.bfloat16_flops);
  visit("product_efficiency", device.product_efficiency);
  visit("narrow_products", device.narrow_products);
  visit("attention_efficiency", device.attention_efficiency);
  visit("memory_bytes_per_second", device.memory_bytes_per_second);
  visit("activation_bytes_per_second", device.activation_bytes_per_second);
  visit("update_bytes_per_second", device.update_bytes_per_second);
  visit("dropout_attention_efficiency", device.dropout_attention_efficiency);
  visit("dropout_activation_bytes_per_second", device.dropout_activation_bytes_per_second);
  visit("unplanned_bytes", device.unplanned_bytes);
  visit("call_waits", device.call_waits);
  visit("ranks_per_host", device.ranks_per_host);
  visit("within_host_latency_seconds", device.within_host.latency_seconds);
  visit("within_host_bytes_per_second", device.within_host.bytes_per_second);
  visit("between_hosts_latency_seconds", device.between_hosts.latency_seconds);
  visit("between_hosts_bytes_per_second", device.between_hosts.bytes_per_second);
  visit("source", device.source);
}

const std::set<std::string> kMayBeMissing{"narrow_products",
                                          "attention_efficiency",
                                          "activation_bytes_per_second",
                                          "update_bytes_per_second",
                                          "dropout_attention_efficiency",
                                          "dropout_activation_bytes_per_second",
                                          "unplanned_bytes",
                                          "call_waits",
                                          "source"};

[[noreturn]] void fail(const std::string& path, const Place& place, const std::string& what) {
  throw ConfigError(fmt::format("{}:{}:{}: {}", path, place.line, place.column, what));
}

// Reads the entries of one description.
class DeviceReader {
 public:
  DeviceReader(std::string path, const YAML::Node& root) : path_(std::move(path)), root_(root) {}

  template <class T>
  void operator()(const char* key, T& value) {
    keys_.emplace_back(key);
    const YAML::Node node = root_[key];
    if (!node) {
      if (kMayBeMissing.contains(keys_.back())) return;
      fail(path_, {1, 1},
           fmt::format("{} is missing; `switchyard doctor --json` writes every key", key));
    }
    try {
      value = node.as<T>();
    } catch (const YAML::Exception&) {
      fail(path_, place_of(node.Mark()),
           fmt::format("{}: {} is not of the right type; `switchyard doctor --json` shows it", key,
                       describe(node)));
    }
  }

  void refuse_unknown() const {
    for (const auto& entry : root_) {
      const auto key = entry.first.as<std::string>();
      if (std::ranges::find(keys_, key) != keys_.end()) continue;
      const std::string nearest = nearest_word(key, keys_);
      fail(path_, place_of(entry.first.Mark()),
           fmt::format("unknown key {}{}", key,
                       nearest.empty() ? "; remove it" : "; did you mean " + nearest + "?"));
    }
  }

 private:
  std::string path_;
  YAML::Node root_;
  std::vector<std::string> keys_;
};

void check_positive(const Device& device, const std::string& path) {
  const std::pair<const char*, double> values[] = {
      {"memory_bytes", device.memory_bytes},
      {"float32_flops", device.float32_flops},
      {"product_efficiency", device.product_efficiency},
      {"memory_bytes_per_second", device.memory_bytes_per_second},
      {"ranks_per_host", static_cast<double>(device.ranks_per_host)},
      {"within_host_bytes_per_second", device.within_host.bytes_per_second},
      {"between_hosts_bytes_per_second", device.between_hosts.bytes_per_second}};
  for (const auto& [key, value] : values) {
    if (value > 0) continue;
    throw ConfigError(fmt::format("{}: {}: {} must be more than 0", path, key, value));
  }
  const std::vector<double>& narrow = device.narrow_products;
  const bool positive = std::ranges::all_of(narrow, [](double share) { return share > 0; });
  if (!positive || (!narrow.empty() && narrow.size() != kProductWidths.size())) {
    throw ConfigError(fmt::format(
        "{}: narrow_products: [{}] must be {} shares above 0, of products of width {}", path,
        fmt::join(narrow, ", "), kProductWidths.size(), fmt::join(kProductWidths, ", ")));
  }
  const std::vector<double>& waits = device.call_waits;
  const bool sound = std::ranges::all_of(waits, [](double seconds) { return seconds >= 0; });
  if (!sound || (!waits.empty() && waits.size() != kWaitIntervals.size())) {
    throw ConfigError(fmt::format(
        "{}: call_waits: [{}] must be {} waits of 0 seconds or more, after computing for {}", path,
        fmt::join(waits, ", "), kWaitIntervals.size(), fmt::join(kWaitIntervals, ", ")));
  }
}

Device read_device(const std::string& path) {
  const YamlText text = load_yaml(read_config_file(path));
  if (!text.error.empty()) fail(path, text.place, text.error);
  if (!text.root.IsMap()) {
    fail(path, {1, 1},
         "a device's description is a mapping; `switchyard doctor --json` writes one");
  }
  Device device;
  DeviceReader reader(path, text.root);
  visit_device(device, reader);
  reader.refuse_unknown();
  check_positive(device, path);
  return device;
}

}  // namespace

Device find_device(const std::string& name) {
  if (name.find_first_of("./") != std::string::npos) return read_device(name);
  std::vector<std::string> names;
  for (const Device& device : known_devices()) {
    if (device.name == in_capitals(name)) return device;
    names.push_back(device.name);
  }
  const std::string nearest = nearest_word(in_capitals(name), names);
  throw ConfigError(fmt::format(
      "--device {}: unknown; {}give A100, H100, H200 or a file that `switchyard doctor --json` "
      "wrote",
      name.empty() ? "\"\"" : name, nearest.empty() ? "" : fmt::format("did you mean {}? Otherwise ", nearest)));
}

Json device_json(const Device& device) {
  Json json;
  Device copy = device;
  visit_device(copy, [&json](const char* key, const auto& value) { json[key] = value; });
  return json;
}

}  // namespace sy
