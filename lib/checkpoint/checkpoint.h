// SPDX-License-Identifier: Apache-2.0
// Checkpoints: folders `step-00000100`, each of which is committed as a whole or does not exist.
//   shard-00000.h5 ...  one per rank; the ranks write side by side without waiting for one another
//   tokenizer.model     the SentencePiece model that tokenized the text
//   index.h5            virtual datasets that show every tensor whole, under its name
//   manifest.json       written last: the step, and sizes and checksums of files and tensors
// A checkpoint is written into `step-00000100.partial` and synced. The folder is renamed once every
// rank has finished its shard. A tensor is stored as one or more slabs: rectangular parts that
// together cover each element exactly once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lib/tensor/slab.h"

namespace sy {

// A tensor of the checkpoint as one rank sees it: the rank holds the part `slab`, row-major, of a
// tensor of shape `global`. Over all ranks, the slabs marked `write` hold every element exactly
// once. No axis is empty, except the first where a rank holds nothing of a tensor: it then neither
// writes nor reads it.
struct CheckpointTensor {
  std::string name;  // "parameters/encoder/layers/1/moe/wi"; also "buffers/...", "optimizer/..."
  Tensor local;      // float32, float64 or int32; in host memory unless a CheckpointCopy is given
  Shape global;
  Slab slab;
  bool write = true;
};

// A tensor that this rank holds whole.
inline CheckpointTensor whole_tensor(const std::string& name, const Tensor& local,
                                     bool write = true) {
  return {name, local, local.shape(), Slab::whole(local.shape()), write};
}

// A file of text that the run reads. The checksum covers the size and the first and last 64 KiB
// (digest_ends), so computing it is cheap for a corpus of any size.
struct DataShard {
  std::string path;  // as the configuration's pattern found it
  int64_t bytes = 0;
  uint64_t checksum = 0;
  std::string corpus = "";  // that it belongs to; "" in a run without data.corpora
  bool operator==(const DataShard&) const = default;
};

// Everything besides tensors. `streams` are named int32 arrays of any length: the positions of the
// data streams, by global stream number. Each is written by the rank that has it; any rank can read
// it.
struct CheckpointMeta {
  int64_t step = 0;
  std::string config_yaml;  // resolved
  std::string state_json;   // one JSON object: counters, tokens seen, seed
  std::vector<std::pair<std::string, std::vector<int32_t>>> streams;
  // Identifies one start of the program (rank 0's host, process and time) and is the same on every
  // rank, so that shards left by an earlier attempt at the same step are never mixed in. If empty,
  // attempts are told apart by step and number of ranks only.
  std::string attempt;
  // Only rank 0's values of these two are used.
  std::string tokenizer = "";            // bytes of the SentencePiece model; "" stores none
  std::vector<DataShard> data_shards{};  // the training text, in shard order
};

// Copies `from` to `to`, which have the same dtype and size. One of them is in host memory and the
// other may be on a device. The copy is complete on return.
using CheckpointCopy = std::function<void(Tensor to, Tensor from)>;

// How fast a thread writes. beside_training: it leaves the cores to training and takes at most 4 %
// of one (background.h).
enum class WritePace : uint8_t { full, beside_training };

// Writes checkpoints while training goes on. Up to two may be under way, from start() until they
// are committed. The second is a copy in memory until the first is committed and what that one
// replaces is removed, so the disk never holds more than one unfinished checkpoint. Every rank
// makes the same calls, each at its own time, except that all ranks must be ready() before any one
// calls advance().
class CheckpointWriter {
 public:
  // `folder` is runs/NAME/checkpoints; rank 0 creates it if it is missing. A commit removes all but
  // the newest `keep` checkpoints (0 keeps all), those whose step `keep_every` divides (0: none)
  // and those that spare() named.
  CheckpointWriter(std::string folder, int rank, int ranks, int64_t keep, int64_t keep_every = 0);
  // Waits for the threads; an uncommitted checkpoint stays partial. While an exception unwinds, the
  // threads go on by themselves, so that a slow disk does not hold up the error.
  ~CheckpointWriter();
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  // Copies the tensors into staging memory, from which a thread writes this rank's shard. Must not
  // be called while full(); the step must follow those under way. There are two sets of staging
  // memory, and a set is allocated by the first call that needs it: the second one only if a
  // checkpoint is still under way. No rank waits for another here.
  void start(const std::vector<CheckpointTensor>& tensors, CheckpointMeta meta,
             const CheckpointCopy& copy = {}, WritePace pace = WritePace::full);

