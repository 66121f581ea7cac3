// `switchyard inspect shard`: what a data shard holds, and what of it cannot be used.
#pragma once

#include "cmd/commands.h"

namespace sy {

Run setup_inspect_shard(CLI::App& app);

}  // namespace sy
