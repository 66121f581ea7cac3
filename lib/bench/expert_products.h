// The matrix products of one sparse layer's experts, forward and backward, done in several ways on
// the same memory: as the layer does them (lib/model/moe/experts.h), batches of all experts; a
// product for every expert; and on CUDA by the kernel of dropless experts.
#pragma once

#include <vector>

#include "kernels/gemm/grouped_gemm.h"
#include "lib/config/run_config.h"
#include "lib/model/moe/experts.h"
#include "lib/tensor/arena.h"
#include "lib/tensor/exec.h"

namespace sy {

class ExpertProducts {
 public:
  // Allocates the layer's tensors and fills them with random values; activations are of `dtype`.
  // `rows` has the same number for every expert (not ragged). Scratch is the caller's: it
  // plans what it will run and allocates.
  ExpertProducts(Exec& exec, const ModelSection& model, DType dtype, const ExpertRows& rows);
  ExpertProducts(const ExpertProducts&) = delete;
  ExpertProducts& operator=(const ExpertProducts&) = delete;

  // Queues the layer's products, one call each. (Where rows arrive in parts, the layer makes those
  // of one part at a time: row_exchange.h.)
  void batched() const;
  // Queues the same work as one call for every expert.
  void each() const;
  // Queues the same work as the kernel of grouped_gemm, one call a product. CUDA alone.
  void by_kernel() const;

  double flops() const;  // any way
  int64_t products() const { return static_cast<int64_t>(products_.size()); }

 private:
  // c = op(a) op(b) of every expert; each operand is rows [R, cols] or a weight [E, ...].
  struct Product {
    Tensor c, a, b;
    GemmOptions options;
  };
  void list(const ModelSection& model, DType dtype);
  void add_matrix(Tensor weight, Tensor d_weight, Tensor x, Tensor d_x, Tensor y, Tensor d_y,
                  const GemmOptions& forward, bool adds);
  Tensor of_all(Tensor operand) const;
  Tensor of_expert(Tensor operand, int64_t expert) const;

  Exec& exec_;
  ExpertRows rows_;
  Arena arena_{"experts' products"};
  std::vector<Product> products_;
  Tensor counts_;  // int32 [1, E]: rows of each expert
};

}  // namespace sy
