# SPDX-License-Identifier: Apache-2.0
sy_add_layer(moe/router)
sy_add_layer(moe/router_losses)
sy_add_layer(moe/row_exchange)
sy_add_layer(moe/dispatch)
sy_add_layer(moe/experts)
sy_add_layer(moe/routing)
sy_add_layer(moe/moe_ffn)
sy_add_layer(moe/moe_attention)
