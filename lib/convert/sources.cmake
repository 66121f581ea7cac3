# SPDX-License-Identifier: Apache-2.0
# What reads files of unknown origin, apart from the model so that it can be fuzzed without it.
sy_library(hf_format
           SOURCES lib/convert/hf/config_json.cpp lib/convert/hf/file.cpp
                   lib/convert/hf/float_type.cpp lib/convert/hf/hf_config_read.cpp
                   lib/convert/hf/hf_folder.cpp lib/convert/hf/hf_names.cpp
                   lib/convert/hf/safetensors.cpp lib/convert/hf/safetensors_header.cpp
                   lib/convert/hf/sparse_layers.cpp
           LINK sy_checkpoint sy_config sy_placement sy::json PRIVATE_LINK sy::simdjson)

# Reading and writing the parameters of whole models.
sy_library(convert
           SOURCES lib/convert/checkpoint_sink.cpp lib/convert/checkpoint_source.cpp
                   lib/convert/convert.cpp lib/convert/hf/hf_config_write.cpp
                   lib/convert/hf/hf_sink.cpp lib/convert/hf/hf_source.cpp
                   lib/convert/hf/hf_tokenizer.cpp
                   lib/convert/output_folder.cpp lib/convert/param_stream.cpp
                   lib/convert/upcycle.cpp
           LINK sy_hf_format sy_data sy_model sy::json)
