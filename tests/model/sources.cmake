# SPDX-License-Identifier: Apache-2.0
# One binary for all layers and the whole model, one ctest entry for each.
list(TRANSFORM SY_LAYERS REPLACE "(.+)" "tests/model/\\1_test.cpp" OUTPUT_VARIABLE layer_tests)
sy_test_binary(model_tests
               SOURCES ${layer_tests} tests/model/param_test.cpp tests/model/placement_test.cpp
                       tests/model/fixture.cpp
                       tests/model/reference_model.cpp tests/model/switch_model_test.cpp
                       tests/model/model_gradient_test.cpp tests/model/memory_test.cpp
                       tests/model/layout_test.cpp tests/model/bfloat16_test.cpp tests/model/draws_test.cpp
                       tests/model/named_draws_test.cpp tests/model/recompute_test.cpp
               LINK sy_model)
sy_add_test(model.placement model_tests "[placement]")
foreach(layer ${SY_LAYERS} param switch_model model_gradient memory layout bfloat16 draws recompute)
  sy_add_test(model.${layer} model_tests "[${layer}]")
  sy_add_cuda_test(model.${layer} model_tests "[${layer}]" SCHEDULES random)
endforeach()
sy_add_races_test(model model_tests "[bfloat16]")

sy_test_binary(model_mpi_tests MPI SOURCES tests/model/mesh_test.cpp
               tests/model/bfloat16_mesh_test.cpp tests/model/decode_mesh_test.cpp
               tests/model/forward_twice_test.cpp tests/model/recompute_mesh_test.cpp
               tests/model/short_batches_test.cpp tests/model/fixture.cpp
               LINK sy_model)
sy_add_mpi_test(model.mesh model_mpi_tests "[model_mesh]" 1 2 4 8)
sy_add_mpi_test(model.bfloat16_mesh model_mpi_tests "[bfloat16_mesh]" 1 2 4)
sy_add_mpi_test(model.decode_mesh model_mpi_tests "[decode_mesh]" 1 2 4)
sy_add_mpi_test(model.forward_twice model_mpi_tests "[forward_twice]" 1 2 4)
sy_add_mpi_test(model.recompute_mesh model_mpi_tests "[recompute_mesh]" 1 2 4)
sy_add_mpi_test(model.short_batches model_mpi_tests "[short_batches]" 1 2 4)
sy_add_cuda_mpi_test(model.mesh model_mpi_tests "[model_mesh]" 1 2 4 SCHEDULES random)
sy_long_tests(cuda.model.mesh.np4.random)
sy_add_cuda_mpi_test(model.bfloat16_mesh model_mpi_tests "[bfloat16_mesh]" 1 2 4 SCHEDULES reverse)
sy_add_cuda_mpi_test(model.decode_mesh model_mpi_tests "[decode_mesh]" 2 4 SCHEDULES forward)
sy_add_cuda_mpi_test(model.forward_twice model_mpi_tests "[forward_twice]" 1 2 4 SCHEDULES random)
sy_add_cuda_mpi_test(model.recompute_mesh model_mpi_tests "[recompute_mesh]" 1 2 SCHEDULES random)
sy_add_cuda_mpi_test(model.short_batches model_mpi_tests "[short_batches]" 1 2 SCHEDULES reverse)

# Rows of several examples, made by lib/data.
sy_test_binary(packing_tests MPI SOURCES tests/model/packing_test.cpp tests/model/packing_speed_test.cpp
               tests/model/fixture.cpp LINK sy_model sy_data)
sy_add_mpi_test(model.packing packing_tests "[packing]" 1 2)
sy_add_cuda_mpi_test(model.packing packing_tests "[packing]" 1 SCHEDULES random)
