# SPDX-License-Identifier: Apache-2.0
sy_library(measure
           SOURCES lib/measure/datasheet.cpp lib/measure/device.cpp lib/measure/gemm_rate.cpp lib/measure/health.cpp
                   lib/measure/known_devices.cpp lib/measure/measure_device.cpp lib/measure/own_process.cpp
                   lib/measure/probes.cpp
           LINK sy_kernels sy_dist sy_checkpoint sy_config OpenMP::OpenMP_CXX PRIVATE_LINK sy::hdf5 sy::yaml)
