// One thread owns one (sequence, head) at a time and walks over blocks of query rows; the block's
// scores live in its tile and nowhere else.
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/attention.h"
#include "kernels/philox_fill.h"
#include "kernels/relative_bucket.h"
#include "kernels/tile_product.h"
#include "kernels/vector_math.h"

namespace sy {
namespace {

constexpr int64_t kQueryRows = 48;  // a multiple of the register block's rows

// Sizes of a call, and the packed strides that follow.
template <class T>
struct Sizes {
  int64_t heads, lq, lk, d;
  int64_t row = 0;     // distance between tokens of q, k, v, out
  int64_t wide = 0;    // stride of tiles with lk columns
  int64_t narrow = 0;  // stride of tiles with d columns
  int64_t width_k = 0, width_d = 0;

  Sizes(int64_t num_heads, int64_t queries, int64_t keys, int64_t d_kv)
      : heads(num_heads), lq(queries), lk(keys), d(d_kv) {
    row = heads * d;
    wide = tile_stride<T>(lk);
    narrow = tile_width<T>(d);
    width_k = tile_width<T>(lk);
    width_d = narrow;
  }
};

// A thread's work area, carved. Backward's tail is unused in forward.
template <class T>
struct Work {
  T *k_transposed, *v_packed, *scores, *result, *bias, *mask;
  T *v_transposed, *k_packed, *d_scores, *q_packed, *d_out_packed, *d_k, *d_v, *diagonal;
  int64_t elements = 0;

  Work(T* memory, const Sizes<T>& s, bool backward) {
    const auto take = [&](int64_t count) {
      T* start = memory == nullptr ? nullptr : memory + elements;
      elements +=
          (count + TileVector<T>::kLanes - 1) / TileVector<T>::kLanes * TileVector<T>::kLanes;
      return start;
    };
    k_transposed = take(s.d * s.wide);
    v_packed = take(s.lk * s.narrow);
    scores = take(kQueryRows * s.wide);
    result = take(kQueryRows * s.narrow);
    bias = take(s.lq + s.lk);
    mask = take(s.lk);
    if (!backward) return;
    v_transposed = take(s.d * s.wide);
    k_packed = take(s.lk * s.narrow);
    d_scores = take(kQueryRows * s.wide);
    q_packed = take(kQueryRows * s.narrow);
    d_out_packed = take(kQueryRows * s.narrow);
    d_k = take(s.lk * s.narrow);
    d_v = take(s.lk * s.narrow);
    diagonal = take(s.lq + s.lk);
  }
};

// One head of one sequence: where its data lies and which keys a query sees.
template <class T>
struct Head {
  const Sizes<T>& s;
  const AttentionSpec& spec;
  int64_t sequence, head, key_length;
  Work<T>& w;
  bool has_bias;

  int64_t offset(int64_t length) const { return (sequence * length * s.heads + head) * s.d; }
  // Keys [0, visible(i)) take part for query i.
  int64_t visible(int64_t i) const {
    return spec.causal ? std::min(i + 1, key_length) : key_length;
  }

  // w.bias[j - i + lq - 1] = the table's entry for that distance.
  void load_bias(const T* table, const int32_t* buckets) const {
    for (int64_t x = 0; x < s.lq + s.lk - 1; ++x) w.bias[x] = table[buckets[x] * s.heads + head];
  }

  // w.mask[0 .. count) = dropout's factors of row i.
  void load_mask(int64_t i, int64_t count) const {
    const T keep = T(1) / (T(1) - static_cast<T>(spec.dropout_rate));
    const float rate = spec.dropout_rate;
    const int64_t heads = spec.num_heads == 0 ? s.heads : spec.num_heads;
    const int64_t matrix = (spec.first_sequence + sequence) * heads + spec.first_head + head;
    const uint64_t first = static_cast<uint64_t>(matrix * s.lq * s.lk + i * s.lk);
    T* mask = w.mask;
    for_each_uniform(spec.dropout_key, first, count,
                     [=](int64_t j, float u) { mask[j] = u >= rate ? keep : T(0); });
  }

