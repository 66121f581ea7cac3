// One thread owns one (sequence, head) at a time and walks over blocks of query rows; the block's
// scores live in its tile and nowhere else.
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/attention.h"
#include "kernels/philox_fill.h"
#include "kernels/relative_bucket.h"
#include "kernels/tile_operand.h"
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

// A thread's work area, carved. Operands of products are words, what they give is Compute<T>; both
// take as many bytes an element. Backward's tail is unused in forward.
template <class T>
struct Work {
  using C = Compute<T>;
  static_assert(sizeof(C) == sizeof(Word<T>));

  Word<T>*k_transposed, *v_packed, *left;
  C *scores, *result, *bias, *mask;
  Word<T>*v_transposed, *k_packed, *q_packed, *d_out_packed;
  C *d_scores, *d_k, *d_v, *diagonal;
  int64_t elements = 0;

  Work(C* memory, const Sizes<T>& s, bool backward) {
    const auto take = [&](auto*& place, int64_t count) {
      C* start = memory == nullptr ? nullptr : memory + elements;
      place = reinterpret_cast<std::remove_reference_t<decltype(place)>>(start);
      elements +=
          (count + TileVector<T>::kLanes - 1) / TileVector<T>::kLanes * TileVector<T>::kLanes;
    };
    const int64_t depth = tile_words<T>(s.d), keys = tile_words<T>(s.lk);
    const int64_t queries = tile_words<T>(kQueryRows);
    take(k_transposed, depth * s.wide);
    take(v_packed, keys * s.narrow);
    // The one left operand that is packed at a time, where memory cannot serve as it is.
    take(left, TileWord<T>::kDepth == 1 ? 0 : kQueryRows * std::max(depth, keys));
    take(scores, kQueryRows * s.wide);
    take(result, kQueryRows * s.narrow);
    take(bias, s.lq + s.lk);
    take(mask, s.lk);
    if (!backward) return;
    take(v_transposed, depth * s.wide);
    take(k_packed, keys * s.narrow);
    take(d_scores, kQueryRows * s.wide);
    take(q_packed, queries * s.narrow);
    take(d_out_packed, queries * s.narrow);
    take(d_k, s.lk * s.narrow);
    take(d_v, s.lk * s.narrow);
    take(diagonal, s.lq + s.lk);
  }
};

// out [rows, cols] with rows `stride` apart = a result, rounded.
template <class T>
void store(T* out, int64_t stride, const Compute<T>* result, int64_t ld, int64_t rows,
           int64_t cols) {
  for (int64_t r = 0; r < rows; ++r) {
    T* to = out + r * stride;
    const Compute<T>* from = result + r * ld;
#pragma omp simd
    for (int64_t c = 0; c < cols; ++c) put(to[c], from[c]);
  }
}

// One head of one sequence: where its data lies and which keys a query sees.
template <class T>
struct Head {
  using C = Compute<T>;

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
  void load_bias(const C* table, const int32_t* buckets) const {
    for (int64_t x = 0; x < s.lq + s.lk - 1; ++x) w.bias[x] = table[buckets[x] * s.heads + head];
  }

  // w.mask[0 .. count) = dropout's factors of row i.
  void load_mask(int64_t i, int64_t count) const {
    const C keep = C(1) / (C(1) - static_cast<C>(spec.dropout_rate));
    const float rate = spec.dropout_rate;
    const int64_t heads = spec.num_heads == 0 ? s.heads : spec.num_heads;
    const int64_t matrix = (spec.first_sequence + sequence) * heads + spec.first_head + head;
    const uint64_t first = static_cast<uint64_t>(matrix * s.lq * s.lk + i * s.lk);
    C* mask = w.mask;
    for_each_uniform(spec.dropout_key, first, count,
                     [=](int64_t j, float u) { mask[j] = u >= rate ? keep : C(0); });
  }

