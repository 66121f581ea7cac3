// A communicator that passes every call on and adds it to a Traffic first. For tests and tools: a
// lookup by name for every call, where nothing is counted no communicator knows of it.
#pragma once

#include <memory>

#include "lib/dist/communicator.h"
#include "lib/dist/traffic.h"

namespace sy {

// Over `group`; groups split off are counted too. `group` and `traffic` must outlive it.
std::unique_ptr<Communicator> make_counting_communicator(Communicator& group, Traffic& traffic);
// The same over a group that it takes over.
std::unique_ptr<Communicator> make_counting_communicator(std::unique_ptr<Communicator> group,
                                                         Traffic& traffic);

}  // namespace sy
