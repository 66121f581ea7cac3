# SPDX-License-Identifier: Apache-2.0
# cmake -D SOURCE=FOLDER -D HEADER=FILE -P write_commit.cmake: FILE defines SY_COMMIT, the commit that is
# checked out in FOLDER, with -dirty where tracked files differ from it; "unknown" where FOLDER is not the
# root of a git repository. FILE is written only when that changes it, so that nothing is compiled anew.
set(commit unknown)
find_program(git git)
if(git)
  execute_process(COMMAND ${git} -C ${SOURCE} rev-parse --show-toplevel
                  OUTPUT_VARIABLE root OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  file(REAL_PATH ${SOURCE} source)
  if(root AND root STREQUAL source)
    execute_process(COMMAND ${git} -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
                    OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(described)
      set(commit ${described})
    endif()
  endif()
endif()
file(CONFIGURE OUTPUT ${HEADER} CONTENT "#define SY_COMMIT \"${commit}\"\n")
