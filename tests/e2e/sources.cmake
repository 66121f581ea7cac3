# The real binary on real text.
foreach(name full_disk goes_back gradients_agree killed_and_resumed meshes_agree nonfinite)
  add_test(NAME e2e.${name} COMMAND ${CMAKE_SOURCE_DIR}/tests/e2e/${name}.sh $<TARGET_FILE:switchyard>)
  set_tests_properties(e2e.${name} PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77 PROCESSORS 2)
endforeach()
