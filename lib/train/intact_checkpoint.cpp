// SPDX-License-Identifier: Apache-2.0
#include "lib/train/intact_checkpoint.h"

#include "lib/base/log.h"
#include "lib/checkpoint/checkpoint.h"
#include "lib/checkpoint/layout.h"
#include "lib/checkpoint/manifest.h"
#include "lib/dist/share_texts.h"

namespace sy {
namespace {

// What this rank finds wrong with its share of the files; "" if nothing. A checkpoint of another
// version of the program is not damaged, and throws.
std::string find_fault(const std::string& checkpoint, const Communicator& world) {
  try {
    const std::vector<std::string> faults =
        CheckpointReader(checkpoint).verify(world.rank(), world.size());
    return faults.empty() ? "" : faults.front();
  } catch (const checkpoint::EarlierFormat&) {
    throw;
  } catch (const DataError& fault) {
    return fault.what();
  }
}

// On rank 0. `steps`: those of the committed checkpoints, of which the last is damaged.
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
    std::string newest = share_texts({newest_checkpoint(folder)}, world).front();
    if (newest.empty()) return "";
    const std::string fault = share_first_text(find_fault(newest, world), world);
    if (fault.empty()) return newest;
    if (world.rank() == 0) {
      set_aside_newest(folder, checkpoint::committed_steps(folder), fault);
    }
  }
}

}  // namespace sy
