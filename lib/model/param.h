// Parameters: one typed record each, kept in declaration (forward) order. Where one lies is a
// field, never a matter of names. Values and gradients of all that the same mesh axes cut lie one
// after another in one flat region, so that reduction, norm and optimiser see contiguous memory.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "lib/dist/placement.h"
#include "lib/model/site_registry.h"
#include "lib/tensor/arena.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

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
  Shape shape;       // global
  Placement placement;
  Slab slab;  // this rank's part of `shape`
  Init init;
  int number = 0;     // order of declaration
  uint32_t site = 0;  // of its initial draws: by its name

  Tensor value;    // master weights: of the slab's extent
  Tensor compute;  // what products and embeddings read: value itself, or its bfloat16 copy
  Tensor grad;     // of value's dtype, accumulated by backward

  int64_t offset = 0;  // where it begins in each tensor of its region, in elements
  // This parameter's part, in its local shape, of a tensor laid out as its region's are.
  Tensor part_of(Tensor region) const;
};

// All parameters that the same mesh axes cut. Each begins at a multiple of 16 elements; what lies
// between is zero.
struct ParamRegion {
  MeshAxes axes;
  Tensor values;
  Tensor compute;  // empty where the values themselves are read
  Tensor grads;    // empty where no gradients are planned
};

class ParamStore {
 public:
  // `dtype` is the activations': float32, bfloat16 (float32 master weights beside a bfloat16 copy),
  // or float64 in gradient checks. `place`: the rank that holds it.
  explicit ParamStore(DType dtype = DType::f32, const MeshPlace& place = {});

  // Declares a parameter; the pointer stays valid. Names are unique.
  Param* add(std::string name, Shape shape, const Placement& placement, Init init);
  // Declares what else a layer draws, "dropout/encoder/layers/0/ffn/hidden"; returns its site.
  uint32_t add_site(const std::string& name) { return sites_.declare(name); }

  // Measures or carves the regions (see arena.h).
  void plan(Arena& values, Arena& grads);
  void plan_values(Arena& values);  // without gradients: evaluation and infilling

  // Initial values, a pure function of (seed, parameter's name, global element index), and
  // update_compute().
  void initialize(Exec& exec, uint64_t seed);

  // Rounds the values into the bfloat16 copies, after any change of them; nothing where there are
  // none.
  void update_compute(Exec& exec);

  const std::deque<Param>& all() const { return params_; }
  std::deque<Param>& all() { return params_; }
  Param* find(const std::string& name);  // nullptr when there is none

  // Those that hold a parameter, in the order of their axes. Known once all are declared.
  const std::vector<ParamRegion>& regions() const { return regions_; }
  size_t region_of(const Param& param) const;  // index into regions()

  DType dtype() const { return dtype_; }                        // of activations and `compute`
  DType master_dtype() const { return compute_dtype(dtype_); }  // of values and gradients
  int64_t global_count() const;                                 // parameters of the whole model
  int64_t local_count() const;                                  // of this rank

 private:
  Tensor carve(Arena& arena, MeshAxes axes, DType dtype, Tensor Param::*view);

  DType dtype_;
  MeshPlace place_;
  std::deque<Param> params_;
  SiteRegistry sites_;
  std::vector<ParamRegion> regions_;
};

}  // namespace sy
