// What a rank sends: calls and bytes of collectives by group, kind and label. A plan counts them
// without sending (planning.h), a counting communicator while they are made; both count the same.
//
// Bytes of a call are the payload that this rank passes in for other ranks, whatever algorithm
// moves it:
//   all_reduce_sum, all_reduce_max   the tensor's bytes
//   all_to_all, all_to_all_rows      the blocks for other ranks; this rank's own block not
//   all_gather                       the bytes of send, once
//   broadcast                        the tensor's bytes at the root, 0 elsewhere
// A group of one rank sends nothing, so its calls are not counted; nor are barriers and splits,
// which carry nothing.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>

namespace sy {

struct TrafficKey {
  std::string axis;  // the group's name: "data", "expert", "replicas", "world"
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

}  // namespace sy
