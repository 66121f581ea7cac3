// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/planned_world.h"

#include <algorithm>

#include "lib/dist/mesh_groups.h"

namespace sy {
namespace {

// A planned group that tells a listener of each call before it passes it on.
class HeardCommunicator final : public Communicator {
 public:
  HeardCommunicator(const std::string& name, const MeshPlace& place, Traffic& traffic,
                    CallListener* listener)
      : place_(place), traffic_(traffic), listener_(listener) {
    const std::vector<int> ranks = group_ranks(name, place);
    const auto here = std::ranges::find(ranks, place.rank) - ranks.begin();
    group_ = make_counting_communicator(
        make_planned_communicator(name, static_cast<int>(here), static_cast<int>(ranks.size())),
        traffic);
  }

  int rank() const override { return group_->rank(); }
  int size() const override { return group_->size(); }
  const std::string& name() const override { return group_->name(); }

  void all_reduce_sum(Tensor tensor, const char* label) override {
    hear("all_reduce_sum", label, tensor);
    group_->all_reduce_sum(tensor, label);
  }
  void all_reduce_max(Tensor tensor, const char* label) override {
    hear("all_reduce_max", label, tensor);
    group_->all_reduce_max(tensor, label);
  }
  RequestPtr start_all_reduce_sum(Tensor tensor, const char* label) override {
    hear("all_reduce_sum", label, tensor);
    return group_->start_all_reduce_sum(tensor, label);
  }
  RequestPtr start_reduce_scatter_sum(Tensor tensor, const std::vector<RowRange>& pieces,
                                      const char* label) override {
    hear("reduce_scatter_sum", label, tensor, {.pieces = pieces});
    return group_->start_reduce_scatter_sum(tensor, pieces, label);
  }
  RequestPtr start_all_gather(Tensor tensor, const std::vector<RowRange>& pieces,
                              const char* label) override {
    hear("all_gather", label, tensor, {.pieces = pieces});
    return group_->start_all_gather(tensor, pieces, label);
  }
  void all_to_all(Tensor recv, Tensor send, const char* label) override {
    hear("all_to_all", label, send);
    group_->all_to_all(recv, send, label);
  }
  RequestPtr start_all_to_all_rows(Tensor recv, const std::vector<RowRange>& receives, Tensor send,
                                   const std::vector<RowRange>& sends, const char* label) override {
    hear("all_to_all_rows", label, send, {.sends = sends, .receives = receives});
    return group_->start_all_to_all_rows(recv, receives, send, sends, label);
  }
  void all_gather(Tensor recv, Tensor send, const char* label) override {
    hear("all_gather", label, send);
    group_->all_gather(recv, send, label);
  }
  void reduce_scatter_sum(Tensor recv, Tensor send, const char* label) override {
    hear("reduce_scatter_sum", label, send);
    group_->reduce_scatter_sum(recv, send, label);
  }
  void broadcast(Tensor tensor, int root, const char* label) override {
    hear("broadcast", label, tensor, {.root = root});
    group_->broadcast(tensor, root, label);
  }
  void barrier(const char* label) override {
    hear("barrier", label, {});
    group_->barrier(label);
  }

  std::unique_ptr<Communicator> split(int, const std::string& name) override {
    return std::make_unique<HeardCommunicator>(name, place_, traffic_, listener_);
  }

 private:
  // The ragged all-to-all agrees on the elements of a row, everything else on those of the tensor.
  void hear(const char* collective, const char* label, Tensor tensor, PlannedCall call = {}) {
    if (listener_ == nullptr || size() == 1) return;
    call.group = name();
    call.ranks = size();
    call.collective = collective;
    call.label = label;
    call.dtype = tensor.dtype();
    call.count = call.sends.empty() ? tensor.numel() : tensor.shape().without_first().numel();
    listener_->on_call(call);
  }

  MeshPlace place_;
  Traffic& traffic_;
  CallListener* listener_;
  std::unique_ptr<Communicator> group_;
};

}  // namespace

std::unique_ptr<Communicator> make_planned_world(const MeshPlace& place, Traffic& traffic,
                                                 CallListener* listener) {
  return std::make_unique<HeardCommunicator>("world", place, traffic, listener);
}

}  // namespace sy
