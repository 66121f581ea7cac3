// SPDX-License-Identifier: Apache-2.0
// One thread handles one (sequence, head) at a time (head_cpu.h). The scores of a block of its
// queries exist only in the thread's work area.
#include <omp.h>

#include "kernels/attention/attention.h"
#include "kernels/attention/head_backward_cpu.h"
#include "kernels/attention/relative_bucket.h"

namespace sy {
namespace {

using cpu_attention::Head;
using cpu_attention::Sizes;
using cpu_attention::Work;

void fill_buckets(Tensor buckets, int64_t lq, int64_t num_buckets, const AttentionSpec& spec) {
  int32_t* bucket = buckets.data<int32_t>();
  for (int64_t x = 0; x < buckets.numel(); ++x) {
    bucket[x] = relative_bucket(x - (lq - 1), spec.bidirectional, static_cast<int>(num_buckets),
                                spec.max_distance);
  }
}

// The ranges of a sequence's queries; null in rows of one example.
const int32_t* ranges_of(const AttentionSpec& spec, int64_t sequence) {
  return spec.packed() ? spec.key_ranges.at(sequence).data<int32_t>() : nullptr;
}

// Throws unless the ranges of `sequence` are as attention.h says.
void check_ranges(const AttentionSpec& spec, int64_t sequence, int64_t queries, int64_t length) {
  const int32_t* range = ranges_of(spec, sequence);
  for (int64_t i = 0, first = 0, end = 0; range != nullptr && i < queries; ++i) {
    const int64_t next = range[2 * i], next_end = range[2 * i + 1];
    const bool empty = next == next_end, own = next <= i && i < next_end;
    SY_CHECK(first <= next && next <= next_end && end <= next_end && next_end <= length &&
                 (!spec.causal || own || (empty && next <= i)),
             "attention: query {} of sequence {} sees keys [{}, {}) after [{}, {}) of {}", i,
             sequence, next, next_end, first, end, length);
    first = next;
    end = next_end;
  }
}

// Calls body(head) for every (sequence, head), each on one thread.
template <class T, class Body>
void for_each_head(Exec& exec, const Sizes<T>& sizes, Tensor bias_table, Tensor key_lengths,
                   const AttentionSpec& spec, const AttentionScratch& scratch, bool backward,
                   Body&& body) {
  const int64_t count = key_lengths.numel() * sizes.heads;
  for (int64_t b = 0; b < key_lengths.numel(); ++b) {
    const int64_t length = key_lengths.data<int32_t>()[b];
    SY_CHECK(length >= 0 && length <= sizes.lk, "attention: sequence {} has {} of {} keys", b,
             length, sizes.lk);
    check_ranges(spec, b, sizes.lq, length);
  }
  if (!bias_table.empty()) fill_buckets(scratch.buckets, sizes.lq, bias_table.dim(0), spec);
#pragma omp parallel for schedule(dynamic, 1) num_threads(exec.threads)
  for (int64_t index = 0; index < count; ++index) {
    Work<T> work(scratch.work.data<Compute<T>>() + omp_get_thread_num() * scratch.work.dim(1),
                 sizes, backward);
    const int64_t sequence = index / sizes.heads;
    Head<T> head{sizes,
                 spec,
                 sequence,
                 index % sizes.heads,
                 key_lengths.data<int32_t>()[sequence],
                 ranges_of(spec, sequence),
                 work,
                 !bias_table.empty()};
    if (head.has_bias)
      head.load_bias(bias_table.data<Compute<T>>(), scratch.buckets.data<int32_t>());
    body(head);
  }
}

}  // namespace

template <class T>
struct AttentionImpl<Backend::cpu, T> {
  using C = Compute<T>;

  static Shape work_shape(const AttentionShape& shape, int threads, bool backward) {
    const Sizes<T> sizes(1, shape.lq, shape.lk, shape.d_kv);
    return {threads, Work<T>(nullptr, sizes, backward).elements};
  }

  static int64_t d_bias_elements(const AttentionShape& shape) {
    return shape.sequences * shape.heads * shape.buckets;
  }

  static void forward(Exec& exec, Tensor out, Tensor log_sum, Tensor q, Tensor k, Tensor v,
                      Tensor bias_table, Tensor key_lengths, const AttentionSpec& spec,
                      const AttentionScratch& scratch) {
    const Sizes<T> sizes(q.dim(2), q.dim(1), k.dim(1), q.dim(3));
    for_each_head<T>(
        exec, sizes, bias_table, key_lengths, spec, scratch, false, [&](Head<T>& head) {
          head.forward(out.data<T>(), log_sum.data<C>(), q.data<T>(), k.data<T>(), v.data<T>());
        });
  }

  static void backward(Exec& exec, Tensor d_q, Tensor d_k, Tensor d_v, Tensor d_bias_table,
                       Tensor d_out, Tensor out, Tensor log_sum, Tensor q, Tensor k, Tensor v,
                       Tensor bias_table, Tensor key_lengths, const AttentionSpec& spec,
                       const AttentionScratch& scratch) {
    const Sizes<T> sizes(q.dim(2), q.dim(1), k.dim(1), q.dim(3));
    const int64_t num_buckets = bias_table.empty() ? 0 : bias_table.dim(0);
    const int32_t* buckets = scratch.buckets.data<int32_t>();
    for_each_head<T>(exec, sizes, bias_table, key_lengths, spec, scratch, true, [&](Head<T>& head) {
      head.backward(d_q.data<T>(), d_k.data<T>(), d_v.data<T>(), d_out.data<T>(), out.data<T>(),
                    log_sum.data<C>(), q.data<T>(), k.data<T>(), v.data<T>());
      if (!head.has_bias) return;
      const int64_t place = (head.sequence * sizes.heads + head.head) * num_buckets;
      head.fold_diagonal(scratch.d_bias.data<C>() + place, buckets, num_buckets);
    });
    if (num_buckets == 0) return;
    // Sequences are added in order, so the sum does not depend on the number of threads.
    C* table = d_bias_table.data<C>();
    const C* partial = scratch.d_bias.data<C>();
    for (int64_t index = 0; index < q.dim(0) * sizes.heads; ++index) {
      for (int64_t b = 0; b < num_buckets; ++b) {
        table[b * sizes.heads + index % sizes.heads] += partial[index * num_buckets + b];
      }
    }
  }
};

template struct AttentionImpl<Backend::cpu, float>;
template struct AttentionImpl<Backend::cpu, double>;
template struct AttentionImpl<Backend::cpu, BFloat16>;

}  // namespace sy
