# SPDX-License-Identifier: Apache-2.0
# What `switchyard --version` says of a build beside what its libraries say themselves.
#   sy_commit                 a target that rewrites cmd/commit.h in the build folder when the commit changed
#   SY_BASELINE_NAME          the oldest processor that the build runs on, as -march names it
#   SY_SENTENCEPIECE_VERSION  as its pkg-config file says, for the library has no call for it
set(commit_header ${PROJECT_BINARY_DIR}/cmd/commit.h)
set(write_commit ${CMAKE_COMMAND} -D SOURCE=${PROJECT_SOURCE_DIR} -D HEADER=${commit_header}
                 -P ${PROJECT_SOURCE_DIR}/cmake/write_commit.cmake)
execute_process(COMMAND ${write_commit} COMMAND_ERROR_IS_FATAL ANY)  # for tools that read sources before a build
add_custom_target(sy_commit COMMAND ${write_commit} BYPRODUCTS ${commit_header} VERBATIM)

if(SY_NATIVE)
  set(SY_BASELINE_NAME native)
elseif(SY_BASELINE)
  set(SY_BASELINE_NAME ${SY_BASELINE})
else()
  set(SY_BASELINE_NAME x86-64)
endif()

set(SY_SENTENCEPIECE_VERSION unknown)
get_filename_component(folder ${SY_sentencepiece_LIBRARY} DIRECTORY)
if(EXISTS ${folder}/pkgconfig/sentencepiece.pc)
  file(STRINGS ${folder}/pkgconfig/sentencepiece.pc line REGEX "^Version:")
  string(REGEX REPLACE "^Version: *" "" SY_SENTENCEPIECE_VERSION "${line}")
endif()
