// SPDX-License-Identifier: Apache-2.0
// Communication volume of a rank: calls and bytes of collectives by group, kind and label. Planning
// counts them without sending (planning.h); a counting communicator counts them as they are made.
// Both give the same counts.
//
// The bytes of a call are the payload that this rank contributes for other ranks, whatever
// algorithm moves it:
//   all_reduce_sum, all_reduce_max   size of the tensor
//   all_to_all, all_to_all_rows      blocks for other ranks; the own block does not count
//   all_gather                       size of send, or of the own piece, once
//   reduce_scatter_sum               blocks or pieces of other ranks
//   broadcast                        size of the tensor on the root, 0 elsewhere
// Groups of one rank send nothing, so their calls are not counted. Barriers and splits carry no
// data and are not counted either.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "lib/dist/communicator.h"

namespace sy {

struct TrafficKey {
  std::string axis;  // name of the group: "data", "expert", "replicas", "world"
  std::string collective;
  std::string label;
  auto operator<=>(const TrafficKey&) const = default;
};

struct TrafficCount {
  int64_t calls = 0;
  int64_t bytes = 0;
  bool operator==(const TrafficCount&) const = default;
};

class Traffic {
 public:
  void add(const TrafficKey& key, TrafficCount count);
  void add(const Traffic& other, int64_t times = 1);
  void clear() { records_.clear(); }

  const std::map<TrafficKey, TrafficCount>& records() const { return records_; }
  int64_t bytes() const;  // of all records

 private:
  std::map<TrafficKey, TrafficCount> records_;
};

// A communicator that adds each call to `traffic` and passes it on to `group`; groups split off
// from it are counted too. `group` and `traffic` must outlive it. Each call costs a map lookup, so
// it is meant for tests and tools: uncounted communicators pay nothing.
std::unique_ptr<Communicator> make_counting_communicator(Communicator& group, Traffic& traffic);
// The same, taking ownership of `group`.
std::unique_ptr<Communicator> make_counting_communicator(std::unique_ptr<Communicator> group,
                                                         Traffic& traffic);

}  // namespace sy
