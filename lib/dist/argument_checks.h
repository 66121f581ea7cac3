// What every communicator demands of its arguments, whatever carries the bytes. Tensors may be
// without memory, as they are while planning, but for check_memory().
#pragma once

#include <initializer_list>
#include <vector>

#include "lib/dist/communicator.h"

namespace sy::detail {

void check_memory(std::initializer_list<Tensor> tensors, const char* label);
void check_reduction(Tensor tensor, const char* label);
void check_all_to_all(Tensor recv, Tensor send, int size, const char* label);
// Not that ranges of receives lie apart.
void check_rows(Tensor recv, const std::vector<RowRange>& receives, Tensor send,
                const std::vector<RowRange>& sends, const Communicator& group, const char* label);
void check_all_gather(Tensor recv, Tensor send, int size, const char* label);

}  // namespace sy::detail
