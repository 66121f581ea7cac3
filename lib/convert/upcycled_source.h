// Sparse upcycling (Komatsuzaki et al. 2023): a dense model seen as a Switch model whose experts
// all begin as copies of the dense feed-forward layer in their place. Routers begin as in training
// from scratch, with the draws of run.seed.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "lib/convert/param_stream.h"

namespace sy::convert {

class UpcycledSource : public ParamSource {
 public:
  // Throws ConfigError where the model is sparse already, or experts and interval do not fit it.
  UpcycledSource(std::unique_ptr<ParamSource> dense, int64_t experts, int64_t interval);

  const RunConfig& config() const override { return config_; }
  HfOrigin origin() const override { return dense_->origin(); }
  void read(const Param& param, const SliceUse& use) override;

 private:
  void draw_router(const Param& param, const SliceUse& use) const;

  std::unique_ptr<ParamSource> dense_;
  RunConfig config_;
  std::map<std::string, Param> dense_params_;
};

}  // namespace sy::convert