  // w.scores [rows, keys] = q k^T for query rows [begin, begin + rows), no bias yet.
  void raw_scores(const T* q, int64_t begin, int64_t rows, int64_t keys) const {
    tile_product(w.scores, s.wide, q + offset(s.lq) + begin * s.row, s.row, int64_t{1},
                 w.k_transposed, s.wide, rows, tile_width<T>(keys), s.d, false);
  }

  void add_bias(T* row, int64_t i, int64_t keys) const {
    if (!has_bias) return;
    const T* bias = w.bias + (s.lq - 1 - i);
#pragma omp simd
    for (int64_t j = 0; j < keys; ++j) row[j] += bias[j];
  }

  // Keys that the block's last query sees: columns of the block's products.
  int64_t block_keys(int64_t begin, int64_t rows) const {
    return visible(begin + rows - 1);
  }

  void forward(T* out, T* log_sum, const T* q, const T* k, const T* v);
  void softmax_row(T* row, T* log_sum, int64_t i, int64_t columns) const;
  void backward(T* d_q, T* d_k, T* d_v, const T* d_out, const T* out, const T* log_sum, const T* q,
                const T* k, const T* v);
  void backward_row(int64_t r, int64_t i, int64_t columns, T log_sum, T dot) const;
  void fold_diagonal(T* d_bias, const int32_t* buckets, int64_t num_buckets) const;
};

// Scores of query i to dropped-out probabilities, zero where no key is seen.
template <class T>
void Head<T>::softmax_row(T* row, T* log_sum, int64_t i, int64_t columns) const {
  const int64_t keys = visible(i);
  add_bias(row, i, keys);
  T largest = -std::numeric_limits<T>::infinity();
#pragma omp simd reduction(max : largest)
  for (int64_t j = 0; j < keys; ++j) largest = row[j] > largest ? row[j] : largest;
  T total = 0;
#pragma omp simd reduction(+ : total)
  for (int64_t j = 0; j < keys; ++j) {
    row[j] = vector_exp(row[j] - largest);
    total += row[j];
  }
  *log_sum = keys == 0 ? T(0) : largest + std::log(total);
  const T inverse = keys == 0 ? T(0) : T(1) / total;
  if (spec.dropout_rate > 0) {
    load_mask(i, keys);
#pragma omp simd
    for (int64_t j = 0; j < keys; ++j) row[j] *= inverse * w.mask[j];
  } else {
#pragma omp simd
    for (int64_t j = 0; j < keys; ++j) row[j] *= inverse;
  }
  for (int64_t j = keys; j < columns; ++j) row[j] = 0;
}

template <class T>
void Head<T>::forward(T* out, T* log_sum, const T* q, const T* k, const T* v) {
  tile_pack_transposed(w.k_transposed, s.wide, k + offset(s.lk), s.row, s.lk, s.d);
  tile_pack(w.v_packed, s.narrow, v + offset(s.lk), s.row, s.lk, s.d);
  T* sums = log_sum + (sequence * s.heads + head) * s.lq;
  for (int64_t begin = 0; begin < s.lq; begin += kQueryRows) {
    const int64_t rows = std::min(kQueryRows, s.lq - begin), keys = block_keys(begin, rows);
    raw_scores(q, begin, rows, keys);
    for (int64_t r = 0; r < rows; ++r) {
      softmax_row(w.scores + r * s.wide, sums + begin + r, begin + r, keys);
    }
    tile_product(w.result, s.narrow, w.scores, s.wide, int64_t{1}, w.v_packed, s.narrow, rows,
                 s.width_d, keys, false);
    for (int64_t r = 0; r < rows; ++r) {
      std::copy_n(w.result + r * s.narrow, s.d, out + offset(s.lq) + (begin + r) * s.row);
    }
  }
}

// Row r of the block (query i): scores become dropped-out probabilities (for d_v), d_scores, which
// hold d_out v^T, become the gradient of the scores.
//   p = exp(s - log_sum),  d_s = p (mask d_p - dot),  dot = sum_c d_out_c out_c
template <class T>
void Head<T>::backward_row(int64_t r, int64_t i, int64_t columns, T log_sum, T dot) const {
  T *p = w.scores + r * s.wide, *ds = w.d_scores + r * s.wide;
  const int64_t keys = visible(i);
  add_bias(p, i, keys);
  if (spec.dropout_rate > 0) {
    load_mask(i, keys);
#pragma omp simd
    for (int64_t j = 0; j < keys; ++j) {
      const T prob = vector_exp(p[j] - log_sum);
      ds[j] = prob * (w.mask[j] * ds[j] - dot);
      p[j] = prob * w.mask[j];
    }
  } else {
#pragma omp simd
    for (int64_t j = 0; j < keys; ++j) {
      p[j] = vector_exp(p[j] - log_sum);
      ds[j] = p[j] * (ds[j] - dot);
    }
  }
  for (int64_t j = keys; j < columns; ++j) p[j] = ds[j] = 0;
  if (!has_bias) return;
  T* diagonal = w.diagonal + (s.lq - 1 - i);
#pragma omp simd
  for (int64_t j = 0; j < keys; ++j) diagonal[j] += ds[j];
}

template <class T>
void Head<T>::backward(T* d_q, T* d_k, T* d_v, const T* d_out, const T* out, const T* log_sum,
                       const T* q, const T* k, const T* v) {
  tile_pack_transposed(w.k_transposed, s.wide, k + offset(s.lk), s.row, s.lk, s.d);
  tile_pack_transposed(w.v_transposed, s.wide, v + offset(s.lk), s.row, s.lk, s.d);
  tile_pack(w.k_packed, s.narrow, k + offset(s.lk), s.row, s.lk, s.d);
  std::fill_n(w.d_k, s.lk * s.narrow, T(0));
  std::fill_n(w.d_v, s.lk * s.narrow, T(0));
  std::fill_n(w.diagonal, s.lq + s.lk, T(0));
  const T* sums = log_sum + (sequence * s.heads + head) * s.lq;
  for (int64_t begin = 0; begin < s.lq; begin += kQueryRows) {
    const int64_t rows = std::min(kQueryRows, s.lq - begin), keys = block_keys(begin, rows);
    const int64_t start = offset(s.lq) + begin * s.row;
    raw_scores(q, begin, rows, keys);
    tile_product(w.d_scores, s.wide, d_out + start, s.row, int64_t{1}, w.v_transposed, s.wide, rows,
                 tile_width<T>(keys), s.d, false);
    for (int64_t r = 0; r < rows; ++r) {
      const T *a = d_out + start + r * s.row, *b = out + start + r * s.row;
      T dot = 0;
#pragma omp simd reduction(+ : dot)
      for (int64_t c = 0; c < s.d; ++c) dot += a[c] * b[c];
      backward_row(r, begin + r, keys, sums[begin + r], dot);
    }
    tile_pack(w.q_packed, s.narrow, q + start, s.row, rows, s.d);
    tile_pack(w.d_out_packed, s.narrow, d_out + start, s.row, rows, s.d);
    tile_product(w.d_v, s.narrow, w.scores, int64_t{1}, s.wide, w.d_out_packed, s.narrow, keys,
                 s.width_d, rows, true);
    tile_product(w.d_k, s.narrow, w.d_scores, int64_t{1}, s.wide, w.q_packed, s.narrow, keys,
                 s.width_d, rows, true);
    tile_product(w.result, s.narrow, w.d_scores, s.wide, int64_t{1}, w.k_packed, s.narrow, rows,
                 s.width_d, keys, false);
    for (int64_t r = 0; r < rows; ++r) {
      std::copy_n(w.result + r * s.narrow, s.d, d_q + start + r * s.row);
    }
  }
  for (int64_t j = 0; j < s.lk; ++j) {
    std::copy_n(w.d_k + j * s.narrow, s.d, d_k + offset(s.lk) + j * s.row);
    std::copy_n(w.d_v + j * s.narrow, s.d, d_v + offset(s.lk) + j * s.row);
  }
}

// d_bias [num_buckets] of this head and sequence from the sums along diagonals.
template <class T>
void Head<T>::fold_diagonal(T* d_bias, const int32_t* buckets, int64_t num_buckets) const {
  std::fill_n(d_bias, num_buckets, T(0));
  for (int64_t x = 0; x < s.lq + s.lk - 1; ++x) d_bias[buckets[x]] += w.diagonal[x];
}

void fill_buckets(Tensor buckets, int64_t lq, int64_t num_buckets, const AttentionSpec& spec) {
  int32_t* bucket = buckets.data<int32_t>();
  for (int64_t x = 0; x < buckets.numel(); ++x) {
    bucket[x] = relative_bucket(x - (lq - 1), spec.bidirectional, static_cast<int>(num_buckets),
                                spec.max_distance);
  }
}

// Runs body(head, work) for every (sequence, head), each on one thread.
template <class T, class Body>
void for_each_head(Exec& exec, const Sizes<T>& sizes, Tensor bias_table, Tensor key_lengths,
                   const AttentionSpec& spec, const AttentionScratch& scratch, bool backward,
                   Body&& body) {
  const int64_t count = key_lengths.numel() * sizes.heads;
  for (int64_t b = 0; b < key_lengths.numel(); ++b) {
    const int64_t length = key_lengths.data<int32_t>()[b];
    SY_CHECK(length >= 0 && length <= sizes.lk, "attention: sequence {} has {} of {} keys", b,
             length, sizes.lk);
  }
  if (!bias_table.empty()) fill_buckets(scratch.buckets, sizes.lq, bias_table.dim(0), spec);
#pragma omp parallel for schedule(dynamic, 1) num_threads(exec.threads)
  for (int64_t index = 0; index < count; ++index) {
    Work<T> work(scratch.work.data<T>() + omp_get_thread_num() * scratch.work.dim(1), sizes,
                 backward);
    const int64_t sequence = index / sizes.heads;
    Head<T> head{sizes,
                 spec,
                 sequence,
                 index % sizes.heads,
                 key_lengths.data<int32_t>()[sequence],
                 work,
                 !bias_table.empty()};
    if (head.has_bias) head.load_bias(bias_table.data<T>(), scratch.buckets.data<int32_t>());
    body(head);
  }
}

}  // namespace

template <class T>
struct AttentionImpl<Backend::cpu, T> {
  static int64_t work_elements(int64_t lq, int64_t lk, int64_t d_kv, bool backward) {
    return Work<T>(nullptr, Sizes<T>(1, lq, lk, d_kv), backward).elements;
  }

