// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/flight/flight_ring.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <limits>
#include <list>
#include <mutex>

namespace sy::flight {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr size_t kWords = kLabelBytes / sizeof(uint64_t);

// `record` is 0 while the other fields are being replaced, so that a reader that finds the same
// record before and after has read what belongs together.
struct Entry {
  std::atomic<int64_t> record, group, number, step, count, begun, waited, ended;
  std::atomic<const char*> collective;
  std::atomic<DType> dtype;
  std::array<std::atomic<uint64_t>, kWords> label;
};

struct Group {
  std::atomic<int64_t> id;  // 0: none, or being replaced
  std::atomic<int64_t> begun;
  std::atomic<bool> open = false;
  Transport transport = Transport::mpi;
  char name[kNameBytes] = "";
  std::atomic<const std::vector<int>*> ranks;
};

std::array<Entry, kEntries> ring{};
std::atomic<int64_t> last = 0, step_now = 0;

constexpr int64_t kNever = std::numeric_limits<int64_t>::min();
std::array<std::atomic<int64_t>, kStepsRemembered> step_begins{kNever, kNever, kNever};
size_t oldest_begin = 0;

std::array<Group, kGroups> groups{};
std::mutex groups_mutex;  // for opening and closing
int64_t last_group = 0;
std::list<std::vector<int>> kept_ranks;  // only added to

Group& group_at(int64_t id) {
  return groups[static_cast<size_t>(id % kGroups)];
}

Entry& entry_of(int64_t record) {
  return ring[static_cast<size_t>(record % kEntries)];
}

int64_t nanoseconds(Clock::time_point time) {
  return std::chrono::nanoseconds(time.time_since_epoch()).count();
}

void store_label(Entry& entry, const char* label) {
  std::array<char, kLabelBytes> text{};
  memccpy(text.data(), label, '\0', kLabelBytes - 1);
  std::array<uint64_t, kWords> words{};
  std::memcpy(words.data(), text.data(), kLabelBytes);
  for (size_t i = 0; i < kWords; ++i) entry.label[i].store(words[i], kRelaxed);
}

// The ranks, where they stay for good: somebody may be reading those of a group whose place is
// taken. With groups_mutex held.
const std::vector<int>* keep_ranks(const std::vector<int>& ranks) {
  const auto kept = std::find(kept_ranks.begin(), kept_ranks.end(), ranks);
  return kept != kept_ranks.end() ? &*kept : &kept_ranks.emplace_back(ranks);
}

}  // namespace

int64_t open_group(const std::string& name, Transport transport, const std::vector<int>& ranks) {
  const std::lock_guard lock(groups_mutex);
  for (int64_t tried = 0; tried < kGroups; ++tried) {
    const int64_t id = ++last_group;
    Group& group = group_at(id);
    if (group.open) continue;
    group.id.store(0);
    group.open = true;
    group.transport = transport;
    group.name[name.copy(group.name, kNameBytes - 1)] = '\0';
    group.ranks.store(keep_ranks(ranks));
    group.begun.store(0);
    group.id.store(id);
    return id;
  }
  return 0;
}

void close_group(int64_t group) {
  if (group == 0 || std::uncaught_exceptions() > 0) return;
  const std::lock_guard lock(groups_mutex);
  group_at(group).open = false;
}

std::vector<int> ranks_of_group(const std::string& name) {
  const std::lock_guard lock(groups_mutex);
  const Group* found = nullptr;
  for (const Group& group : groups) {
    const bool newer = found == nullptr || group.id > found->id;
    if (group.open && newer && name.substr(0, kNameBytes - 1) == group.name) found = &group;
  }
  return found == nullptr ? std::vector<int>{} : *found->ranks.load();
}

int64_t call_begins(int64_t group, const CollectiveCall& call, CallShape shape) {
  const int64_t record = last.load(kRelaxed) + 1;
  Entry& entry = entry_of(record);
  entry.record.store(0, kRelaxed);
  std::atomic_thread_fence(std::memory_order_release);
  entry.group.store(group, kRelaxed);
  entry.number.store(call.number, kRelaxed);
  entry.step.store(step_now.load(kRelaxed), kRelaxed);
  entry.count.store(shape.count, kRelaxed);
  entry.dtype.store(shape.dtype, kRelaxed);
  entry.collective.store(call.call, kRelaxed);
  store_label(entry, call.label);
  entry.begun.store(nanoseconds(Clock::now()), kRelaxed);
  entry.waited.store(0, kRelaxed);
  entry.ended.store(0, kRelaxed);
  entry.record.store(record, std::memory_order_release);
  last.store(record, std::memory_order_release);
  if (group != 0) group_at(group).begun.store(call.number, kRelaxed);
  return record;
}

void call_is_waited_for(int64_t record, Clock::time_point now) {
  Entry& entry = entry_of(record);
  if (record != 0 && entry.record.load(kRelaxed) == record) {
    entry.waited.store(nanoseconds(now), kRelaxed);
  }
}

void call_ends(int64_t record, Clock::time_point now) {
  Entry& entry = entry_of(record);
  if (record != 0 && entry.record.load(kRelaxed) == record) {
    entry.ended.store(nanoseconds(now), kRelaxed);
  }
}

void set_step(int64_t step, Clock::time_point now) {
  step_now.store(step, kRelaxed);
  step_begins[oldest_begin].store(nanoseconds(now), kRelaxed);
  oldest_begin = (oldest_begin + 1) % kStepsRemembered;
}

int64_t current_step() {
  return step_now.load(kRelaxed);
}

int64_t steps_begun_after(Clock::time_point time) {
  return std::count_if(step_begins.begin(), step_begins.end(), [time](const auto& begin) {
    return begin.load(kRelaxed) > nanoseconds(time);
  });
}

int64_t last_record() {
  return last.load(std::memory_order_acquire);
}

bool copy_call(int64_t record, CallCopy& copy) {
  const Entry& entry = entry_of(record);
  if (record < 1 || entry.record.load(std::memory_order_acquire) != record) return false;
  copy.group = entry.group.load(kRelaxed);
  copy.number = entry.number.load(kRelaxed);
  copy.step = entry.step.load(kRelaxed);
  copy.count = entry.count.load(kRelaxed);
  copy.dtype = entry.dtype.load(kRelaxed);
  copy.collective = entry.collective.load(kRelaxed);
  for (size_t i = 0; i < kWords; ++i) {
    const uint64_t word = entry.label[i].load(kRelaxed);
    std::memcpy(copy.label.data() + i * sizeof word, &word, sizeof word);
  }
  copy.begun = entry.begun.load(kRelaxed);
  copy.waited = entry.waited.load(kRelaxed);
  copy.ended = entry.ended.load(kRelaxed);
  std::atomic_thread_fence(std::memory_order_acquire);
  return entry.record.load(kRelaxed) == record;
}

bool view_group(int64_t place, GroupView& view) {
  const Group& group = groups[static_cast<size_t>(place)];
  view.id = group.id.load();
  if (view.id == 0) return false;
  view.open = group.open;
  view.name = group.name;
  view.transport = group.transport;
  const std::vector<int>& ranks = *group.ranks.load();
  view.ranks = ranks.data();
  view.size = std::ssize(ranks);
  view.begun = group.begun.load(kRelaxed);
  return group.id.load() == view.id;
}

}  // namespace sy::flight
