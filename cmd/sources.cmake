# SPDX-License-Identifier: Apache-2.0
file(GLOB commands CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} cmd/*.cpp)
add_library(sy_cmd OBJECT ${commands})
set_property(SOURCE cmd/version.cpp APPEND PROPERTY COMPILE_DEFINITIONS
             SY_VERSION="${PROJECT_VERSION}" SY_BUILD_TYPE="$<CONFIG>" SY_BASELINE_NAME="${SY_BASELINE_NAME}"
             SY_SENTENCEPIECE_VERSION="${SY_SENTENCEPIECE_VERSION}")
add_dependencies(sy_cmd sy_commit)  # cmd/commit.h
target_link_libraries(sy_cmd PUBLIC sy_config sy_data sy_dist sy_tasks sy_train sy_generate sy_checkpoint
                      sy_convert sy_finetune sy_bench sy_plan sy_report sy_scores sy::simdjson sy::hdf5 sy::dnnl OpenMP::OpenMP_CXX)

add_executable(switchyard $<TARGET_OBJECTS:sy_cmd>)
target_link_libraries(switchyard PRIVATE sy_cmd sy_backend_gpu)
