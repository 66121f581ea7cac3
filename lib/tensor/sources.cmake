# SPDX-License-Identifier: Apache-2.0
sy_library(tensor SOURCES lib/tensor/tensor.cpp lib/tensor/memory.cpp lib/tensor/arena.cpp
                          lib/tensor/random_fill.cpp lib/tensor/scratch.cpp lib/tensor/transfer.cpp
                          lib/tensor/staged_copy.cpp
           LINK sy_base)
sy_cuda_sources(tensor lib/tensor/cuda/memory_cuda.cpp lib/tensor/cuda/cuda_context.cpp
                       lib/tensor/cuda/staged_copy_cuda.cpp lib/tensor/cuda/cuda_part_clock.cpp)
if(NOT SY_HAVE_CUDA)
  target_sources(sy_tensor PRIVATE lib/tensor/cuda/no_cuda.cpp)
endif()
