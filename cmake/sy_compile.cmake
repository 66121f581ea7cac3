# SPDX-License-Identifier: Apache-2.0
# One interface target carries the options of every translation unit.
add_library(sy_options INTERFACE)
target_include_directories(sy_options INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
target_compile_features(sy_options INTERFACE cxx_std_20)  # for what links the libraries in another project
if(PROJECT_IS_TOP_LEVEL)
  target_compile_options(sy_options INTERFACE -Wall -Wextra -Wshadow -Wno-unknown-pragmas)
endif()
if(SY_WARNINGS_AS_ERRORS)
  target_compile_options(sy_options INTERFACE -Werror)
endif()
if(SY_NATIVE)
  target_compile_options(sy_options INTERFACE -march=native)
elseif(SY_BASELINE)
  target_compile_options(sy_options INTERFACE -march=${SY_BASELINE})
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Contraction to fused multiply-add is what the hardware is for; results are compared to rounding.
  target_compile_options(sy_options INTERFACE -ffp-contract=fast)
  # GCC 12.2 for AVX-512 turns a copied constant {1, 1, 0, 0} of doubles into {1, 1, 1, 1} when it joins
  # scalar stores into vectors. Loops are vectorised all the same.
  target_compile_options(sy_options INTERFACE -fno-tree-slp-vectorize)
  # GCC 12 reports these inside its own headers at -O3.
  target_compile_options(sy_options INTERFACE -Wno-array-bounds -Wno-stringop-overflow -Wno-restrict)
endif()
if(SY_SANITIZE)
  # Of debug information, lines are enough, and compile a quarter quicker. A test program's own arithmetic is not watched
  # (SY_TEST): Catch2's macros would take twice as long. What it calls is, and its memory.
  target_compile_options(sy_options INTERFACE
                         -fsanitize=address $<$<NOT:$<BOOL:$<TARGET_PROPERTY:SY_TEST>>>:-fsanitize=undefined>
                         -fno-omit-frame-pointer -fno-sanitize-recover=undefined -g1 -fno-var-tracking)
  target_link_options(sy_options INTERFACE -fsanitize=address,undefined)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O3")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g")

find_program(SY_CCACHE ccache)
if(SY_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SY_CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${SY_CCACHE})
endif()
find_program(SY_LLD ld.lld)
if(SY_LLD)
  add_link_options(-fuse-ld=lld)
endif()
