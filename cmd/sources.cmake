file(GLOB commands CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} cmd/*.cpp)
add_library(sy_cmd OBJECT ${commands})
target_compile_definitions(sy_cmd PRIVATE SY_VERSION="${PROJECT_VERSION}")
target_link_libraries(sy_cmd PUBLIC sy_config sy_data sy_dist sy_train sy_generate sy_checkpoint
                      sy_convert sy_bench sy::simdjson sy::hdf5 OpenMP::OpenMP_CXX)

add_executable(switchyard $<TARGET_OBJECTS:sy_cmd>)
target_link_libraries(switchyard PRIVATE sy_cmd sy_backend_gpu)
