# SPDX-License-Identifier: Apache-2.0
# The tables in docs/gpu.md are up to date with the configurations.
add_test(NAME bench.roofline COMMAND /usr/bin/python3 ${PROJECT_SOURCE_DIR}/benchmarks/roofline/roofline.py --check)
set_tests_properties(bench.roofline PROPERTIES TIMEOUT 60)

sy_test_binary(bench_tests SOURCES tests/bench/expert_products_test.cpp LINK sy_bench)
sy_add_test(bench.expert_products bench_tests "[expert_products]")
sy_add_cuda_test(bench.expert_products bench_tests "[expert_products]" SCHEDULES random)

sy_test_binary(bench_run_tests MPI SOURCES tests/bench/bench_run_test.cpp LINK sy_bench)
sy_add_mpi_test(bench.bench_run bench_run_tests "[bench_run]" 1)
sy_add_cuda_mpi_test(bench.bench_run bench_run_tests "[bench_run]" 1 SCHEDULES forward)

# `bench --part experts` on the CPU, and with the CUDA backend executed on the host.
set(experts ${PROJECT_SOURCE_DIR}/tests/bench/experts.sh)
add_test(NAME bench.experts COMMAND ${experts} $<TARGET_FILE:switchyard> cpu)
set_tests_properties(bench.experts PROPERTIES TIMEOUT 120)
if(SY_HAVE_HOSTCUDA)
  sy_add_host_column(bench.experts "${experts};$<TARGET_FILE:switchyard_hostcuda>;cuda" random hostcuda 1)
endif()
if(SY_HAVE_CUDA)
  sy_add_gpu_test(bench.experts ${experts} $<TARGET_FILE:switchyard> cuda)
endif()

# The GPU validation suite, with stand-ins for the GPU, the programs and the tools.
add_test(NAME bench.on_gpu COMMAND ${PROJECT_SOURCE_DIR}/tests/bench/on_gpu_test.sh)
set_tests_properties(bench.on_gpu PROPERTIES TIMEOUT 120)
# An all-to-all between hosts, for a moment; skipped where there are no network namespaces.
add_test(NAME bench.all_to_all COMMAND python3 ${PROJECT_SOURCE_DIR}/benchmarks/hosts/all_to_all.py 2 2 1 64 4000)
set_tests_properties(bench.all_to_all PROPERTIES TIMEOUT 120 SKIP_RETURN_CODE 77 PROCESSORS 2)
# The race against PyTorch at a size that takes seconds, so that it stays runnable; skipped if Python has no torch.
add_test(NAME race.runs COMMAND ${PROJECT_SOURCE_DIR}/tests/bench/race.sh $<TARGET_FILE:switchyard>)
set_tests_properties(race.runs PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77 PROCESSORS 2)
# The peers on a GPU, here on the CPU.
add_test(NAME race.gpu_peers COMMAND ${PROJECT_SOURCE_DIR}/tests/bench/gpu_peers.sh $<TARGET_FILE:switchyard>)
set_tests_properties(race.gpu_peers PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77 PROCESSORS 2)
