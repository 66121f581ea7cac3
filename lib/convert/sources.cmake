sy_library(convert
           SOURCES lib/convert/file.cpp lib/convert/float_type.cpp lib/convert/hf_names.cpp
                   lib/convert/model_params.cpp lib/convert/safetensors.cpp
                   lib/convert/safetensors_header.cpp lib/convert/sparse_layers.cpp
           LINK sy_model sy_checkpoint sy_config PRIVATE_LINK sy::simdjson)
