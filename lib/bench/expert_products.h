// SPDX-License-Identifier: Apache-2.0
// The GEMMs of the experts of one sparse layer, forward and backward, computed in several ways on
// the same memory: batched over all experts, as in the layer (lib/model/moe/experts.h); one per
// expert; and on CUDA by the grouped kernel of dropless routing.
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
  // Allocates the tensors of the layer and fills them with random values; activations are of
  // `dtype`. `rows` must have fixed capacity (not ragged). The caller allocates scratch, after
  // planning what it will run.
  ExpertProducts(Exec& exec, const ModelSection& model, DType dtype, const ExpertRows& rows);
  ExpertProducts(const ExpertProducts&) = delete;
  ExpertProducts& operator=(const ExpertProducts&) = delete;

  // Issues the GEMMs of the layer, one call each. (If rows arrive in parts, the layer computes one
  // part at a time: row_exchange.h.)
  void batched() const;
  // Issues the same work as one call per expert.
  void each() const;
  // Issues the same work to the kernel of grouped_gemm, one call per GEMM. CUDA only.
  void by_kernel() const;

  double flops() const;  // the same for each way
  int64_t products() const { return static_cast<int64_t>(products_.size()); }

 private:
  // c = op(a) op(b) for every expert. Operands are rows [R, cols] or weights [E, ...].
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
  Tensor counts_;  // int32 [1, E]: rows per expert
};

}  // namespace sy
