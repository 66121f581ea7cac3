# Apart from the rest, for the configuration derives lengths with it and reads no data.
sy_library(span_lengths SOURCES lib/data/span_lengths.cpp LINK sy_base)
