file(GLOB commands CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR} cmd/*.cpp)
add_executable(switchyard ${commands})
target_compile_definitions(switchyard PRIVATE SY_VERSION="${PROJECT_VERSION}")
target_link_libraries(switchyard PRIVATE sy_config sy_data sy_dist sy_train sy_generate sy_checkpoint
                      sy_convert sy_bench sy::simdjson sy::hdf5 OpenMP::OpenMP_CXX sy_backend_gpu)
