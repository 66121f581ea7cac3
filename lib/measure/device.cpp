// SPDX-License-Identifier: Apache-2.0
#include "lib/measure/device.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <limits>
#include <map>
#include <set>
#include <type_traits>

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

// What numbers a key may have.
struct Limits {
  double least = 0, most = std::numeric_limits<double>::max();
  bool above = false;  // more than `least`

  bool allow(double value) const {
    return value <= most && (above ? value > least : value >= least);  // NaN is in no limits
  }
  std::string str() const {
    const std::string from = fmt::format("{} {}", above ? "more than" : "at least", least);
    const bool open = most == std::numeric_limits<double>::max();
    return open ? from : fmt::format("{} and at most {:g}", from, most);
  }
};

// 0 stands for what is not given of those that may be 0.
Limits limits_of(const std::string& key) {
  constexpr Limits kMoreThanZero{.above = true};
  static const std::map<std::string, Limits> kLimits{
      {"memory_bytes", {.most = 1e18, .above = true}},
      {"float32_flops", kMoreThanZero},
      {"product_efficiency", {.most = 1, .above = true}},
      {"memory_bytes_per_second", kMoreThanZero},
      {"unplanned_bytes", {.most = 1e15}},
      {"ranks_per_host", {.most = 1e6, .above = true}},
      {"within_host_bytes_per_second", kMoreThanZero},
      {"between_hosts_bytes_per_second", kMoreThanZero}};
  const auto found = kLimits.find(key);
  return found == kLimits.end() ? Limits{} : found->second;
}

// "" if the value is one that a key of its type may have, or else what it must be.
template <class T>
std::string fault_of(const std::string& key, const T& value) {
  if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
    const Limits limits = limits_of(key);
    if (limits.allow(static_cast<double>(value))) return "";
    return fmt::format("{} must be {}", value, limits.str());
  }
  return "";
}

std::string fault_of(const std::string& key, const std::vector<double>& values) {
  const bool shares = key == "narrow_products";
  const size_t many = shares ? kProductWidths.size() : kWaitIntervals.size();
  const Limits limits{.above = shares};
  const bool sound =
      std::ranges::all_of(values, [&limits](double value) { return limits.allow(value); });
  if (sound && (values.empty() || values.size() == many)) return "";
  return shares ? fmt::format("[{}] must be {} shares above 0, of products of width {}",
                              fmt::join(values, ", "), many, fmt::join(kProductWidths, ", "))
                : fmt::format("[{}] must be {} waits of 0 seconds or more, after computing for {}",
                              fmt::join(values, ", "), many, fmt::join(kWaitIntervals, ", "));
}

// Reads the entries of one description.
class DeviceReader {
 public:
  DeviceReader(std::string path, const YAML::Node& root) : path_(std::move(path)), root_(root) {}

  template <class T>
  void operator()(const char* key, T& value) {
    keys_.emplace_back(key);
    const YAML::Node node = root_[key];
    if (!node || node.IsNull()) {
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
    const std::string fault = fault_of(keys_.back(), value);
    if (!fault.empty()) fail(path_, place_of(node.Mark()), fmt::format("{}: {}", key, fault));
  }

  void refuse_unknown_and_duplicate() const {
    std::map<std::string, int> lines;
    for (const auto& entry : root_) {
      const std::string& key = entry.first.Scalar();
      const Place place = place_of(entry.first.Mark());
      const auto [first, is_new] = lines.emplace(key, place.line);
      if (!is_new) {
        fail(path_, place,
             fmt::format("{}: duplicate key, first set on line {}; remove one of them", key,
                         first->second));
      }
      if (std::ranges::find(keys_, key) != keys_.end()) continue;
      const std::string nearest = nearest_word(key, keys_);
      fail(path_, place,
           fmt::format("unknown key {}{}", key,
                       nearest.empty() ? "; remove it" : "; did you mean " + nearest + "?"));
    }
  }

 private:
  std::string path_;
  YAML::Node root_;
  std::vector<std::string> keys_;
};

Device read_device(const std::string& path) {
  if (std::error_code ignored; std::filesystem::is_directory(path, ignored)) {
    throw ConfigError(path +
                      ": is a folder; give a device file, as `switchyard doctor --json` writes it");
  }
  const YamlText text = load_yaml(read_config_file(path));
  if (!text.error.empty()) fail(path, text.place, text.error);
  if (!text.root.IsMap()) {
    fail(path, {1, 1},
         "a device's description is a mapping; `switchyard doctor --json` writes one");
  }
  Device device;
  DeviceReader reader(path, text.root);
  visit_device(device, reader);
  reader.refuse_unknown_and_duplicate();
  if (device.source.empty()) device.source = "not stated";
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
  if (std::error_code ignored; std::filesystem::exists(name, ignored)) return read_device(name);
  const std::string nearest = nearest_word(in_capitals(name), names);
  throw ConfigError(fmt::format(
      "--device {}: unknown; {}give A100, H100, H200 or a file that `switchyard doctor --json` "
      "wrote",
      name.empty() ? "\"\"" : name,
      nearest.empty() ? "" : fmt::format("did you mean {}? Otherwise ", nearest)));
}

Json device_json(const Device& device) {
  Json json;
  Device copy = device;
  visit_device(copy, [&json](const char* key, const auto& value) { json[key] = value; });
  return json;
}

}  // namespace sy
