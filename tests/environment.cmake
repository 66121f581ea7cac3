# SPDX-License-Identifier: Apache-2.0
# Read by ctest itself, for every test. Threads that wait asleep instead of spinning: two tests of
# two threads on two cores can otherwise spin in each other's way for whole time slices, and one of
# half a second was seen to take five minutes.
if(NOT DEFINED ENV{OMP_WAIT_POLICY})
  set(ENV{OMP_WAIT_POLICY} passive)
endif()
