// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <exception>
#include <future>

#include "lib/base/log.h"
#include "lib/checkpoint/background.h"
#include "lib/checkpoint/checkpoint.h"
#include "lib/checkpoint/commit.h"
#include "lib/checkpoint/durable.h"
#include "lib/checkpoint/layout.h"
#include "lib/checkpoint/shard.h"
#include "lib/checkpoint/staging.h"

namespace sy {
using namespace checkpoint;
namespace {

// Used to remove old folders: failing to do so costs disk space and nothing else.
template <class Work>
void warn_on_failure(const Work& work) {
  try {
    work();
  } catch (const Error& failure) {
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

// A checkpoint under way.
struct Save {
  CheckpointMeta meta;
  std::vector<int64_t> spared;
  WritePace pace;
  size_t set;  // of staging memory
  bool committing = false;
};

}  // namespace

struct CheckpointWriter::Impl : std::enable_shared_from_this<Impl> {
  std::string folder;
  Origin origin;
  Retention keep;
  std::array<StagingSet, 2> staging;
  std::deque<Save> saves;  // oldest first, which is the only one that has been begun
  // `thread` writes the shard of the oldest, or commits it.
  std::future<void> clearing, thread;

  std::string partial(const Save& save) const {
    return folder + "/" + partial_name(save.meta.step);
  }

  // Until the thread is done, nothing else uses the oldest save and its staging set.
  void write() {
    const Save& save = saves.front();
    thread = in_background(save.pace, [self = shared_from_this(), this, &save] {
      const std::vector<CheckpointTensor>& tensors = staging[save.set].tensors();
      const std::string to = partial(save);
      fail_as_run(
          [&] { write_shard_record(to, write_shard_file(to, origin, tensors, save.meta)); });
    });
  }

  void commit() {
    Save& save = saves.front();
    save.committing = true;
    if (origin.rank != 0) return;
    thread = in_background(save.pace, [self = shared_from_this(), this, &save] {
      const std::string committed = folder + "/" + committed_name(save.meta.step);
      fail_as_run([&] {
        commit_checkpoint({partial(save), committed, Existing::replace}, origin.ranks, save.meta);
      });
      clear(save);
    });
  }

  // Sets aside the checkpoints that are not kept, and deletes them while training continues.
  void clear(const Save& save) {
    if (clearing.valid()) clearing.wait();
    warn_on_failure([&] {
      retire(folder, save.meta.step, {keep.newest, keep.every, save.spared});
    });
    clearing = in_background(save.pace,
                             [folder = folder] { warn_on_failure([&] { empty_trash(folder); }); });
  }

  void wait_for_threads() {
    if (thread.valid()) thread.wait();
    if (clearing.valid()) clearing.wait();
  }

  // Waits for the thread. After an error nothing is under way.
  void finish() {
    if (!thread.valid()) return;
    try {
      thread.get();
    } catch (...) {
      saves.clear();
      throw;
    }
  }
};

CheckpointWriter::CheckpointWriter(std::string folder, int rank, int ranks, int64_t keep,
                                   int64_t keep_every)
    : impl_(std::make_shared<Impl>()) {
  SY_CHECK(ranks > 0 && rank >= 0 && rank < ranks && keep >= 0 && keep_every >= 0,
           "rank {} of {}, keep {} and every {}", rank, ranks, keep, keep_every);
  impl_->folder = std::move(folder);
  impl_->origin = {rank, ranks};
  impl_->keep = {keep, keep_every};
  if (rank != 0) return;
  make_folder(impl_->folder);
  if (access(impl_->folder.c_str(), W_OK | X_OK) != 0) {
    throw RuntimeFailure(
        fmt::format("cannot write into {}: {}", impl_->folder, std::strerror(errno)));
  }
}

CheckpointWriter::~CheckpointWriter() {
  if (std::uncaught_exceptions() == 0) impl_->wait_for_threads();
}

void CheckpointWriter::start(const std::vector<CheckpointTensor>& tensors, CheckpointMeta meta,
                             const CheckpointCopy& copy, WritePace pace) {
  SY_CHECK(!full(), "two checkpoints are under way, the first of step {}",
           impl_->saves.front().meta.step);
  SY_CHECK(!busy() || meta.step > impl_->saves.back().meta.step,
           "step {} does not follow the checkpoint of step {}, which is under way", meta.step,
           impl_->saves.back().meta.step);
  for (const auto& stream : meta.streams) {
    SY_CHECK(valid_name(stream.first), "\"{}\" cannot name a stream", stream.first);
  }
  const size_t set = busy() ? 1 - impl_->saves.back().set : 0;
  impl_->staging[set].fill(tensors, copy);
  impl_->saves.push_back({std::move(meta), impl_->keep.spared, pace, set});
  if (impl_->saves.size() == 1) impl_->write();
}

void CheckpointWriter::spare(std::vector<int64_t> steps) {
  impl_->keep.spared = std::move(steps);
}

bool CheckpointWriter::busy() const {
  return !impl_->saves.empty();
}

bool CheckpointWriter::full() const {
  return impl_->saves.size() == impl_->staging.size();
}

bool CheckpointWriter::ready() {
  SY_CHECK(busy(), "no checkpoint was started");
  const std::future<void>& thread = impl_->thread;
  if (thread.valid() && thread.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    return false;
  }
  impl_->finish();
  return true;
}

void CheckpointWriter::wait_ready() {
  SY_CHECK(busy(), "no checkpoint was started");
  impl_->finish();
}

bool CheckpointWriter::advance() {
  wait_ready();
  if (!impl_->saves.front().committing) {
    impl_->commit();
    return false;
  }
  impl_->saves.pop_front();
  if (busy()) impl_->write();
  return true;
}

void CheckpointWriter::commit() {
  while (!advance()) {
  }
}

}  // namespace sy
