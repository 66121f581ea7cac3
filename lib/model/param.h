// SPDX-License-Identifier: Apache-2.0
// Parameters: one typed record each, in declaration (forward) order. Placement is a field of the
// record and never derived from the name. The values and gradients of all parameters that the same
// mesh axes shard are contiguous in one flat region, so that gradient reduction, the global norm
// and the optimiser work on contiguous memory.
//
// Each rank updates all that it holds, or (UpdatedBy::one_owner) the slices that it owns, a run of
// each region (owned_runs.h). The others' values must then be gathered after every change
// (lib/train/optimizer/value_gather.h). Master weights that no pass reads, because there are
// bfloat16 copies, exist only where they are owned.
#pragma once

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "lib/dist/communicator.h"
#include "lib/dist/placement.h"
#include "lib/tensor/arena.h"
#include "lib/tensor/exec.h"
#include "lib/tensor/tensor.h"

namespace sy {

// Distribution of the initial values (initialisation.h). Truncated normal: values beyond two
// standard deviations are drawn again; `std` is that of the normal before truncation, of which 0.88
// remains. Uniform: in [-a, a] with a = sqrt(3) std.
struct Init {
  enum class Kind : uint8_t { ones, normal, truncated_normal, uniform };
  Kind kind = Kind::truncated_normal;
  double std = 1.0;
};

// The rows of activations that a rank's gradient of a parameter is a sum over: all tokens of its
// sequences, or its own rows of the residual stream, which with mesh.sequence_parallel the ranks of
// a model group share out.
enum class GradRows : uint8_t { all, stream };
// Who updates a parameter, of the ranks that hold the same part of it and sum its gradient.
enum class UpdatedBy : uint8_t { every_holder, one_owner };

// What the passes read of a parameter: its copy in the dtype of the activations, as GEMMs and
// embeddings do, or its master weights.
enum class Reads : uint8_t { copy, master };

// What the passes do with a parameter.
struct ParamUse {
  Reads reads = Reads::copy;
  GradRows rows = GradRows::all;
};

struct Param {
  std::string name;  // "encoder/layers/1/moe/wi"
  Shape shape;       // global
  Placement placement;
  Slab slab;  // this rank's shard of `shape`
  Init init;
  Reads reads = Reads::copy;
  // The gradient of each rank of a model group is a part of a sum over the group.
  bool partial_over_model = false;
  int number = 0;     // in declaration order
  uint32_t site = 0;  // of the initial values; derived from the name

  RowRange owned;  // the slices (Placement::slices) of the slab that this rank updates

  Tensor value;    // master weights, [slab.extent]; empty if only `master` is here
  Tensor master;   // the owned slices of the master weights, [own_slab(slab).extent]
  Tensor compute;  // what GEMMs and embeddings read: value, or its bfloat16 copy
  Tensor grad;     // of value's dtype; backward accumulates into it
  // grad holds nothing of this step yet; set by ParamStore::discard_gradients(). Backward calls one
  // of the next two for each contribution.
  bool grad_is_stale = false;
  // Whether the contribution is added to grad; if not, it overwrites all of it.
  bool adds_to_grad() { return !std::exchange(grad_is_stale, false); }
  // grad, ready to be added to: cleared first if it is stale.
  Tensor cleared_grad(Exec& exec);

  bool has_copy() const { return compute.dtype() != master.dtype(); }

  int64_t offset = 0;  // of its first element in each tensor of its region
  // The owned slices: of a tensor of the slab's shape; in a tensor with the layout of the run of
  // its region that begins at element `first`; and of a slab of this parameter or of something that
  // has a row for each of its slices. Without elements if none is owned.
  Tensor own_part(Tensor all) const;
  Tensor own_part_of_run(Tensor run, int64_t first) const;
  Slab own_slab(Slab part) const;
};

// Whether parameters of one shape lie one after another without gaps, in this order.
bool are_adjacent(std::initializer_list<Param*> params);
// One of the tensors of adjacent matrices, in one view: [parameters, local shape].
Tensor joined(std::initializer_list<Param*> params, Tensor Param::*view);

// A tensor that is part of the model but that no gradient trains, such as the bias of a router.
// Every rank holds all of it, changes it alike, and starts from zeros.
struct Buffer {
  std::string name;  // "encoder/layers/1/moe/router_bias"
  Tensor value;
};

// All parameters that the same mesh axes shard and whose gradients are alike parts of a sum over
// the model ranks, or not. Each starts at a multiple of 16 elements; the padding between them is
// zero.
struct ParamRegion {
  MeshAxes axes;
  bool partial_over_model = false;
  // Of Reads::copy if this is a region apart from that of Reads::master: where one owner updates,
  // and there are copies.
  bool spreads_masters = false;
  // The elements that each rank updates, of those that sum the gradients (reduction_ranks). One
  // run, the whole, if each of them updates everything.
  std::vector<RowRange> runs;
  RowRange own;    // this rank's run
  Tensor values;   // empty if only `master` is here
  Tensor master;   // the own run of the master weights
  Tensor compute;  // empty if GEMMs read the values themselves
  Tensor grads;    // empty if gradients were not planned

