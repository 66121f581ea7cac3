// Parameters: one typed record each, kept in declaration (forward) order. The group is a field,
// never a matter of names. Values and gradients of a group lie one after another in one flat
// region, so that reduction, norm and optimiser see contiguous memory.
#pragma once

#include <deque>
#include <string>

#include "lib/tensor/arena.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

enum class ParamGroup : uint8_t {
  replicated,  // the same on every data rank; gradients are summed over all data ranks
  expert,      // [E, ...], spread over the expert axis; gradients are summed over its replicas
};

// Distribution of the initial values (Fedus et al. 2022, section 2.4: a normal with
// std = sqrt(s / fan_in) whose values beyond two of these are drawn again; the std is the normal's
// before the cut, 0.88 of it remains).
struct Init {
  enum class Kind : uint8_t { ones, normal, truncated_normal };
  Kind kind = Kind::truncated_normal;
  double std = 1.0;
};

struct Param {
  std::string name;  // "encoder/layers/1/moe/wi"
  Shape shape;       // global; an expert parameter's first axis is the expert
  ParamGroup group = ParamGroup::replicated;
  Init init;
  int number = 0;            // order of declaration; site of its initial draws
  int64_t first_expert = 0;  // global number of this rank's first expert (expert group)

  Tensor value;    // master weights: local shape, [E / expert ranks, ...] for experts
  Tensor compute;  // what products and embeddings read: value itself, or its bfloat16 copy
  Tensor grad;     // of value's dtype, accumulated by backward

  int64_t offset = 0;  // where it begins in each of its group's regions, in elements
  // This parameter's part, in its local shape, of a tensor laid out as its group's regions are.
  Tensor part_of(Tensor region) const;
};

class ParamStore {
 public:
  // `dtype` is the activations': float32, bfloat16 (float32 master weights beside a bfloat16 copy),
  // or float64 in gradient checks. This rank holds experts [expert_rank * E / expert_ranks, ...).
  explicit ParamStore(DType dtype = DType::f32, int expert_ranks = 1, int expert_rank = 0);

  // Declares a parameter; the pointer stays valid. Names are unique.
  Param* add(std::string name, Shape shape, ParamGroup group, Init init);

  // Measures or carves the two regions (see arena.h). A parameter begins at a multiple of 16
  // elements in its group's region; what lies between is zero.
  void plan(Arena& values, Arena& grads);
  void plan_values(Arena& values);  // without gradients: evaluation and infilling

  // Initial values, a pure function of (seed, parameter, global element index), and
  // update_compute().
  void initialize(Exec& exec, uint64_t seed);

  // Rounds the values into the bfloat16 copies, after any change of them; nothing where there are
  // none.
  void update_compute(Exec& exec);

  const std::deque<Param>& all() const { return params_; }
  std::deque<Param>& all() { return params_; }
  Param* find(const std::string& name);  // nullptr when there is none

  // The flat values and gradients of a group; empty when the group has no parameter.
  Tensor flat_values(ParamGroup group) const;
  Tensor flat_grads(ParamGroup group) const;

  DType dtype() const { return dtype_; }                        // of activations and `compute`
  DType master_dtype() const { return compute_dtype(dtype_); }  // of values and gradients
  int64_t global_count() const;                                 // parameters of the whole model
  int64_t local_count() const;                                  // of this rank

 private:
  Shape local_shape(const Param& param) const;
  Tensor carve(Arena& arena, ParamGroup group, DType dtype, Tensor Param::*view);

  DType dtype_;
  int expert_ranks_;
  int expert_rank_;
  std::deque<Param> params_;
  Tensor flat_values_[2], flat_compute_[2], flat_grads_[2];  // by group
};

}  // namespace sy
