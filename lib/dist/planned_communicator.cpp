#include "lib/dist/planned_communicator.h"

#include "lib/dist/argument_checks.h"
#include "lib/dist/done_request.h"

namespace sy {
namespace {

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
  detail::DoneRequest done_;
};

}  // namespace

std::unique_ptr<Communicator> make_planned_communicator(std::string name, int rank, int size) {
  return std::make_unique<PlannedCommunicator>(std::move(name), rank, size);
}

}  // namespace sy