  static void forward(Exec& exec, Tensor out, Tensor log_sum, Tensor q, Tensor k, Tensor v,
                      Tensor bias_table, Tensor key_lengths, const AttentionSpec& spec,
                      const AttentionScratch& scratch) {
    const Sizes<T> sizes(q.dim(2), q.dim(1), k.dim(1), q.dim(3));
    for_each_head<T>(
        exec, sizes, bias_table, key_lengths, spec, scratch, false, [&](Head<T>& head) {
          head.forward(out.data<T>(), log_sum.data<T>(), q.data<T>(), k.data<T>(), v.data<T>());
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
                    log_sum.data<T>(), q.data<T>(), k.data<T>(), v.data<T>());
      if (!head.has_bias) return;
      const int64_t place = (head.sequence * sizes.heads + head.head) * num_buckets;
      head.fold_diagonal(scratch.d_bias.data<T>() + place, buckets, num_buckets);
    });
    if (num_buckets == 0) return;
    // Sequences are added in order: the same sum whatever the threads.
    T* table = d_bias_table.data<T>();
    const T* partial = scratch.d_bias.data<T>();
    for (int64_t index = 0; index < q.dim(0) * sizes.heads; ++index) {
      for (int64_t b = 0; b < num_buckets; ++b) {
        table[b * sizes.heads + index % sizes.heads] += partial[index * num_buckets + b];
      }
    }
  }
};

template struct AttentionImpl<Backend::cpu, float>;
template struct AttentionImpl<Backend::cpu, double>;

}  // namespace sy
