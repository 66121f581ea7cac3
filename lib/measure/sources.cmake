# SPDX-License-Identifier: Apache-2.0
sy_library(measure
           SOURCES lib/measure/call_waits.cpp lib/measure/compare_nodes.cpp lib/measure/datasheet.cpp lib/measure/device.cpp
                   lib/measure/examine_node.cpp lib/measure/foreign_processes.cpp lib/measure/gemm_rate.cpp
                   lib/measure/gpu_health.cpp lib/measure/health.cpp lib/measure/judge_node.cpp
                   lib/measure/known_devices.cpp lib/measure/measure_device.cpp lib/measure/node_facts.cpp
                   lib/measure/own_process.cpp lib/measure/probes.cpp
           LINK sy_kernels sy_dist sy_checkpoint sy_config OpenMP::OpenMP_CXX PRIVATE_LINK sy::hdf5 sy::yaml)
