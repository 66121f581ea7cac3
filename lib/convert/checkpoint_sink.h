// SPDX-License-Identifier: Apache-2.0
// Writes parameters to a Switchyard checkpoint as they arrive: each expert becomes a slab of its
// own, and a shard is closed once it is large enough. The checkpoint is at step 0 and has no
// optimiser state and no data streams.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/checkpoint/hdf5/hdf5_file.h"
#include "lib/checkpoint/manifest.h"
#include "lib/convert/output_folder.h"
#include "lib/convert/param_stream.h"

namespace sy::convert {

class CheckpointSink : public ParamSink {
 public:
  // A shard is closed once it holds at least `shard_bytes`.
  CheckpointSink(const std::string& path, const RunConfig& config, const HfOrigin& origin,
                 int64_t shard_bytes = int64_t{4} << 30);

  void write(const Param& param, int64_t slice, const Tensor& values) override;
  void commit(const std::vector<ExtraFile>& extra) override;

 private:
  void begin_shard();
  void end_shard();
  std::string path_of(const checkpoint::ShardRecord& record) const;

  OutputFolder folder_;
  RunConfig config_;
  HfOrigin origin_;
  int64_t shard_bytes_;
  std::vector<checkpoint::ShardRecord> records_;  // the file of the last one is open
  std::unique_ptr<checkpoint::Hdf5File> file_;    // null between shards
  int64_t written_ = 0;                           // bytes in the open file
};

}  // namespace sy::convert