  // The checkpoints of these steps, too, outlive the commits of what is started from now on. Only
  // rank 0's are used.
  void spare(std::vector<int64_t> steps);

  bool busy() const;  // a checkpoint is under way
  bool full() const;  // two are

  // Whether this rank has done its part of what the oldest checkpoint waits for: first its shard,
  // with checksums, on disk; then, on rank 0, the commit. Rethrows the error of the thread (a
  // RuntimeFailure that names the file and the reason, such as a full disk): nothing is then under
  // way, and no rank may commit what was.
  bool ready();
  void wait_ready();

  // Call once every rank is ready(). The first call for a checkpoint makes rank 0 commit it, on a
  // thread: write the index and the manifest, rename the folder, replacing one of the same step,
  // and remove what is not kept. The second call ends it, and returns true.
  bool advance();

  // Waits for what the oldest checkpoint needs and advances until it is committed. Call once the
  // shards of all ranks are done. Throws what ready() throws; earlier checkpoints are then as they
  // were.
  void commit();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // its threads share it
};

// The newest committed checkpoint under `folder`, or "" if there is none.
std::string newest_checkpoint(const std::string& folder);

// Moves the committed checkpoints of steps after `step` into a new folder beside them, so that a
// run that went back to an earlier step does not resume from them later. Returns the new folder, or
// "" if there were no such checkpoints. For rank 0 only. Throws RuntimeFailure.
std::string set_aside_later(const std::string& folder, int64_t step);

class CheckpointReader {
 public:
  // Checks the manifest and the size of every file; checksums are checked when data is read. Throws
  // DataError that names the file or tensor at fault (missing, torn, of the wrong size, or made by
  // an earlier version of the program) and the previous checkpoint if one can be used instead.
  explicit CheckpointReader(const std::string& path);
  ~CheckpointReader();

  int64_t step() const;
  const std::string& config_yaml() const;
  const std::string& state_json() const;

  struct Entry {
    std::string name;
    DType dtype;
    Shape global;
    std::vector<Slab> slabs;  // as stored, in order of offset
  };
  const std::vector<Entry>& tensors() const;

  const std::vector<DataShard>& data_shards() const;

  // A file of the folder other than shards, index and manifest.
  struct File {
    std::string name;
    int64_t bytes;
    uint64_t checksum;
  };
  std::vector<File> files() const;
  // The path of such a file, or "" if the checkpoint has none of that name. Throws DataError if the
  // file is damaged.
  std::string file(const std::string& name) const;
  std::string tokenizer() const;  // path of the tokenizer's model

  // Whether it is an error if the checkpoint has tensors that were not asked for. `refuse` applies
  // to the groups asked for: a caller that asks for "parameters/..." only may leave out
  // "optimizer/...".
  enum class Extra : uint8_t { allow, refuse };

  // Checks that read() would find every tensor with the right shape and dtype, without reading any.
  // Throws one DataError that lists all faults.
  void check(const std::vector<CheckpointTensor>& tensors, Extra extra = Extra::allow) const;

  // Calls check(), then overwrites `local` of each tensor with this rank's slab of it (`write` is
  // ignored), whatever mesh wrote the checkpoint. Every file and dataset touched is read whole and
  // compared with its checksum; this needs memory for the largest stored slab. `copy` is called for
  // every run of elements that is contiguous both in the stored slab and in `local`: once per slab
  // that is cut as it was stored, many times if an axis other than the first is cut differently.
  // After a DataError the contents of the tensors are undefined.
  void read(const std::vector<CheckpointTensor>& tensors, Extra extra = Extra::allow,
            const CheckpointCopy& copy = {}) const;

  // An array of CheckpointMeta::streams. Throws DataError if it is absent or damaged.
  std::vector<int32_t> stream(const std::string& name) const;
  std::vector<std::string> stream_names() const;

  // Recomputes the checksums of the files whose number is `part` modulo `parts`; by default of all.
  // Returns one sentence per fault, none if they are intact.
  std::vector<std::string> verify(int part = 0, int parts = 1) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sy
