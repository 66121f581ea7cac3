# SPDX-License-Identifier: Apache-2.0
# Placement is plain arithmetic. A library of its own, so that code without communicators needs no MPI.
sy_library(placement SOURCES lib/dist/mesh_groups.cpp lib/dist/placement.cpp LINK sy_tensor)

sy_library(dist SOURCES lib/dist/argument_checks.cpp lib/dist/gpu_sharing.cpp lib/dist/launcher.cpp lib/dist/launcher_guard.cpp lib/dist/local_communicators.cpp lib/dist/mesh.cpp
                        lib/dist/planned_world.cpp lib/dist/request_pool.cpp lib/dist/share_texts.cpp lib/dist/threads.cpp lib/dist/time_limit.cpp lib/dist/traffic.cpp lib/dist/watchdog.cpp
                        lib/dist/flight/diagnosis.cpp lib/dist/flight/diagnosis_json.cpp lib/dist/flight/divergence.cpp lib/dist/flight/fatal_signals.cpp
                        lib/dist/flight/flight_log.cpp lib/dist/flight/flight_ring.cpp lib/dist/flight/hang_sign.cpp
                        lib/dist/flight/read_record.cpp lib/dist/flight/read_records.cpp lib/dist/flight/record_file.cpp lib/dist/flight/starts.cpp lib/dist/flight/verdict.cpp
                        lib/dist/mpi/mpi_check.cpp lib/dist/mpi/mpi_communicator.cpp
                        lib/dist/mpi/mpi_environment.cpp lib/dist/mpi/mpi_request.cpp
           LINK sy_placement sy_tensor MPI::MPI_CXX PRIVATE_LINK Threads::Threads)
if(NOT SY_HAVE_CUDA)
  target_sources(sy_dist PRIVATE lib/dist/nccl/no_nccl.cpp)
endif()
sy_cuda_sources(dist lib/dist/nccl/nccl_check.cpp lib/dist/nccl/nccl_communicator.cpp lib/dist/nccl/nccl_link.cpp
                     lib/dist/nccl/nccl_queue.cpp)
