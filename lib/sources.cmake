# SPDX-License-Identifier: Apache-2.0
# The libraries, in the direction that includes run. Each room lists its own sources.
foreach(room base tensor config dist data)
  include(lib/${room}/sources.cmake)
endforeach()
include(kernels/sources.cmake)
foreach(room model measure tasks generate train checkpoint convert finetune bench plan report)
  include(lib/${room}/sources.cmake)
endforeach()
