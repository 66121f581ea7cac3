# SPDX-License-Identifier: Apache-2.0
sy_library(generate
           SOURCES lib/generate/options.cpp lib/generate/logits.cpp lib/generate/search.cpp
                   lib/generate/sampling.cpp lib/generate/beam_search.cpp
                   lib/generate/generate.cpp lib/generate/model_logits.cpp lib/generate/infill.cpp
                   lib/generate/likelihood.cpp lib/generate/lockstep.cpp
           LINK sy_model sy_data)
