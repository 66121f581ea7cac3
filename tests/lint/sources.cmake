# Rules of the tree that a compiler does not see, one ctest entry each.
foreach(lint includes file_length leftovers ops format licence self_test)
  add_test(NAME lint.${lint} COMMAND bash ${PROJECT_SOURCE_DIR}/tests/lint/${lint}.sh)
  set_tests_properties(lint.${lint} PROPERTIES TIMEOUT 120 SKIP_RETURN_CODE 77)
endforeach()

# What clang-tidy reads: the compile database, and headers that the build makes.
add_test(NAME lint.tidy COMMAND bash ${PROJECT_SOURCE_DIR}/tests/lint/tidy.sh ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
set_tests_properties(lint.tidy PROPERTIES TIMEOUT 1200 SKIP_RETURN_CODE 77 PROCESSORS 2)
