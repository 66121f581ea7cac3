sy_library(base SOURCES lib/base/error.cpp lib/base/log.cpp LINK sy::fmt)
