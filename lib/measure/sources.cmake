# SPDX-License-Identifier: Apache-2.0
sy_library(measure
           SOURCES lib/measure/datasheet.cpp lib/measure/gemm_rate.cpp lib/measure/health.cpp lib/measure/own_process.cpp
                   lib/measure/probes.cpp
           LINK sy_kernels sy_dist sy_checkpoint OpenMP::OpenMP_CXX PRIVATE_LINK sy::hdf5)
