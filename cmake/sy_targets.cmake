# SPDX-License-Identifier: Apache-2.0
# sy_library(NAME SOURCES ... LINK ...): one static library per folder, linked in the direction that
# includes run: base <- tensor <- {kernels, dist} <- model <- train <- cmd. Other projects link it as switchyard::NAME.
function(sy_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(sy_${name} STATIC ${ARG_SOURCES})
  add_library(switchyard::${name} ALIAS sy_${name})
  target_link_libraries(sy_${name} PUBLIC sy_options ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
  if((SY_SANITIZE OR SY_FUZZ) AND NOT name MATCHES "^(kernels|measure|scores|tasks)$")
    # Nobody edits in these builds, so eight files at a time read their headers once. In those left out, files use the
    # same local names for what each does in its own way.
    set_target_properties(sy_${name} PROPERTIES UNITY_BUILD ON)
  endif()
endfunction()

# sy_add_op(foo [ROOM]): foo.{h,cpp}, foo_cpu.cpp and foo_cuda.cu in kernels/ROOM (kernels/foo where left
# out) and tests/kernels/foo_test.cpp must exist. Configuring fails and names what is missing.
set(SY_OPS "" CACHE INTERNAL "")
function(sy_add_op op)
  set(room ${op})
  if(ARGC GREATER 1)
    set(room ${ARGV1})
  endif()
  set(stem kernels/${room}/${op})
  foreach(file ${stem}.h ${stem}.cpp ${stem}_cpu.cpp ${stem}_cuda.cu tests/kernels/${op}_test.cpp)
    if(NOT EXISTS ${PROJECT_SOURCE_DIR}/${file})
      message(FATAL_ERROR "op ${op} is incomplete: ${file} is missing")
    endif()
  endforeach()
  target_sources(sy_kernels PRIVATE ${stem}.cpp ${stem}_cpu.cpp)
  sy_cuda_kernels(${stem}_cuda.cu)
  set(SY_OPS ${SY_OPS} ${op} CACHE INTERNAL "")
endfunction()

# sy_add_layer(foo): lib/model/foo.{h,cpp} and tests/model/foo_test.cpp (foo may be moe/foo).
set(SY_LAYERS "" CACHE INTERNAL "")
function(sy_add_layer layer)
  get_filename_component(stem ${layer} NAME)
  foreach(file lib/model/${layer}.h lib/model/${layer}.cpp tests/model/${stem}_test.cpp)
    if(NOT EXISTS ${PROJECT_SOURCE_DIR}/${file})
      message(FATAL_ERROR "layer ${layer} is incomplete: ${file} is missing")
    endif()
  endforeach()
  target_sources(sy_model PRIVATE lib/model/${layer}.cpp)
  set(SY_LAYERS ${SY_LAYERS} ${stem} CACHE INTERNAL "")
endfunction()

# sy_test_binary(NAME SOURCES ... LINK ...): a Catch2 program, every file a suite of it.
function(sy_test_binary name)
  cmake_parse_arguments(ARG "MPI" "" "SOURCES;LINK" ${ARGN})
  set(main sy_test_main)
  if(ARG_MPI)
    set(main sy_mpi_test_main)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${main} ${ARG_LINK} sy_backend_host)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests
                                           SY_LINK "${main};${ARG_LINK}" SY_TEST ON)
  # What a test computes by itself is small: optimising less makes it compile in two thirds of the time.
  target_compile_options(${name} PRIVATE $<$<AND:$<CONFIG:Release>,$<COMPILE_LANGUAGE:CXX>>:-O1>)
endfunction()

# sy_add_test(NAME BINARY FILTER): one ctest entry; exit code 77 means skipped, visibly.
function(sy_add_test name binary filter)
  add_test(NAME ${name} COMMAND ${binary} ${filter})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77
                       WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} PROCESSORS 1)
endfunction()

# sy_add_mpi_test(NAME BINARY FILTER RANKS...): the same under mpirun, once per rank count.
function(sy_add_mpi_test name binary filter)
  foreach(ranks ${ARGN})
    set(processors 2)
    if(ranks EQUAL 1)
      set(processors 1)
    endif()
    add_test(NAME ${name}.np${ranks}
             COMMAND ${PROJECT_SOURCE_DIR}/tests/support/mpirun.sh ${ranks} $<TARGET_FILE:${binary}>
                     ${filter})
    set_tests_properties(${name}.np${ranks} PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77
                         WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} PROCESSORS ${processors} LABELS mpi)
  endforeach()
endfunction()

# sy_long_tests(NAME...): entries, of those that there are in this build, that `test.sh` leaves out and `test.sh --long`
# runs: what they cover, others cover in less time on fewer meshes.
function(sy_long_tests)
  get_property(tests DIRECTORY PROPERTY TESTS)
  foreach(name ${ARGN})
    if(name IN_LIST tests)
      set_property(TEST ${name} APPEND PROPERTY LABELS long)
    endif()
  endforeach()
endfunction()
