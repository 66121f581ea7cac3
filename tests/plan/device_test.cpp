// SPDX-License-Identifier: Apache-2.0
#include "lib/measure/device.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

#include "lib/base/error.h"
#include "lib/measure/known_devices.h"
#include "lib/measure/measure_device.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {

std::string written(const std::string& text) {
  const std::string path = test::temporary_folder() + "/device.json";
  std::ofstream(path) << text;
  return path;
}

std::string error_of(const std::string& name) {
  try {
    find_device(name);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST_CASE("device: known by name, and nearest names are suggested", "[device]") {
  const Device device = find_device("h100");
  CHECK(device.name == "H100");
  CHECK(device.gpu);
  CHECK(device.bfloat16_flops == 989.5e12);
  CHECK(device.ranks_per_host == 8);
  CHECK_THAT(error_of("H10"), Catch::Contains("did you mean H100?"));
  CHECK_THAT(error_of("abacus"), Catch::StartsWith("--device abacus: unknown; give A100"));
}

TEST_CASE("device: a description is read as it is written", "[device]") {
  Device device = find_device("A100");
  device.name = "mine";
  device.between_hosts = {3e-5, 1.25e9};
  device.narrow_products = {0.2, 0.4, 0.6, 0.8, 0.9, 1};
  device.attention_efficiency = 0.5;
  device.activation_bytes_per_second = 2e9;
  device.update_bytes_per_second = 3e9;
  device.dropout_attention_efficiency = 0.4;
  device.dropout_activation_bytes_per_second = 1e9;
  device.unplanned_bytes = 5e7;
  device.call_waits = {1e-5, 2e-5, 4e-5};
  const std::string json = json_line(device_json(device));
  const Device read = find_device(written(json));
  CHECK(json_line(device_json(read)) == json);
}

TEST_CASE("device: what a step reaches may be missing", "[device]") {
  const std::string json = json_line(device_json(find_device("A100")));
  Json shorter = Json::parse(json);
  for (const char* key :
       {"narrow_products", "attention_efficiency", "activation_bytes_per_second",
        "update_bytes_per_second", "dropout_attention_efficiency",
        "dropout_activation_bytes_per_second", "unplanned_bytes", "call_waits", "source"}) {
    REQUIRE(shorter.erase(key) == 1);
  }
  Device read = find_device(written(json_line(shorter)));
  read.source = find_device("A100").source;
  CHECK(json_line(device_json(read)) == json);
}

TEST_CASE("device: what is wrong with a description is said with its place", "[device]") {
  const std::string right = json_line(device_json(find_device("A100")));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = right;
    const size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return error_of(written(text.replace(at, from.size(), to)));
  };
  CHECK_THAT(with("\"gpu\"", "\"gpus\""), Catch::Contains("gpu is missing"));
  CHECK_THAT(with("\"source\"", "\"sourc\""), Catch::Contains("did you mean source?"));
  CHECK_THAT(with("\"gpu\": true", "\"gpu\": 7"), Catch::Contains(":1:25: gpu: "));
  CHECK_THAT(with("\"ranks_per_host\": 8", "\"ranks_per_host\": 0"),
             Catch::Contains("ranks_per_host: 0 must be more than 0"));
  CHECK_THAT(with("\"narrow_products\": []", "\"narrow_products\": [0.5, 1]"),
             Catch::Contains("narrow_products: [0.5, 1] must be 6 shares above 0"));
  CHECK_THAT(with("\"narrow_products\": []", "\"narrow_products\": [0, 1, 1, 1, 1, 1]"),
             Catch::Contains("must be 6 shares above 0"));
  CHECK_THAT(with("\"call_waits\": []", "\"call_waits\": [1e-5]"),
             Catch::Contains("call_waits: [1e-05] must be 3 waits of 0 seconds or more"));
  CHECK_THAT(with("\"call_waits\": []", "\"call_waits\": [0, 0, -1]"),
             Catch::Contains("must be 3 waits of 0 seconds or more"));
  CHECK_THAT(with("\"within_host_latency_seconds\": 1e-05", "\"within_host_latency_seconds\": -1"),
             Catch::Contains("within_host_latency_seconds: -1 must be at least 0"));
  CHECK_THAT(with("\"unplanned_bytes\": 0.0", "\"unplanned_bytes\": 1e30"),
             Catch::Contains("unplanned_bytes: 1e+30 must be at least 0 and at most 1e+15"));
  CHECK_THAT(with("\"unplanned_bytes\": 0.0", "\"unplanned_bytes\": -5"),
             Catch::Contains("unplanned_bytes: -5 must be at least 0"));
  CHECK_THAT(with("\"attention_efficiency\": 0.0", "\"attention_efficiency\": -0.5"),
             Catch::Contains("attention_efficiency: -0.5 must be at least 0"));
  CHECK_THAT(with("\"update_bytes_per_second\": 0.0", "\"update_bytes_per_second\": .nan"),
             Catch::Contains("update_bytes_per_second: nan must be at least 0"));
  CHECK_THAT(with("\"product_efficiency\": 0.6", "\"product_efficiency\": 7"),
             Catch::Contains("product_efficiency: 7 must be more than 0 and at most 1"));
  CHECK_THAT(with("\"memory_bytes\"", "\"gpu\": true, \"memory_bytes\""),
             Catch::Contains("gpu: duplicate key, first set on line 1; remove one of them"));
  CHECK_THAT(error_of(written("[1, 2]")), Catch::Contains("is a mapping"));
  CHECK_THAT(error_of(written("{")), Catch::Contains("device.json:"));
  CHECK_THAT(error_of("/nowhere.json"), Catch::Contains("cannot be opened"));
  CHECK(error_of("/tmp") ==
        "/tmp: is a folder; give a device file, as `switchyard doctor --json` writes it");
}

TEST_CASE("device: a file needs neither a dot nor a slash in its name", "[device]") {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(test::temporary_folder());
  std::ofstream("mydevice") << json_line(device_json(find_device("A100")));
  const Device read = find_device("mydevice");
  std::filesystem::current_path(before);
  CHECK(read.name == "A100");
}

TEST_CASE("device: a source that is not given is not stated", "[device]") {
  Json json = device_json(find_device("A100"));
  json["source"] = nullptr;
  CHECK(find_device(written(json_line(json))).source == "not stated");
  json.erase("source");
  CHECK(find_device(written(json_line(json))).source == "not stated");
}

TEST_CASE("device: only the very card is known by the name that CUDA gives", "[device]") {
  const Device h200 = known_device_of("NVIDIA H200").value();
  CHECK(h200.name == "NVIDIA H200");
  CHECK(h200.bfloat16_flops == 989.5e12);
  CHECK(h200.memory_bytes == 143771. * (1 << 20));
  CHECK(known_device_of("NVIDIA H100 80GB HBM3").value().memory_bytes == 81559. * (1 << 20));
  CHECK(known_device_of("NVIDIA A100-SXM4-80GB").value().memory_bytes == 80. * (1 << 30));
  for (const char* other : {"NVIDIA GH200 480GB", "NVIDIA H100 PCIe", "NVIDIA H200 NVL",
                            "NVIDIA A100-SXM4-40GB", "NVIDIA H200 MIG 1g.18gb"}) {
    CHECK_FALSE(known_device_of(other));
  }
}

// Ranks on one host show nothing of what lies between hosts.
TEST_CASE("device: what a link among its ranks says of a device", "[device]") {
  const Link link{1e-6, 9e9};
  Device cpu;
  CHECK(with_measured_link(cpu, link, true).within_host.bytes_per_second == 9e9);
  CHECK(with_measured_link(cpu, link, true).between_hosts.latency_seconds == 2e-5);
  CHECK(with_measured_link(cpu, link, true).between_hosts.bytes_per_second == 1.25e9);
  CHECK(with_measured_link(cpu, link, false).within_host.bytes_per_second == 9e9);
  CHECK(with_measured_link(cpu, link, false).between_hosts.bytes_per_second == 9e9);
  const Device gpu = find_device("H100");
  CHECK(with_measured_link(gpu, link, true).within_host.latency_seconds == 1e-6);
  CHECK(with_measured_link(gpu, link, true).between_hosts.bytes_per_second ==
        gpu.between_hosts.bytes_per_second);
  CHECK(with_measured_link(gpu, link, false).within_host.bytes_per_second ==
        gpu.within_host.bytes_per_second);
  CHECK(with_measured_link(gpu, link, false).between_hosts.bytes_per_second == 9e9);
}

}  // namespace
}  // namespace sy
