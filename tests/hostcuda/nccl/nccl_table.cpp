// The functions that the backend finds by name in the library: here this folder's.
#include "lib/dist/nccl/nccl_library.h"

namespace sy {

const Nccl& nccl() {
#define SY_FUNCTION(name) &nccl##name,
  static const Nccl functions{SY_NCCL_FUNCTIONS(SY_FUNCTION)};
#undef SY_FUNCTION
  return functions;
}

}  // namespace sy
