// SPDX-License-Identifier: Apache-2.0
#include "lib/train/log/tensorboard.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "lib/base/error.h"
#include "lib/base/process.h"
#include "lib/base/wire_format.h"

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

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// A run restarted within the same second must not reuse the name.
std::string new_path(const std::string& folder) {
  std::string path;
  for (auto time = static_cast<int64_t>(wall_time());
       path.empty() || access(path.c_str(), F_OK) == 0; ++time) {
    path = fmt::format("{}/events.out.tfevents.{:010}.{}", folder, time, host_name());
  }
  return path;
}

// The subset of TensorBoard's messages that scalars need:
//   Event {1: wall_time double, 2: step, 3: file_version, 5: Summary, 7: SessionLog}
//   Summary {1: repeated Value {1: tag, 2: simple_value float}},  SessionLog {1: status, START = 1}
constexpr uint32_t kFileVersion = 3, kSummary = 5, kSessionLog = 7;

std::string event_at(int64_t step, uint32_t field, std::string_view content) {
  std::string event;
  append_double_field(event, 1, wall_time());
  append_varint_field(event, 2, static_cast<uint64_t>(step));
  append_bytes_field(event, field, content);
  return event;
}

template <class Value>
void append_scalar(std::string& summary, const std::string& tag, const Value& value) {
  std::string scalar;
  append_bytes_field(scalar, 1, tag);
  append_float_field(scalar, 2, static_cast<float>(value));
  append_bytes_field(summary, 1, scalar);
}

void append_scalar(std::string& summary, const std::string& tag,
                   const std::vector<RouterMetrics>& layers) {
  for (const RouterMetrics& of : layers) {
    of.fields([&](const char* field, double value) {
      append_scalar(summary, fmt::format("{}/{}/{}", tag, of.layer, field), value);
    });
  }
}

void append_scalar(std::string& summary, const std::string& tag,
                   const std::vector<CorpusLoss>& corpora) {
  for (const CorpusLoss& of : corpora) append_scalar(summary, tag + "/" + of.corpus, of.loss);
}

void append_scalar(std::string& summary, const std::string& tag,
                   const std::vector<TaskScores>& tasks) {
  for (const TaskScores& of : tasks) {
    for (const Score& score : of.scores) {
      append_scalar(summary, fmt::format("{}/{}/{}", tag, of.task, score.name), score.value);
    }
  }
}

template <class Metrics>
std::string scalars(const Metrics& metrics) {
  std::string summary;
  metrics.fields([&](std::string_view name, const auto& value) {
    if (name == "step") return;
    append_scalar(summary, fmt::format("{}/{}", Metrics::kKind, name), value);
  });
  return event_at(metrics.step, kSummary, summary);
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
  append(event_at(0, kFileVersion, "brain.Event:2"));
  // START makes readers discard scalars of this step and later ones.
  std::string start;
  append_varint_field(start, 1, 1);
  append(event_at(resumed_step + 1, kSessionLog, start));
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
    throw RuntimeFailure(fmt::format("{} cannot be written: {}", path_, std::strerror(errno)));
  }
}

}  // namespace sy
