# What reads files from elsewhere, apart so that it is fuzzed without the model.
sy_library(hf_format
           SOURCES lib/convert/hf/file.cpp lib/convert/hf/float_type.cpp lib/convert/hf/safetensors.cpp
                   lib/convert/hf/safetensors_header.cpp lib/convert/hf/hf_folder.cpp
                   lib/convert/hf/config_json.cpp lib/convert/hf/sparse_layers.cpp
                   lib/convert/hf/hf_names.cpp lib/convert/hf/hf_config_read.cpp
           LINK sy_checkpoint sy_config sy_placement PRIVATE_LINK sy::simdjson)

# The parameters' ways in and out.
sy_library(convert
           SOURCES lib/convert/output_folder.cpp lib/convert/model_params.cpp
                   lib/convert/hf/hf_config_write.cpp lib/convert/hf/hf_source.cpp
                   lib/convert/hf/hf_sink.cpp lib/convert/checkpoint_source.cpp
                   lib/convert/checkpoint_sink.cpp lib/convert/upcycled_source.cpp
                   lib/convert/convert.cpp
           LINK sy_hf_format sy_model PRIVATE_LINK sy::simdjson)
