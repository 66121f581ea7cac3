// Scalars for TensorBoard: an event file is a TFRecord file of Event messages (events.proto).
//   record = length (u64), masked crc32c of those 8 bytes (u32), payload, its masked crc32c (u32);
// all little-endian.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

#include "lib/train/log/metrics.h"

namespace sy {

// CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected), as in RFC 3720.
uint32_t crc32c(std::string_view bytes);
// TFRecord's form of it, so that a checksum of bytes that hold checksums is not degenerate.
uint32_t masked_crc32c(std::string_view bytes);
// One framed record.
std::string tfrecord(std::string_view payload);

// Lives on rank 0 alone.
class TensorBoardWriter {
 public:
  // Begins folder/events.out.tfevents.TIME.HOST, a new file each time the run starts; scalars of
  // steps after `resumed_step` in older files are superseded. Throws RuntimeFailure.
  TensorBoardWriter(const std::string& folder, int64_t resumed_step);

  // Every field but step, as train/NAME and evaluation/NAME. What is not finite stays so. Throw
  // RuntimeFailure when the disk does not take it.
  void write(const TrainMetrics& metrics);
  void write(const EvaluationMetrics& metrics);

  const std::string& path() const { return path_; }

 private:
  void append(const std::string& payload);

  std::string path_;
  std::ofstream file_;
};

}  // namespace sy
