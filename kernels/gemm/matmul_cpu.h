// SPDX-License-Identifier: Apache-2.0
// oneDNN's matmul primitives, made once for each shape and kept in the Exec.
#pragma once

#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>

#include <cstring>
#include <iterator>
#include <unordered_map>

#include "kernels/gemm/gemm_shape.h"
#include "lib/base/numeric.h"

namespace sy::matmul {

// Each instruction set is the bits of those below it and one of its own.
inline bool has(dnnl::cpu_isa set) {
  const auto isa = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  return (isa & static_cast<unsigned>(set)) == static_cast<unsigned>(set);
}

// Whether oneDNN multiplies bfloat16 on this processor.
inline bool has_bfloat16() {
  static const bool has_it = has(dnnl::cpu_isa::avx512_core);
  return has_it;
}

// oneDNN uses OpenMP's thread count both when a primitive is created and when it runs; the two must
// agree.
class ThreadCount {
 public:
  explicit ThreadCount(int threads) : before_(omp_get_max_threads()) {
    omp_set_num_threads(threads);
  }
  ~ThreadCount() { omp_set_num_threads(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
};

// A GEMM whose operands may be parts of larger matrices: rows of a and of b, as they lie in memory
// (of op(a)'s transpose with transpose_a), begin so many elements apart. Those of c are dense. A
// batch has all rows of its matrices one after another.
struct Layout {
  GemmShape shape;
  int64_t lda, ldb;
  bool operator==(const Layout&) const = default;
};

inline Layout dense(const GemmShape& s) {
  return {s, s.options.transpose_a ? s.m : s.k, s.options.transpose_b ? s.k : s.n};
}

struct LayoutHash {
  size_t operator()(const Layout& layout) const {
    const GemmShape& s = layout.shape;
    uint64_t hash = 1469598103934665603u;
    for (const int64_t word :
         {s.batch, s.m, s.n, s.k, layout.lda, layout.ldb,
          int64_t{s.options.transpose_a} | int64_t{s.options.transpose_b} << 1 |
              int64_t{s.options.accumulate} << 2 | static_cast<int64_t>(s.in) << 3 |
              static_cast<int64_t>(s.out) << 6 | int64_t{s.options.relu} << 9 |
              int64_t{s.has_base} << 10 | int64_t{s.shared_a} << 11}) {
      hash = (hash ^ static_cast<uint64_t>(word)) * 1099511628211u;
    }
    return hash;
  }
};

using Dims = dnnl::memory::dims;

// Describes `matrices` row-major matrices of rows that begin `ld` apart, or their transposes.
inline dnnl::memory::desc describe(const GemmShape& shape, int64_t matrices, int64_t rows,
                                   int64_t cols, bool transposed, int64_t ld, DType dtype) {
  const int64_t row_stride = transposed ? 1 : ld, col_stride = transposed ? ld : 1;
  const auto type =
      dtype == DType::bf16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
  if (shape.batch == 1) return {{rows, cols}, type, Dims{row_stride, col_stride}};
  return {
      {matrices, rows, cols}, type, Dims{(transposed ? cols : rows) * ld, row_stride, col_stride}};
}

// One GEMM ready to run: the primitive and its arguments, whose pointers are set at each call.
struct Matmul {
  dnnl::matmul primitive;
  dnnl::memory a, b, c, base, scratchpad;
  int64_t scratch_bytes = 0;

  Matmul(const Layout& layout, const dnnl::engine& engine) {
    const GemmShape& s = layout.shape;
    const auto a_desc =
        describe(s, s.shared_a ? 1 : s.batch, s.m, s.k, s.options.transpose_a, layout.lda, s.in);
    const auto b_desc = describe(s, s.batch, s.k, s.n, s.options.transpose_b, layout.ldb, s.in);
    const auto c_desc = describe(s, s.batch, s.m, s.n, false, s.n, s.out);
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    dnnl::post_ops after;
    if (s.options.accumulate) after.append_sum(1.0f);
    if (s.has_base) after.append_binary(dnnl::algorithm::binary_add, c_desc);
    if (s.options.relu) after.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
    attributes.set_post_ops(after);
    const dnnl::matmul::primitive_desc desc({a_desc, b_desc, c_desc}, attributes, engine);
    primitive = dnnl::matmul(desc);
    scratch_bytes = static_cast<int64_t>(desc.scratchpad_desc().get_size());
    a = dnnl::memory(a_desc, engine, DNNL_MEMORY_NONE);
    b = dnnl::memory(b_desc, engine, DNNL_MEMORY_NONE);
    c = dnnl::memory(c_desc, engine, DNNL_MEMORY_NONE);
    base = dnnl::memory(c_desc, engine, DNNL_MEMORY_NONE);
    scratchpad = dnnl::memory(desc.scratchpad_desc(), engine, DNNL_MEMORY_NONE);
  }

  // Uses the C interface, because the C++ one copies its arguments to the heap at each call.
  void run(const dnnl::stream& stream, void* c_data, void* a_data, void* b_data, void* base_data,
           void* scratch) {
    a.set_data_handle(a_data);
    b.set_data_handle(b_data);
    c.set_data_handle(c_data);
    base.set_data_handle(base_data);
    scratchpad.set_data_handle(scratch);
    const dnnl_exec_arg_t arguments[] = {
        {DNNL_ARG_SRC, a.get()},
        {DNNL_ARG_WEIGHTS, b.get()},
        {DNNL_ARG_DST, c.get()},
        {DNNL_ARG_SCRATCHPAD, scratchpad.get()},
        {DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, base.get()}};
    const int count = static_cast<int>(std::size(arguments)) - (base_data == nullptr ? 1 : 0);
    dnnl::error::wrap_c_api(dnnl_primitive_execute(primitive.get(), stream.get(), count, arguments),
                            "could not execute a primitive");
  }
};

struct Cache {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  std::unordered_map<Layout, Matmul, LayoutHash> products;
  int threads = 0;  // threads that the GEMMs were created for

  Matmul& find(const Layout& layout, int num_threads) {
    if (num_threads != threads) products.clear();
    threads = num_threads;
    auto place = products.find(layout);
    if (place == products.end()) place = products.try_emplace(layout, layout, engine).first;
    return place->second;
  }
};

// Multiplies, or while planning only makes the primitive and takes its scratch. base may be null.
inline void run(Exec& exec, const Layout& layout, void* c, void* a, void* b, void* base) {
  Cache& cache = exec.state<Cache>();
  Matmul& product = cache.find(layout, exec.threads);
  ScratchScope scope(exec);
  const Tensor scratch = scope.take(DType::i32, {ceil_div(product.scratch_bytes, 4)}, "gemm");
  if (exec.planning) return;
  product.run(cache.stream, c, a, b, base, scratch.raw());
}

}  // namespace sy::matmul
