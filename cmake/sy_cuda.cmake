# SPDX-License-Identifier: Apache-2.0
# The CUDA backend. Its host code (.cpp files that call the runtime, cuBLASLt and NCCL) is compiled
# once; its kernels (.cu) twice: by nvcc for the program, and by the host compiler for the tests. A
# program links one of
#   sy_backend_gpu   nvcc's kernels and the CUDA runtime; cuBLASLt and NCCL, loaded at their first call
#   sy_backend_host  the host compiler's kernels and tests/hostcuda, which executes them without a GPU
#   sy_backend_watched  the same, with reports of races
# and both are empty without the toolkit. Without what host execution needs, tests link the GPU's: the
# CPU's column runs all the same.
add_library(sy_backend_gpu INTERFACE)
add_library(switchyard::backend ALIAS sy_backend_gpu)  # for a program of another project, beside its libraries
add_library(sy_backend_host INTERFACE)
if(SY_HAVE_CUDA)
  set(CMAKE_CUDA_COMPILER ${SY_NVCC})
  set(CMAKE_CUDA_ARCHITECTURES 80-real 90 CACHE STRING "GPUs to compile for; 90 leaves PTX for later ones")
  # One CUDA runtime, the shared one that is linked below, as packages expect it.
  set(CMAKE_CUDA_RUNTIME_LIBRARY None)
  enable_language(CUDA)
  # CMake 3.25 has no flag for this compiler's C++20.
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
  target_include_directories(sy_options SYSTEM INTERFACE ${SY_CUDA_INCLUDE})
  target_compile_definitions(sy_options INTERFACE SY_HAVE_CUDA=1)

  file(WRITE ${PROJECT_BINARY_DIR}/empty.cpp "")
  add_library(sy_kernels_gpu OBJECT ${PROJECT_BINARY_DIR}/empty.cpp)
  target_include_directories(sy_kernels_gpu PRIVATE ${PROJECT_SOURCE_DIR})
  # nvcc does not evaluate fmt's checks of its format strings; the host compiler makes them.
  target_compile_definitions(sy_kernels_gpu PRIVATE SY_HAVE_CUDA=1 FMT_CONSTEVAL=
                                                    FMT_USE_CONSTEXPR=1)
  target_compile_options(sy_kernels_gpu PRIVATE
                         $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr -Xcompiler=-Wall,-Wextra>)
  target_sources(sy_backend_gpu INTERFACE $<TARGET_OBJECTS:sy_kernels_gpu>)
  add_library(sy_loaded_gpu OBJECT lib/tensor/cuda/loaded_library.cpp lib/tensor/cuda/library_folders.cpp
                                   lib/tensor/cuda/cublaslt_loaded.cpp
                                   lib/dist/nccl/nccl_loaded.cpp)
  target_link_libraries(sy_loaded_gpu PRIVATE sy_options sy::fmt)
  target_sources(sy_backend_gpu INTERFACE $<TARGET_OBJECTS:sy_loaded_gpu>)
  target_link_libraries(sy_backend_gpu INTERFACE ${SY_cudart_LIBRARY} ${CMAKE_DL_LIBS})
  foreach(library ${SY_cublasLt_LIBRARY} ${SY_nccl_LIBRARY})  # where they were found, they are looked for
    get_filename_component(folder ${library} DIRECTORY)
    target_link_options(sy_backend_gpu INTERFACE -Wl,-rpath,${folder})
  endforeach()
  if(SY_HAVE_HOSTCUDA)
    add_library(sy_kernels_host OBJECT EXCLUDE_FROM_ALL ${PROJECT_BINARY_DIR}/empty.cpp)
    target_link_libraries(sy_kernels_host PRIVATE sy_options)
    target_compile_definitions(sy_kernels_host PRIVATE SY_HOSTCUDA=1)
    target_compile_options(sy_kernels_host PRIVATE -Wno-unused-parameter)
    target_sources(sy_backend_host INTERFACE $<TARGET_OBJECTS:sy_kernels_host>)
    target_link_libraries(sy_backend_host INTERFACE sy_hostcuda)

    # The same kernels, which tell of every access of memory (tests/hostcuda/races): the compiler calls
    # ThreadSanitizer's functions, which are defined there. Vector instructions would escape it, and
    # GCC's and clang's options differ.
    set(SY_HAVE_WATCHED OFF)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT SY_SANITIZE)
      set(SY_HAVE_WATCHED ON)
    endif()
    set(SY_WATCH_OPTIONS -fsanitize=thread --param=tsan-instrument-func-entry-exit=0 -O2
                         -fno-tree-vectorize -g1 -Wno-tsan)
    add_library(sy_backend_watched INTERFACE)
    add_library(sy_kernels_watched OBJECT EXCLUDE_FROM_ALL ${PROJECT_BINARY_DIR}/empty.cpp)
    target_link_libraries(sy_kernels_watched PRIVATE sy_options)
    target_compile_definitions(sy_kernels_watched PRIVATE SY_HOSTCUDA=1)
    target_compile_options(sy_kernels_watched PRIVATE -Wno-unused-parameter ${SY_WATCH_OPTIONS})
    target_sources(sy_backend_watched INTERFACE $<TARGET_OBJECTS:sy_kernels_watched>)
    target_link_libraries(sy_backend_watched INTERFACE sy_hostcuda)
  else()
    target_link_libraries(sy_backend_host INTERFACE sy_backend_gpu)
  endif()
endif()

# Host code of the CUDA backend, added to library sy_TARGET where there is a toolkit.
function(sy_cuda_sources target)
  if(SY_HAVE_CUDA)
    target_sources(sy_${target} PRIVATE ${ARGN})
  endif()
endfunction()

# A file of kernels. The host compiler gets it as C++ through a file of one line, since a source has
# one language in a folder.
function(sy_cuda_kernels source)
  if(NOT SY_HAVE_CUDA)
    return()
  endif()
  target_sources(sy_kernels_gpu PRIVATE ${PROJECT_SOURCE_DIR}/${source})
  if(NOT SY_HAVE_HOSTCUDA)
    return()
  endif()
  set(wrapper ${PROJECT_BINARY_DIR}/hostcuda/${source}.cpp)
  file(CONFIGURE OUTPUT ${wrapper} CONTENT "#include \"${PROJECT_SOURCE_DIR}/${source}\"\n")
  target_sources(sy_kernels_host PRIVATE ${wrapper})
  target_sources(sy_kernels_watched PRIVATE ${wrapper})
endfunction()
