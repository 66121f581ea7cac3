// Parameters out of a Switchyard checkpoint; its optimiser and streams are left alone.
#pragma once

#include <map>
#include <set>
#include <string>

#include "lib/checkpoint/checkpoint.h"
#include "lib/convert/param_stream.h"

namespace sy::convert {

class CheckpointSource : public ParamSource {
 public:
  // Throws DataError where the checkpoint is unsound or does not hold the parameters of its
  // configuration.
  explicit CheckpointSource(const std::string& path);

  const RunConfig& config() const override { return config_; }
  HfOrigin origin() const override { return origin_; }
  // Memory for the experts of one layer that a rank had when the checkpoint was written.
  void read(const Param& param, const SliceUse& use) override;

 private:
  CheckpointReader reader_;
  RunConfig config_;
  HfOrigin origin_;
  std::map<std::string, std::set<int64_t>> cuts_;  // where stored slabs end on axis 0, by tensor
};

// The origin inside a checkpoint's state, which the sink writes and the source reads.
std::string origin_to_json(const HfOrigin& origin);
HfOrigin origin_of_state(const std::string& state_json);

}  // namespace sy::convert