  bool is_spread() const { return runs.size() > 1; }
  Tensor own_grads() const { return grads.slice(own.first, own.count); }
};

// The sites at which a model draws random numbers, each the hash of its name (lib/base/random.h).
// Declared along with the layers, so that a step computes no hashes.
class SiteRegistry {
 public:
  // Returns the site of `name`. Throws InternalError, naming both, if `name` or another name with
  // the same hash was declared before; renaming one of them resolves the collision.
  uint32_t declare(const std::string& name);

 private:
  std::map<uint32_t, std::string> names_;
};

class ParamStore {
 public:
  // `dtype` is that of the activations: float32, bfloat16 (with float32 master weights and bfloat16
  // copies), or float64 in gradient checks. `place` is the rank that holds the parameters.
  // With `sequence_parallel` the ranks of a model group share out the rows of the residual stream.
  explicit ParamStore(DType dtype = DType::f32, const MeshPlace& place = {},
                      UpdatedBy updated_by = UpdatedBy::every_holder,
                      bool sequence_parallel = false);

  // Declares a parameter. The pointer stays valid. Names must be unique. With one model rank the
  // model axis shards nothing and is left out of the placement, so that what it would shard lies
  // in the same region as what it would not.
  Param* add(std::string name, Shape shape, const Placement& placement, Init init,
             ParamUse use = {});
  // Declares a buffer of master_dtype(). The pointer stays valid. Names must be unique.
  Buffer* add_buffer(std::string name, Shape shape);
  // Declares another random draw of a layer, such as "dropout/encoder/layers/0/ffn/hidden", and
  // returns its site.
  uint32_t add_site(const std::string& name) { return sites_.declare(name); }

  // Measures or carves the regions (see arena.h).
  void plan(Arena& values, Arena& grads);
  void plan_values(Arena& values);  // without gradients, for inference

  // Sets the initial values, a pure function of (seed, name of the parameter, global element
  // index), and calls update_compute(). Sets only what this rank owns. Buffers become zero.
  void initialize(Exec& exec, uint64_t seed);

  // Begins a step's gradients. The first contribution to each overwrites what it holds, so that
  // large gradients need not be cleared. Those of a model that has just been planned accumulate.
  void discard_gradients();
  // Clears the gradients of parameters numbered `first` and above to which nothing was contributed.
  void clear_stale_gradients(Exec& exec, int first = 0);

  // Rounds the values that this rank owns into the bfloat16 copies, if there are any. Must be
  // called after every change of the values, except by an optimiser, which writes both.
  void update_compute(Exec& exec);

  const std::deque<Param>& all() const { return params_; }
  std::deque<Param>& all() { return params_; }
  Param* find(const std::string& name);  // nullptr when there is none
  const std::deque<Buffer>& buffers() const { return buffers_; }

  // The regions that hold at least one parameter, ordered by their axes, partial ones last.
  // Complete once all parameters are declared.
  const std::vector<ParamRegion>& regions() const { return regions_; }
  size_t region_of(const Param& param) const;  // index into regions()

  DType dtype() const { return dtype_; }                        // of activations and `compute`
  DType master_dtype() const { return compute_dtype(dtype_); }  // of values and gradients
  int64_t global_count() const;  // number of parameters of the whole model
  int64_t local_count() const;   // on this rank

 private:
  bool spreads_master(const Param& param) const;
  bool is_in(const Param& param, const ParamRegion& region) const;
  void lay_out(ParamRegion& region);
  Tensor carve(Arena& arena, const ParamRegion& region, DType dtype, Tensor Param::*view);
  void plan_masters(Arena& values, ParamRegion& region);

  DType dtype_;
  MeshPlace place_;
  UpdatedBy updated_by_;
  bool cuts_stream_;  // sequence_parallel, over more than one rank
  std::deque<Param> params_;
  std::deque<Buffer> buffers_;
  SiteRegistry sites_;
  std::vector<ParamRegion> regions_;
};

}  // namespace sy
