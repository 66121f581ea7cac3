// SPDX-License-Identifier: Apache-2.0
// Argument checks shared by all communicators. Tensors may have no memory, as while planning,
// except in check_memory().
#pragma once

#include <initializer_list>
#include <vector>

#include "lib/dist/communicator.h"

namespace sy::detail {

void check_memory(std::initializer_list<Tensor> tensors, const char* label);
void check_reduction(Tensor tensor, const char* label);
void check_all_to_all(Tensor recv, Tensor send, int size, const char* label);
// Does not check that the ranges of receives are disjoint.
void check_rows(Tensor recv, const std::vector<RowRange>& receives, Tensor send,
                const std::vector<RowRange>& sends, const Communicator& group, const char* label);
void check_all_gather(Tensor recv, Tensor send, int size, const char* label);
void check_reduce_scatter(Tensor recv, Tensor send, int size, const char* label);
void check_pieces(Tensor tensor, const std::vector<RowRange>& pieces, int size, const char* label);

}  // namespace sy::detail
