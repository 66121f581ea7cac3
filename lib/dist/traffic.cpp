// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/traffic.h"

#include <numeric>
#include <vector>

namespace sy {
namespace {

class CountingCommunicator final : public Communicator {
 public:
  // `own` holds `group` if nobody else owns it.
  CountingCommunicator(Communicator& group, Traffic& traffic, std::unique_ptr<Communicator> own)
      : own_(std::move(own)), group_(group), traffic_(traffic) {}

  int rank() const override { return group_.rank(); }
  int size() const override { return group_.size(); }
  const std::string& name() const override { return group_.name(); }

  void all_reduce_sum(Tensor tensor, const char* label) override {
    count("all_reduce_sum", label, tensor.bytes());
    group_.all_reduce_sum(tensor, label);
  }
  void all_reduce_max(Tensor tensor, const char* label) override {
    count("all_reduce_max", label, tensor.bytes());
    group_.all_reduce_max(tensor, label);
  }
  RequestPtr start_all_reduce_sum(Tensor tensor, const char* label) override {
    count("all_reduce_sum", label, tensor.bytes());
    return group_.start_all_reduce_sum(tensor, label);
  }
  RequestPtr start_reduce_scatter_sum(Tensor tensor, const std::vector<RowRange>& pieces,
                                      const char* label) override {
    count("reduce_scatter_sum", label, tensor.bytes() - own_piece(tensor, pieces));
    return group_.start_reduce_scatter_sum(tensor, pieces, label);
  }
  RequestPtr start_all_gather(Tensor tensor, const std::vector<RowRange>& pieces,
                              const char* label) override {
    count("all_gather", label, own_piece(tensor, pieces));
    return group_.start_all_gather(tensor, pieces, label);
  }
  void all_to_all(Tensor recv, Tensor send, const char* label) override {
    count("all_to_all", label, send.bytes() / size() * (size() - 1));
    group_.all_to_all(recv, send, label);
  }
  RequestPtr start_all_to_all_rows(Tensor recv, const std::vector<RowRange>& receives, Tensor send,
                                   const std::vector<RowRange>& sends, const char* label) override {
    count("all_to_all_rows", label, bytes_for_others(send, sends));
    return group_.start_all_to_all_rows(recv, receives, send, sends, label);
  }
  void all_gather(Tensor recv, Tensor send, const char* label) override {
    count("all_gather", label, send.bytes());
    group_.all_gather(recv, send, label);
  }
  void reduce_scatter_sum(Tensor recv, Tensor send, const char* label) override {
    count("reduce_scatter_sum", label, send.bytes() / size() * (size() - 1));
    group_.reduce_scatter_sum(recv, send, label);
  }
  void broadcast(Tensor tensor, int root, const char* label) override {
    count("broadcast", label, root == rank() ? tensor.bytes() : 0);
    group_.broadcast(tensor, root, label);
  }
  void barrier(const char* label) override { group_.barrier(label); }

  std::unique_ptr<Communicator> split(int color, const std::string& name) override {
    return make_counting_communicator(group_.split(color, name), traffic_);
  }

 private:
  void count(const char* collective, const char* label, int64_t bytes) {
    if (size() > 1) traffic_.add({name(), collective, label}, {1, bytes});
  }

  int64_t own_piece(Tensor tensor, const std::vector<RowRange>& pieces) const {
    return tensor.dim(0) == 0
               ? 0
               : tensor.bytes() / tensor.dim(0) * pieces.at(static_cast<size_t>(rank())).count;
  }

  int64_t bytes_for_others(Tensor send, const std::vector<RowRange>& sends) const {
    if (send.dim(0) == 0) return 0;
    const auto each = std::ssize(sends) / size();
    const auto rows = [](auto begin, auto end) {
      return std::accumulate(begin, end, int64_t{0},
                             [](int64_t sum, const RowRange& range) { return sum + range.count; });
    };
    const auto own = sends.begin() + rank() * each;
    return (rows(sends.begin(), sends.end()) - rows(own, own + each)) *
           (send.bytes() / send.dim(0));
  }

  const std::unique_ptr<Communicator> own_;
  Communicator& group_;
  Traffic& traffic_;
};

}  // namespace

void Traffic::add(const TrafficKey& key, TrafficCount count) {
  TrafficCount& record = records_[key];
  record.calls += count.calls;
  record.bytes += count.bytes;
}

void Traffic::add(const Traffic& other, int64_t times) {
  for (const auto& [key, count] : other.records_) {
    add(key, {count.calls * times, count.bytes * times});
  }
}

int64_t Traffic::bytes() const {
  int64_t total = 0;
  for (const auto& [key, count] : records_) total += count.bytes;
  return total;
}

std::unique_ptr<Communicator> make_counting_communicator(Communicator& group, Traffic& traffic) {
  return std::make_unique<CountingCommunicator>(group, traffic, nullptr);
}

std::unique_ptr<Communicator> make_counting_communicator(std::unique_ptr<Communicator> group,
                                                         Traffic& traffic) {
  Communicator& counted = *group;
  return std::make_unique<CountingCommunicator>(counted, traffic, std::move(group));
}

}  // namespace sy
