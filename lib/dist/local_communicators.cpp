// SPDX-License-Identifier: Apache-2.0
// Communicators without MPI: a group of one rank, and a planned group that only checks arguments.
#include <cstring>

#include "lib/dist/argument_checks.h"

namespace sy {
namespace {

// The request of a collective that completes at once.
class DoneRequest final : public Request {
 public:
  bool test() override { return true; }
  void wait() override {}
  void release() override {}
};

class SelfCommunicator : public Communicator {
 public:
  explicit SelfCommunicator(std::string name) : name_(std::move(name)) {}

  int rank() const override { return 0; }
  int size() const override { return 1; }
  const std::string& name() const override { return name_; }

  void all_reduce_sum(Tensor tensor, const char* label) override {
    detail::check_reduction(tensor, label);
    detail::check_memory({tensor}, label);
  }
  void all_reduce_max(Tensor tensor, const char* label) override {
    detail::check_reduction(tensor, label);
    detail::check_memory({tensor}, label);
  }
  RequestPtr start_all_reduce_sum(Tensor tensor, const char* label) override {
    detail::check_reduction(tensor, label);
    detail::check_memory({tensor}, label);
    return RequestPtr(&done_);
  }
  RequestPtr start_reduce_scatter_sum(Tensor tensor, const std::vector<RowRange>& pieces,
                                      const char* label) override {
    detail::check_reduction(tensor, label);
    return start_all_gather(tensor, pieces, label);
  }
  RequestPtr start_all_gather(Tensor tensor, const std::vector<RowRange>& pieces,
                              const char* label) override {
    detail::check_pieces(tensor, pieces, 1, label);
    detail::check_memory({tensor}, label);
    return RequestPtr(&done_);
  }
  void all_to_all(Tensor recv, Tensor send, const char* label) override {
    detail::check_all_to_all(recv, send, 1, label);
    detail::check_memory({recv, send}, label);
    copy(recv, send, send.bytes());
  }
  RequestPtr start_all_to_all_rows(Tensor recv, const std::vector<RowRange>& receives, Tensor send,
                                   const std::vector<RowRange>& sends, const char* label) override {
    detail::check_rows(recv, receives, send, sends, *this, label);
    detail::check_memory({recv, send}, label);
    for (size_t block = 0; block < sends.size(); ++block) {
      const Tensor rows = send.slice(sends[block].first, sends[block].count);
      copy(recv.slice(receives[block].first, receives[block].count), rows, rows.bytes());
    }
    return RequestPtr(&done_);
  }
  void all_gather(Tensor recv, Tensor send, const char* label) override {
    detail::check_all_gather(recv, send, 1, label);
    detail::check_memory({recv, send}, label);
    copy(recv, send, send.bytes());
  }
  void reduce_scatter_sum(Tensor recv, Tensor send, const char* label) override {
    detail::check_reduce_scatter(recv, send, 1, label);
    detail::check_memory({recv, send}, label);
    copy(recv, send, send.bytes());
  }
  void broadcast(Tensor, int root, const char* label) override {
    SY_CHECK(root == 0, "{}: root {} of 1 rank", label, root);
  }
  void barrier(const char*) override {}
  std::unique_ptr<Communicator> split(int, const std::string& name) override {
    return std::make_unique<SelfCommunicator>(name);
  }

 private:
  static void copy(Tensor recv, Tensor send, int64_t bytes) {
    if (bytes > 0) std::memcpy(recv.raw(), send.raw(), static_cast<size_t>(bytes));
  }

  std::string name_;
  DoneRequest done_;
};

class PlannedCommunicator final : public Communicator {
 public:
  PlannedCommunicator(std::string name, int rank, int size)
      : name_(std::move(name)), rank_(rank), size_(size) {
    SY_CHECK(rank >= 0 && rank < size, "rank {} of {} in group {}", rank, size, name_);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  const std::string& name() const override { return name_; }

  void all_reduce_sum(Tensor tensor, const char* label) override {
    detail::check_reduction(tensor, label);
  }
  void all_reduce_max(Tensor tensor, const char* label) override {
    detail::check_reduction(tensor, label);
  }
  RequestPtr start_all_reduce_sum(Tensor tensor, const char* label) override {
    detail::check_reduction(tensor, label);
    return RequestPtr(&done_);
  }
  RequestPtr start_reduce_scatter_sum(Tensor tensor, const std::vector<RowRange>& pieces,
                                      const char* label) override {
    detail::check_reduction(tensor, label);
    return start_all_gather(tensor, pieces, label);
  }
  RequestPtr start_all_gather(Tensor tensor, const std::vector<RowRange>& pieces,
                              const char* label) override {
    detail::check_pieces(tensor, pieces, size_, label);
    return RequestPtr(&done_);
  }
  void all_to_all(Tensor recv, Tensor send, const char* label) override {
    detail::check_all_to_all(recv, send, size_, label);
  }
  RequestPtr start_all_to_all_rows(Tensor recv, const std::vector<RowRange>& receives, Tensor send,
                                   const std::vector<RowRange>& sends, const char* label) override {
    detail::check_rows(recv, receives, send, sends, *this, label);
    return RequestPtr(&done_);
  }
  void all_gather(Tensor recv, Tensor send, const char* label) override {
    detail::check_all_gather(recv, send, size_, label);
  }
  void reduce_scatter_sum(Tensor recv, Tensor send, const char* label) override {
    detail::check_reduce_scatter(recv, send, size_, label);
  }
  void broadcast(Tensor, int root, const char* label) override {
    SY_CHECK(root >= 0 && root < size_, "{}: root {} of {} ranks", label, root, size_);
  }
  void barrier(const char*) override {}

  std::unique_ptr<Communicator> split(int, const std::string& name) override {
    SY_CHECK(false, "{} cannot be split off a planned group: the colors of others are not known",
             name);
    return nullptr;
  }

 private:
  std::string name_;
  int rank_, size_;
  DoneRequest done_;
};

}  // namespace

std::unique_ptr<Communicator> make_planned_communicator(std::string name, int rank, int size) {
  return std::make_unique<PlannedCommunicator>(std::move(name), rank, size);
}

std::unique_ptr<Communicator> make_self_communicator() {
  return std::make_unique<SelfCommunicator>("world");
}

}  // namespace sy
