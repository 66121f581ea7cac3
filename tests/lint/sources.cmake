# Rules of the tree that a compiler does not see, one ctest entry each.
foreach(lint includes file_length leftovers ops links format self_test)
  add_test(NAME lint.${lint} COMMAND bash ${PROJECT_SOURCE_DIR}/tests/lint/${lint}.sh)
  set_tests_properties(lint.${lint} PROPERTIES TIMEOUT 120 SKIP_RETURN_CODE 77)
endforeach()
