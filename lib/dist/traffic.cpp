#include "lib/dist/traffic.h"

namespace sy {

void Traffic::add(const TrafficKey& key, TrafficCount count) {
  TrafficCount& record = records_[key];
  record.calls += count.calls;
  record.bytes += count.bytes;
}

void Traffic::add(const Traffic& other, int64_t times) {
  for (const auto& [key, count] : other.records_) {
    add(key, {count.calls * times, count.bytes * times});
  }
}

int64_t Traffic::bytes() const {
  int64_t total = 0;
  for (const auto& [key, count] : records_) total += count.bytes;
  return total;
}

}  // namespace sy
