# Where tensors lie, in numbers alone: what needs no communicator links it without MPI.
sy_library(placement SOURCES lib/dist/placement.cpp LINK sy_tensor)

sy_library(dist SOURCES lib/dist/argument_checks.cpp lib/dist/self_communicator.cpp
                        lib/dist/counting_communicator.cpp lib/dist/planned_communicator.cpp
                        lib/dist/traffic.cpp
                        lib/dist/mpi/mpi_check.cpp lib/dist/mpi/mpi_communicator.cpp lib/dist/mesh.cpp
                        lib/dist/mpi/mpi_environment.cpp lib/dist/mpi/mpi_request.cpp lib/dist/request_pool.cpp lib/dist/threads.cpp lib/dist/watchdog.cpp
           LINK sy_placement sy_tensor MPI::MPI_CXX PRIVATE_LINK Threads::Threads)
if(NOT SY_HAVE_CUDA)
  target_sources(sy_dist PRIVATE lib/dist/nccl/no_nccl.cpp)
endif()
sy_cuda_sources(dist lib/dist/nccl/nccl_check.cpp lib/dist/nccl/nccl_communicator.cpp lib/dist/nccl/nccl_link.cpp
                     lib/dist/nccl/nccl_queue.cpp lib/dist/nccl/nccl_request.cpp)
