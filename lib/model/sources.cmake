# SPDX-License-Identifier: Apache-2.0
sy_library(model SOURCES lib/model/param.cpp lib/model/initial_values.cpp
                         lib/model/initialisation.cpp lib/model/block.cpp
                         lib/model/feed_forward.cpp lib/model/model_axis.cpp
                         lib/model/owned_runs.cpp lib/model/soft_loss.cpp
                         lib/model/stack.cpp lib/model/switch_model.cpp
                         lib/model/switch_model_state.cpp lib/model/flops.cpp
                         lib/model/decode_block.cpp lib/model/moe/routed_experts.cpp
                         lib/model/moe/router_choice_losses.cpp
           LINK sy_config sy_kernels sy_dist OpenMP::OpenMP_CXX)
sy_add_layer(embedding)
sy_add_layer(attention)
sy_add_layer(decode)
sy_add_layer(dense_ffn)
sy_add_layer(loss)
include(lib/model/moe/sources.cmake)
