// SPDX-License-Identifier: Apache-2.0
#include "lib/train/intact_checkpoint.h"

#include <chrono>
#include <thread>

#include "lib/base/log.h"
#include "lib/checkpoint/checkpoint.h"
#include "lib/checkpoint/layout.h"
#include "lib/checkpoint/manifest.h"
#include "lib/dist/share_texts.h"

namespace sy {
namespace {

constexpr auto kSecondLook = std::chrono::seconds(2);

// What is wrong with a rank's share of the files; "" if nothing. A checkpoint of another version of
// the program is not damaged, and throws.
std::string find_fault(const std::string& checkpoint, int rank, int ranks) {
  try {
    const std::vector<std::string> faults = CheckpointReader(checkpoint).verify(rank, ranks);
    return faults.empty() ? "" : faults.front();
  } catch (const checkpoint::EarlierFormat&) {
    throw;
  } catch (const DataError& fault) {
    return fault.what();
  }
}

// What is still wrong with this rank's share a little later: a file system may fail for a moment.
std::string find_lasting_fault(const std::string& checkpoint, const Communicator& world) {
  const auto look = [&] { return find_fault(checkpoint, world.rank(), world.size()); };
  if (look().empty()) return "";
  std::this_thread::sleep_for(kSecondLook);
  return look();
}

// What some rank finds wrong with the checkpoint, and rank 0 too; "" if nothing. Throws if rank 0
// reads without a fault what another rank cannot: then it is not the checkpoint that is at fault.
std::string shared_fault(const std::string& checkpoint, Communicator& world) {
  const std::string own = find_lasting_fault(checkpoint, world);
  const int finder = lowest_rank_where(!own.empty(), world);
  if (finder == world.size()) return "";
  const std::string found = share_texts({own}, world, finder).front();
  if (finder == 0) return found;
  const bool looks = world.rank() == 0;
  const std::string seen = looks ? find_fault(checkpoint, finder, world.size()) : "";
  if (!share_texts({seen}, world).front().empty()) return found;
  throw RuntimeFailure(
      fmt::format("rank {}: {}; rank 0 reads the same files without a fault, so nothing was moved: "
                  "look at the file system of that rank's host, or leave the host out",
                  finder, found),
      MetBy::every_rank);
}

// On rank 0. `steps`: those of the checkpoints, of which the last is damaged.
void set_aside_newest(const std::string& folder, const std::vector<int64_t>& steps,
                      const std::string& fault) {
  if (steps.size() == 1) {
    throw DataError(fmt::format(
        "{}: the only checkpoint of this run is damaged; mend it, or give --resume none to train "
        "from the beginning",
        fault));
  }
  const int64_t earlier = steps[steps.size() - 2];
  const std::string aside = set_aside_later(folder, earlier);
  log::warn("{}; this checkpoint was moved to {}, and the run goes on from step {}", fault, aside,
            earlier);
}

}  // namespace

std::string newest_intact_checkpoint(const std::string& folder, Communicator& world) {
  for (;;) {
    // Rank 0 alone lists the folder: a file system may show the others an earlier state of it.
    std::vector<int64_t> steps;
    if (world.rank() == 0) steps = checkpoint::named_steps(folder);
    const std::string found =
        steps.empty() ? "" : folder + "/" + checkpoint::committed_name(steps.back());
    std::string newest = share_texts({found}, world).front();
    if (newest.empty()) return "";
    const std::string fault = shared_fault(newest, world);
    if (fault.empty()) return newest;
    if (world.rank() == 0) {
      set_aside_newest(folder, steps, fault);
    }
  }
}

}  // namespace sy
