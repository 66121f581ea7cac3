sy_test_binary(data_tests SOURCES tests/data/span_lengths_test.cpp
               LINK sy_span_lengths sy::simdjson)
sy_add_test(data.span_lengths data_tests "[span_lengths]")
