// SPDX-License-Identifier: Apache-2.0
// TensorBoard scalars. An event file is a TFRecord file of Event messages (events.proto):
//   record = length (u64), masked CRC-32C of those 8 bytes (u32), payload, its masked CRC-32C (u32)
// All values are little-endian.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

#include "lib/train/log/metrics.h"

namespace sy {

// CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected) as in RFC 3720.
uint32_t crc32c(std::string_view bytes);
// The masked form that TFRecord uses, because the CRC of data that contains CRCs is problematic.
uint32_t masked_crc32c(std::string_view bytes);
// Frames one record.
std::string tfrecord(std::string_view payload);

// For rank 0 only.
class TensorBoardWriter {
 public:
  // Creates folder/events.out.tfevents.TIME.HOST, a new file for each start of the run. Scalars of
  // steps after `resumed_step` in older files are superseded. Throws RuntimeFailure.
  TensorBoardWriter(const std::string& folder, int64_t resumed_step);

  // Write every field but `step`, as train/NAME or evaluation/NAME, those of a router as
  // train/router/LAYER/NAME and those of a task as evaluation/tasks/TASK/NAME. Non-finite values
  // are kept. Throw RuntimeFailure if writing fails.
  void write(const TrainMetrics& metrics);
  void write(const EvaluationMetrics& metrics);

  const std::string& path() const { return path_; }

 private:
  void append(const std::string& payload);

  std::string path_;
  std::ofstream file_;
};

}  // namespace sy
