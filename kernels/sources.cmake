# SPDX-License-Identifier: Apache-2.0
sy_library(kernels SOURCES kernels/dispatch_dtype.h LINK sy_tensor OpenMP::OpenMP_CXX
           PRIVATE_LINK sy::dnnl)
set_target_properties(sy_kernels PROPERTIES LINKER_LANGUAGE CXX)
# No kernel reads errno or the floating-point status; told so, the compiler vectorises square roots
# and selections. Neither changes a result.
target_compile_options(sy_kernels PRIVATE -fno-math-errno -fno-trapping-math)

sy_add_op(activation)
sy_add_op(adafactor)
sy_add_op(adafactor_shard adafactor)
sy_add_op(adamw)
sy_add_op(attention)
sy_add_op(attention_step attention)
sy_add_op(cross_entropy)
sy_add_op(cross_entropy_shard cross_entropy)
sy_add_op(dispatch)
sy_add_op(dropout)
sy_add_op(elementwise)
sy_add_op(embedding)
sy_add_op(find_nonfinite)
sy_add_op(gemm)
sy_add_op(grad_clip)
sy_add_op(grouped_gemm gemm)
sy_add_op(rms_norm)
sy_add_op(router)
sy_add_op(router_confidence router)
sy_add_op(router_jitter router)
sy_add_op(router_logits router)
