sy_library(kernels SOURCES kernels/dispatch_dtype.h LINK sy_tensor OpenMP::OpenMP_CXX PRIVATE_LINK sy::dnnl)
set_target_properties(sy_kernels PROPERTIES LINKER_LANGUAGE CXX)
sy_add_op(rms_norm)
sy_add_op(gemm)
