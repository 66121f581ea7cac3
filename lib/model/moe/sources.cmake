sy_add_layer(moe/router)
sy_add_layer(moe/dispatch)
sy_add_layer(moe/experts)
sy_add_layer(moe/moe_ffn)