  // out [rows, keys] = x y^T for `rows` rows of x, no bias; y's tile is packed.
  void row_products(C* out, const T* x, const Word<T>* y_transposed, int64_t rows,
                    int64_t keys) const {
    const TileLeft<T> left = tile_left<T>(w.left, x, s.row, rows, s.d);
    tile_product<T>(out, s.wide, left.data, left.row, left.col, y_transposed, s.wide, rows,
                    tile_width<T>(keys), left.k, false);
  }

  // out [rows of left, d] (+)= left right, right a tile of d columns.
  void column_products(C* out, const TileLeft<T>& left, const Word<T>* right, int64_t rows,
                       bool accumulate) const {
    tile_product<T>(out, s.narrow, left.data, left.row, left.col, right, s.narrow, rows, s.width_d,
                    left.k, accumulate);
  }

  void add_bias(C* row, int64_t i, int64_t keys) const {
    if (!has_bias) return;
    const C* bias = w.bias + (s.lq - 1 - i);
#pragma omp simd
    for (int64_t j = 0; j < keys; ++j) row[j] += bias[j];
  }

  // Keys that the block's last query sees: columns of the block's products.
  int64_t block_keys(int64_t begin, int64_t rows) const {
    return visible(begin + rows - 1);
  }

  void forward(T* out, C* log_sum, const T* q, const T* k, const T* v);
  void softmax_row(C* row, C* log_sum, int64_t i, int64_t columns) const;
  void backward(T* d_q, T* d_k, T* d_v, const T* d_out, const T* out, const C* log_sum, const T* q,
                const T* k, const T* v);
  void backward_row(int64_t r, int64_t i, int64_t columns, C log_sum, C dot) const;
  void fold_diagonal(C* d_bias, const int32_t* buckets, int64_t num_buckets) const;
};

