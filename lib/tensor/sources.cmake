sy_library(tensor SOURCES lib/tensor/tensor.cpp lib/tensor/arena.cpp lib/tensor/scratch.cpp
           LINK sy_base)
