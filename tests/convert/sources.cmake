sy_test_binary(convert_tests
               SOURCES tests/convert/float_type_test.cpp tests/convert/safetensors_test.cpp
                       tests/convert/hf_names_test.cpp
               LINK sy_convert sy::simdjson)
foreach(suite float_type safetensors hf_names)
  sy_add_test(convert.${suite} convert_tests "[convert_${suite}]")
endforeach()