// Scores of query i to dropped-out probabilities, zero where no key is seen.
template <class T>
void Head<T>::softmax_row(C* row, C* log_sum, int64_t i, int64_t columns) const {
  const int64_t keys = visible(i);
  add_bias(row, i, keys);
  C largest = -std::numeric_limits<C>::infinity();
#pragma omp simd reduction(max : largest)
  for (int64_t j = 0; j < keys; ++j) largest = row[j] > largest ? row[j] : largest;
  C total = 0;
#pragma omp simd reduction(+ : total)
  for (int64_t j = 0; j < keys; ++j) {
    row[j] = vector_exp(row[j] - largest);
    total += row[j];
  }
  *log_sum = keys == 0 ? C(0) : largest + std::log(total);
  const C inverse = keys == 0 ? C(0) : C(1) / total;
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
void Head<T>::forward(T* out, C* log_sum, const T* q, const T* k, const T* v) {
  tile_right_transposed<T>(w.k_transposed, s.wide, k + offset(s.lk), s.row, s.lk, s.d);
  tile_right<T>(w.v_packed, s.narrow, v + offset(s.lk), s.row, s.lk, s.d);
  C* sums = log_sum + (sequence * s.heads + head) * s.lq;
  for (int64_t begin = 0; begin < s.lq; begin += kQueryRows) {
    const int64_t rows = std::min(kQueryRows, s.lq - begin), keys = block_keys(begin, rows);
    const int64_t start = offset(s.lq) + begin * s.row;
    row_products(w.scores, q + start, w.k_transposed, rows, keys);
    for (int64_t r = 0; r < rows; ++r) {
      softmax_row(w.scores + r * s.wide, sums + begin + r, begin + r, keys);
    }
    column_products(w.result, tile_left_of_result<T>(w.left, w.scores, s.wide, rows, keys),
                    w.v_packed, rows, false);
    store(out + start, s.row, w.result, s.narrow, rows, s.d);
  }
}

// Row r of the block (query i): scores become dropped-out probabilities (for d_v), d_scores, which
// hold d_out v^T, become the gradient of the scores.
//   p = exp(s - log_sum),  d_s = p (mask d_p - dot),  dot = sum_c d_out_c out_c
template <class T>
void Head<T>::backward_row(int64_t r, int64_t i, int64_t columns, C log_sum, C dot) const {
  C *p = w.scores + r * s.wide, *ds = w.d_scores + r * s.wide;
  const int64_t keys = visible(i);
  add_bias(p, i, keys);
  if (spec.dropout_rate > 0) {
    load_mask(i, keys);
#pragma omp simd
    for (int64_t j = 0; j < keys; ++j) {
      const C prob = vector_exp(p[j] - log_sum);
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
  C* diagonal = w.diagonal + (s.lq - 1 - i);
#pragma omp simd
  for (int64_t j = 0; j < keys; ++j) diagonal[j] += ds[j];
}

template <class T>
void Head<T>::backward(T* d_q, T* d_k, T* d_v, const T* d_out, const T* out, const C* log_sum,
                       const T* q, const T* k, const T* v) {
  const int64_t keys_at = offset(s.lk);
  tile_right_transposed<T>(w.k_transposed, s.wide, k + keys_at, s.row, s.lk, s.d);
  tile_right_transposed<T>(w.v_transposed, s.wide, v + keys_at, s.row, s.lk, s.d);
  tile_right<T>(w.k_packed, s.narrow, k + keys_at, s.row, s.lk, s.d);
  std::fill_n(w.d_k, s.lk * s.narrow, C(0));
  std::fill_n(w.d_v, s.lk * s.narrow, C(0));
  std::fill_n(w.diagonal, s.lq + s.lk, C(0));
  const C* sums = log_sum + (sequence * s.heads + head) * s.lq;
  for (int64_t begin = 0; begin < s.lq; begin += kQueryRows) {
    const int64_t rows = std::min(kQueryRows, s.lq - begin), keys = block_keys(begin, rows);
    const int64_t start = offset(s.lq) + begin * s.row;
    row_products(w.scores, q + start, w.k_transposed, rows, keys);
    row_products(w.d_scores, d_out + start, w.v_transposed, rows, keys);
    for (int64_t r = 0; r < rows; ++r) {
      const T *a = d_out + start + r * s.row, *b = out + start + r * s.row;
      C dot = 0;
#pragma omp simd reduction(+ : dot)
      for (int64_t c = 0; c < s.d; ++c) dot += C(a[c]) * C(b[c]);
      backward_row(r, begin + r, keys, sums[begin + r], dot);
    }
    tile_right<T>(w.q_packed, s.narrow, q + start, s.row, rows, s.d);
    tile_right<T>(w.d_out_packed, s.narrow, d_out + start, s.row, rows, s.d);
    column_products(w.d_v, tile_left_transposed<T>(w.left, w.scores, s.wide, rows, keys),
                    w.d_out_packed, keys, true);
    column_products(w.d_k, tile_left_transposed<T>(w.left, w.d_scores, s.wide, rows, keys),
                    w.q_packed, keys, true);
    column_products(w.result, tile_left_of_result<T>(w.left, w.d_scores, s.wide, rows, keys),
                    w.k_packed, rows, false);
    store(d_q + start, s.row, w.result, s.narrow, rows, s.d);
  }
  store(d_k + keys_at, s.row, w.d_k, s.narrow, s.lk, s.d);
  store(d_v + keys_at, s.row, w.d_v, s.narrow, s.lk, s.d);
}

// d_bias [num_buckets] of this head and sequence from the sums along diagonals.
template <class T>
void Head<T>::fold_diagonal(C* d_bias, const int32_t* buckets, int64_t num_buckets) const {
  std::fill_n(d_bias, num_buckets, C(0));
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
    Work<T> work(scratch.work.data<Compute<T>>() + omp_get_thread_num() * scratch.work.dim(1),
                 sizes, backward);
    const int64_t sequence = index / sizes.heads;
    Head<T> head{sizes,
                 spec,
                 sequence,
                 index % sizes.heads,
                 key_lengths.data<int32_t>()[sequence],
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
    // Sequences are added in order: the same sum whatever the threads.
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
