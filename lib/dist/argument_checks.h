// What every communicator demands of its arguments, whatever carries the bytes.
#pragma once

#include <vector>

#include "lib/tensor/tensor.h"

namespace sy::detail {

void check_reduction(Tensor tensor, const char* label);
void check_all_to_all(Tensor recv, Tensor send, int size, const char* label);
void check_rows(Tensor recv, const std::vector<int64_t>& recv_rows, Tensor send,
                const std::vector<int64_t>& send_rows, int size, const char* label);
void check_all_gather(Tensor recv, Tensor send, int size, const char* label);

}  // namespace sy::detail
