#include "lib/train/tensorboard.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "lib/base/error.h"
#include "lib/train/events.pb.h"

namespace sy {
namespace {

constexpr std::array<uint32_t, 256> crc32c_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0u);
    table[byte] = crc;
  }
  return table;
}

void append_little_endian(std::string& bytes, uint64_t value, int width) {
  for (int i = 0; i < width; ++i) bytes += static_cast<char>((value >> (8 * i)) & 0xFF);
}

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// TIME.HOST must not meet a file of a run that was restarted within the second.
std::string new_path(const std::string& folder) {
  char host[256] = "host";
  gethostname(host, sizeof host - 1);
  std::string path;
  for (auto time = static_cast<int64_t>(wall_time());
       path.empty() || access(path.c_str(), F_OK) == 0; ++time) {
    path = fmt::format("{}/events.out.tfevents.{:010}.{}", folder, time, host);
  }
  return path;
}

switchyard::Event event_at(int64_t step) {
  switchyard::Event event;
  event.set_wall_time(wall_time());
  event.set_step(step);
  return event;
}

template <class Metrics>
std::string scalars(const Metrics& metrics) {
  switchyard::Event event = event_at(metrics.step);
  metrics.fields([&](std::string_view name, auto value) {
    if (name == "step") return;
    switchyard::Scalar* scalar = event.mutable_summary()->add_value();
    scalar->set_tag(fmt::format("{}/{}", Metrics::kKind, name));
    scalar->set_simple_value(static_cast<float>(value));
  });
  return event.SerializeAsString();
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static constexpr auto kTable = crc32c_table();
  uint32_t crc = 0xFFFFFFFFu;
  for (const char byte : bytes)
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<uint8_t>(byte)) & 0xFF];
  return ~crc;
}

uint32_t masked_crc32c(std::string_view bytes) {
  const uint32_t crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}

std::string tfrecord(std::string_view payload) {
  std::string record;
  append_little_endian(record, payload.size(), 8);
  append_little_endian(record, masked_crc32c(record), 4);
  record += payload;
  append_little_endian(record, masked_crc32c(payload), 4);
  return record;
}

TensorBoardWriter::TensorBoardWriter(const std::string& folder, int64_t resumed_step)
    : path_(new_path(folder)), file_(path_, std::ios::binary) {
  switchyard::Event version = event_at(0);
  version.set_file_version("brain.Event:2");
  append(version.SerializeAsString());
  switchyard::Event start = event_at(resumed_step + 1);
  start.mutable_session_log()->set_status(switchyard::SessionLog::START);
  append(start.SerializeAsString());
}

void TensorBoardWriter::write(const TrainMetrics& metrics) {
  append(scalars(metrics));
}
void TensorBoardWriter::write(const EvaluationMetrics& metrics) {
  append(scalars(metrics));
}

void TensorBoardWriter::append(const std::string& payload) {
  const std::string record = tfrecord(payload);
  file_.write(record.data(), static_cast<std::streamsize>(record.size())).flush();
  if (!file_) {
    throw RuntimeFailure(
        fmt::format("{} cannot be written; is the disk full or the folder missing?", path_));
  }
}

}  // namespace sy
