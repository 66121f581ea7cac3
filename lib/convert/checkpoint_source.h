// SPDX-License-Identifier: Apache-2.0
// Reads the parameters of a Switchyard checkpoint and ignores optimiser state and data streams.
#pragma once

#include <map>
#include <set>
#include <string>

#include "lib/checkpoint/checkpoint.h"
#include "lib/convert/param_stream.h"

namespace sy::convert {

class CheckpointSource : public ParamSource {
 public:
  // Throws DataError if the checkpoint is damaged or does not hold the parameters of its
  // configuration.
  explicit CheckpointSource(const std::string& path);

  const RunConfig& config() const override { return config_; }
  HfOrigin origin() const override { return origin_; }
  // Uses memory for the experts of a layer that one rank held when the checkpoint was written.
  void read(const Param& param, const SliceUse& use) override;

 private:
  CheckpointReader reader_;
  RunConfig config_;
  HfOrigin origin_;
  std::map<std::string, std::set<int64_t>> cuts_;  // where stored slabs end on axis 0, by tensor
};

// The origin as the state of a converted checkpoint stores it. state_json describes that state:
// step 0, no optimiser and no streams.
std::string state_json(const RunConfig& config, const HfOrigin& origin);
HfOrigin origin_of_state(const std::string& state_json);

}  // namespace sy::convert
