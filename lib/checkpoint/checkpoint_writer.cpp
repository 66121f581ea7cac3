// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <future>

#include "lib/base/log.h"
#include "lib/checkpoint/checkpoint.h"
#include "lib/checkpoint/commit.h"
#include "lib/checkpoint/durable.h"
#include "lib/checkpoint/layout.h"
#include "lib/checkpoint/shard.h"
#include "lib/tensor/arena.h"

namespace sy {
using namespace checkpoint;
namespace {

std::vector<CheckpointTensor> written_here(const std::vector<CheckpointTensor>& tensors) {
  std::vector<CheckpointTensor> written;
  for (const CheckpointTensor& tensor : tensors) {
    check_tensor(tensor);
    if (tensor.write) written.push_back(tensor);
  }
  return written;
}

// The same tensors with memory from the arena.
std::vector<CheckpointTensor> carve(Arena& arena, std::vector<CheckpointTensor> tensors) {
  for (CheckpointTensor& tensor : tensors) {
    tensor.local = arena.take(tensor.local.dtype(), tensor.local.shape(), tensor.name);
  }
  return tensors;
}

bool same_layout(const std::vector<CheckpointTensor>& a, const std::vector<CheckpointTensor>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.name == y.name && x.local.dtype() == y.local.dtype() && x.global == y.global &&
           x.slab == y.slab;
  });
}

// Used to remove old folders: failing to do so costs disk space and nothing else.
template <class Work>
void warn_on_failure(const Work& work) {
  try {
    work();
  } catch (const RuntimeFailure& failure) {
    log::warning(failure.what());
  }
}

// What cannot be read back while it is being written was moved or spoilt by somebody during the
// run, and is no old data at fault.
template <class Work>
void fail_as_run(const Work& work) {
  try {
    work();
  } catch (const DataError& fault) {
    throw RuntimeFailure(fault.what());
  }
}

}  // namespace

struct CheckpointWriter::Impl {
  enum class State : uint8_t { idle, writing, written };

  std::string folder;
  Origin origin;
  int64_t keep;
  std::vector<int64_t> spared;
  State state = State::idle;
  std::unique_ptr<Arena> arena;
  std::vector<CheckpointTensor> staged;
  CheckpointMeta meta;
  std::future<void> writing, clearing;  // their destructors wait

  std::string partial() const { return folder + "/" + partial_name(meta.step); }

  void stage(const std::vector<CheckpointTensor>& tensors, const CheckpointCopy& copy) {
    const std::vector<CheckpointTensor> written = written_here(tensors);
    if (arena == nullptr || !same_layout(written, staged)) {
      staged.clear();
      arena = std::make_unique<Arena>("the checkpoint's staging copy");
      carve(*arena, written);
      arena->allocate();
      staged = carve(*arena, written);
    }
    for (size_t i = 0; i < written.size(); ++i) {
      if (written[i].local.bytes() == 0) continue;
      if (copy) {
        copy(staged[i].local, written[i].local);
        continue;
      }
      std::memcpy(staged[i].local.raw(), written[i].local.raw(),
                  static_cast<size_t>(written[i].local.bytes()));
    }
  }

  // Runs on the writing thread. Nothing else uses `staged`, `meta` or `origin` until it is done.
  void write() const {
    fail_as_run([this] {
      write_shard_record(partial(), write_shard_file(partial(), origin, staged, meta));
    });
  }

  // Sets aside the checkpoints that are not kept, and deletes them while training continues.
  void clear() {
    if (clearing.valid()) clearing.wait();
    warn_on_failure([&] { retire(folder, meta.step, keep, spared); });
    clearing = std::async(std::launch::async,
                          [folder = folder] { warn_on_failure([&] { empty_trash(folder); }); });
  }

  // Waits for the writing thread. Rethrows its error, which leaves the writer idle.
  void finish() {
    state = State::idle;
    writing.get();
    state = State::written;
  }
};

CheckpointWriter::CheckpointWriter(std::string folder, int rank, int ranks, int64_t keep)
    : impl_(std::make_unique<Impl>()) {
  SY_CHECK(ranks > 0 && rank >= 0 && rank < ranks && keep >= 0, "rank {} of {}, keep {}", rank,
           ranks, keep);
  impl_->folder = std::move(folder);
  impl_->origin = {rank, ranks};
  impl_->keep = keep;
  if (rank != 0) return;
  make_folder(impl_->folder);
  if (access(impl_->folder.c_str(), W_OK | X_OK) != 0) {
    throw RuntimeFailure(
        fmt::format("cannot write into {}: {}", impl_->folder, std::strerror(errno)));
  }
}

CheckpointWriter::~CheckpointWriter() = default;

void CheckpointWriter::start(const std::vector<CheckpointTensor>& tensors,
                             const CheckpointMeta& meta, const CheckpointCopy& copy) {
  SY_CHECK(!busy(), "the checkpoint of step {} is not committed yet", impl_->meta.step);
  for (const auto& stream : meta.streams) {
    SY_CHECK(valid_name(stream.first), "\"{}\" cannot name a stream", stream.first);
  }
  impl_->stage(tensors, copy);
  impl_->meta = meta;
  impl_->writing = std::async(std::launch::async, [impl = impl_.get()] { impl->write(); });
  impl_->state = Impl::State::writing;
}

void CheckpointWriter::spare(std::vector<int64_t> steps) {
  impl_->spared = std::move(steps);
}

bool CheckpointWriter::busy() const {
  return impl_->state != Impl::State::idle;
}

bool CheckpointWriter::shard_done() {
  SY_CHECK(busy(), "no checkpoint was started");
  if (impl_->state == Impl::State::written) return true;
  if (impl_->writing.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return false;
  impl_->finish();
  return true;
}

void CheckpointWriter::wait_shard() {
  SY_CHECK(busy(), "no checkpoint was started");
  if (impl_->state == Impl::State::writing) impl_->finish();
}

void CheckpointWriter::commit() {
  wait_shard();
  impl_->state = Impl::State::idle;
  if (impl_->origin.rank != 0) return;
  const std::string committed = impl_->folder + "/" + committed_name(impl_->meta.step);
  fail_as_run([&] {
    commit_checkpoint({impl_->partial(), committed, Existing::replace}, impl_->origin.ranks,
                      impl_->meta);
  });
  impl_->clear();
}

}  // namespace sy
