# SPDX-License-Identifier: Apache-2.0
sy_library(config
           SOURCES lib/config/keys.cpp lib/config/model_rules.cpp lib/config/parse.cpp lib/config/reader.cpp
                   lib/config/relations.cpp lib/config/resolve.cpp lib/config/router_relations.cpp
                   lib/config/scalar.cpp lib/config/step_lengths.cpp lib/config/task_relations.cpp lib/config/text_rules.cpp lib/config/validate.cpp lib/config/write.cpp lib/config/yaml_text.cpp
           LINK sy_base PRIVATE_LINK sy::yaml)
