// SPDX-License-Identifier: Apache-2.0
// A group with only this rank that records which all-reduces are started, and which tensors are
// broadcast, and does nothing else.
#pragma once

#include <vector>

#include "lib/dist/mesh.h"

namespace sy::test {

class RecordingGroup final : public Communicator {
 public:
  using Rows = std::vector<RowRange>;
  struct Start {
    std::string group;
    Tensor tensor;
  };

  // Rank 0 of the world of `mesh`. Its groups record in `starts`, and broadcasts in `broadcasts`.
  RecordingGroup(MeshShape mesh, std::vector<Start>& starts, std::vector<Start>& broadcasts,
                 std::string name = "world")
      : mesh_(mesh), starts_(starts), broadcasts_(broadcasts), name_(std::move(name)) {}

  int rank() const override { return 0; }
  int size() const override {
    if (name_ == "data") return mesh_.data();
    if (name_ == "expert") return mesh_.expert;
    if (name_ == "replicas") return mesh_.replicas();
    return name_ == "model" ? mesh_.model : mesh_.ranks;
  }
  const std::string& name() const override { return name_; }
  std::unique_ptr<Communicator> split(int, const std::string& name) override {
    return std::make_unique<RecordingGroup>(mesh_, starts_, broadcasts_, name);
  }
  RequestPtr start_all_reduce_sum(Tensor tensor, const char*) override {
    starts_.push_back({name_, tensor});
    return RequestPtr(new Done);
  }
  RequestPtr start_reduce_scatter_sum(Tensor tensor, const Rows&, const char*) override {
    starts_.push_back({name_, tensor});
    return RequestPtr(new Done);
  }
  RequestPtr start_all_gather(Tensor, const Rows&, const char*) override { return unexpected(); }

  void all_reduce_sum(Tensor, const char*) override { unexpected(); }
  void all_reduce_max(Tensor, const char*) override { unexpected(); }
  void all_to_all(Tensor, Tensor, const char*) override { unexpected(); }
  RequestPtr start_all_to_all_rows(Tensor, const Rows&, Tensor, const Rows&, const char*) override {
    return unexpected();
  }
  void all_gather(Tensor, Tensor, const char*) override { unexpected(); }
  void reduce_scatter_sum(Tensor, Tensor, const char*) override { unexpected(); }
  void broadcast(Tensor tensor, int, const char*) override {
    broadcasts_.push_back({name_, tensor});
  }
  void barrier(const char*) override { unexpected(); }

 private:
  struct Done final : Request {
    bool test() override { return true; }
    void wait() override {}
    void release() override { delete this; }
  };
  static RequestPtr unexpected() {
    SY_CHECK(false, "only sums are started here");
    return nullptr;
  }

  MeshShape mesh_;
  std::vector<Start>& starts_;
  std::vector<Start>& broadcasts_;
  std::string name_;
};

}  // namespace sy::test
