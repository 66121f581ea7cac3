// Checkpoints: folders `step-00000100` that are either committed whole or absent.
//   shard-00000.h5 ...  one a rank, written side by side with no rank waiting on another
//   tokenizer.model     the SentencePiece model that the text was read with
//   index.h5            virtual datasets: every tensor whole under its name
//   manifest.json       written last: step, files with sizes and checksums, tensors with checksums
// Written into `step-00000100.partial`, synced, and renamed once every rank has finished its shard.
// A tensor is stored as one or more slabs, rectangular parts that together cover it exactly once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lib/tensor/slab.h"

namespace sy {

// A tensor of the checkpoint as one rank sees it: its memory is the part `slab` of a tensor of
// shape `global`, row-major. The slabs that are marked `write`, of all ranks together, hold every
// element exactly once. No axis is empty.
struct CheckpointTensor {
  std::string name;  // "parameters/encoder/layers/1/moe/wi"; optimiser: "optimizer/..."
  Tensor local;      // float32, float64 or int32; host memory, or what a CheckpointCopy reaches
  Shape global;
  Slab slab;
  bool write = true;
};

// A tensor of which this rank has all.
inline CheckpointTensor whole_tensor(const std::string& name, const Tensor& local,
                                     bool write = true) {
  return {name, local, local.shape(), Slab::whole(local.shape()), write};
}

// A file of text that the run reads. The checksum is of the first and the last 64 KiB and the size
// (digest_ends), so that a corpus of any size costs next to nothing.
struct DataShard {
  std::string path;  // as the configuration's pattern found it
  int64_t bytes = 0;
  uint64_t checksum = 0;
  bool operator==(const DataShard&) const = default;
};

// Everything besides tensors. `streams` are named int32 arrays of any length, each written by the
// rank that has it and readable by any: the data streams' positions, by global stream number.
struct CheckpointMeta {
  int64_t step = 0;
  std::string config_yaml;  // resolved
  std::string state_json;   // one JSON object: counters, tokens seen, seed
  std::vector<std::pair<std::string, std::vector<int32_t>>> streams;
  // The same text on every rank and another at each start of the program (rank 0's host, process
  // and time, broadcast once): shards left by an earlier attempt at the step are never mixed in.
  // Empty: only step and number of ranks tell attempts apart.
  std::string attempt;
  // Of these two only rank 0's count.
  std::string tokenizer = "";            // bytes of the SentencePiece model; "": none is stored
  std::vector<DataShard> data_shards{};  // of the training text, in the order of their numbers
};

// to = from, of one dtype and size: how tensors that do not lie in host memory come and go. One
// side is the host's; complete on return.
using CheckpointCopy = std::function<void(Tensor to, Tensor from)>;

class CheckpointWriter {
 public:
  // `folder` is runs/NAME/checkpoints; created by rank 0 where missing.
  CheckpointWriter(std::string folder, int rank, int ranks, int64_t keep);
  ~CheckpointWriter();  // waits for the writing thread; leaves an uncommitted checkpoint partial

  // Copies the tensors into staging memory (allocated at the first call) and writes this rank's
  // shard on a thread. Not while busy(). Ranks may start at different times, without a barrier.
  void start(const std::vector<CheckpointTensor>& tensors, const CheckpointMeta& meta,
             const CheckpointCopy& copy = {});

  // True from start() until commit().
  bool busy() const;
  // True once this rank's shard is on disk with its checksums. Rethrows what went wrong
  // (RuntimeFailure naming file and reason, such as a full disk); the writer is then idle and the
  // checkpoint must not be committed by any rank.
  bool shard_done();
  void wait_shard();

  // After every rank's shard_done(): rank 0 writes index and manifest, renames the folder and
  // removes checkpoints beyond the newest `keep` (0: keeps all); the others only note it. Replaces
  // a checkpoint of the same step. Throws RuntimeFailure; what was committed before then stays.
  void commit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Newest committed checkpoint under `folder`, or "" where there is none. Partial ones are ignored.
std::string newest_checkpoint(const std::string& folder);

// Moves the committed checkpoints of steps after `step` into a new folder beside them, so that a
// run that goes back is not continued from them. Returns that folder, or "" where there were none.
// Rank 0 only. Throws RuntimeFailure.
std::string set_aside_later(const std::string& folder, int64_t step);

class CheckpointReader {
 public:
  // Throws DataError naming what is missing, torn or of the wrong size, a tensor whose slabs leave
  // an element out or hold it twice, and that the previous checkpoint can be used; or that an
  // earlier version made it. Checks sizes; checksums are checked for what is read.
  explicit CheckpointReader(const std::string& path);
  ~CheckpointReader();

  int64_t step() const;
  const std::string& config_yaml() const;
  const std::string& state_json() const;

  struct Entry {
    std::string name;
    DType dtype;
    Shape global;
    std::vector<Slab> slabs;  // as they are stored, by offset
  };
  const std::vector<Entry>& tensors() const;

  const std::vector<DataShard>& data_shards() const;

  // A file that lies in the folder besides shards, index and manifest.
  struct File {
    std::string name;
    int64_t bytes;
    uint64_t checksum;
  };
  std::vector<File> files() const;
  // The path of one of them, "" where the checkpoint has none of that name. Throws DataError when
  // it is damaged.
  std::string file(const std::string& name) const;
  std::string tokenizer() const;  // of the tokenizer's model

  // Whether tensors that the checkpoint has and that are not asked for are a fault. `refuse` looks
  // at the groups asked for: with "parameters/..." alone, "optimizer/..." may be left out.
  enum class Extra : uint8_t { allow, refuse };

  // Throws one DataError with all faults of such a read: tensors absent, misshapen or of another
  // dtype. Nothing is read.
  void check(const std::vector<CheckpointTensor>& tensors, Extra extra = Extra::allow) const;

  // Reads this rank's slab of each tensor into `local` (`write` is ignored); shapes and dtypes
  // must agree, every tensor must be there. All faults in one DataError, before anything is read.
  // Works whatever mesh wrote it, however it was cut. Every file and dataset touched is read whole
  // and checked; besides the tensors it needs memory for the largest stored slab at most. `copy` is
  // called for every stretch that is contiguous both there and here: once for a slab of the cut
  // that was stored, often where other axes than the first are cut anew. After a DataError the
  // tensors' contents are not defined.
  void read(const std::vector<CheckpointTensor>& tensors, Extra extra = Extra::allow,
            const CheckpointCopy& copy = {}) const;

  // An array of CheckpointMeta::streams; throws DataError when absent.
  std::vector<int32_t> stream(const std::string& name) const;
  std::vector<std::string> stream_names() const;

  // Recomputes every checksum; returns one sentence a fault (none: intact).
  std::vector<std::string> verify() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sy
