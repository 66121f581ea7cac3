// Parameters out of a Switchyard checkpoint; its optimiser and streams are left alone.
#pragma once

#include <map>
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
  // Memory for one stored piece: a rank's experts of one layer, as they were when it was written.
  void read(const Param& param, const SliceUse& use) override;

 private:
  CheckpointReader reader_;
  RunConfig config_;
  HfOrigin origin_;
  std::map<std::string, int64_t> pieces_;  // stored pieces by tensor
};

// The origin inside a checkpoint's state, which the sink writes and the source reads.
std::string origin_to_json(const HfOrigin& origin);
HfOrigin origin_of_state(const std::string& state_json);

}  // namespace sy::convert
