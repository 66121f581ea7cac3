// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/flight/record_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <ctime>

#include "lib/dist/flight/line_writer.h"

namespace sy::flight {
namespace {

// terminated: armed, with a record of SIGTERM.
enum class State : uint8_t { off, armed, terminated, writing, written };
std::atomic<State> state = State::off;
static_assert(std::atomic<State>::is_always_lock_free);

// Set while the state is off.
struct Place {
  char folder[PATH_MAX], path[PATH_MAX], part[PATH_MAX];
  char host[256];
  int rank, ranks;
} place;

std::atomic<int64_t> pause_length = 0, pause_end = 0;  // nanoseconds

int64_t nanoseconds_of(clockid_t clock) {
  struct timespec time = {};
  clock_gettime(clock, &time);
  return static_cast<int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

void set(char (&to)[PATH_MAX], const std::string& text) {
  to[text.copy(to, PATH_MAX - 1)] = '\0';
}

// Writes one record's lines. Clock is CLOCK_MONOTONIC, and the file has times since 1970.
class Record {
 public:
  explicit Record(int file) : lines_(file) {}

  // These return whether everything was written.
  bool write_first_line(Reason reason, const char* message) {
    header(reason, message);
    return lines_.flush();
  }
  bool write(Reason reason, const char* message) {
    header(reason, message);
    GroupView group;
    for (int64_t at = 0; at < kGroups; ++at) {
      if (view_group(at, group)) add(group);
    }
    CallCopy call;
    const int64_t last = last_record();
    for (int64_t record = std::max<int64_t>(1, last - kEntries + 1); record <= last; ++record) {
      if (copy_call(record, call)) add(call);
    }
    return lines_.flush();
  }

 private:
  int64_t microseconds(int64_t time) const { return time == 0 ? 0 : (time + to_1970_) / 1000; }

  void header(Reason reason, const char* message) {
    lines_.open();
    lines_.field("flight_record", kRecordVersion);
    lines_.field("rank", place.rank);
    lines_.field("ranks", place.ranks);
    lines_.field("host", place.host);
    lines_.field("pid", getpid());
    lines_.field("reason", name_of(reason));
    lines_.field("message", message);
    lines_.field("step", current_step());
    lines_.field("time", microseconds(now_));
    lines_.field("paused", pause_length.load() / 1000);
    lines_.field("paused_until", microseconds(pause_end.load()));
    lines_.close();
  }

  void add(const GroupView& group) {
    lines_.open();
    lines_.field("group", group.id);
    lines_.field("open", group.open ? 1 : 0);
    lines_.field("name", group.name);
    lines_.field("transport", group.transport == Transport::mpi ? "mpi" : "nccl");
    lines_.field("ranks", group.ranks, group.size);
    lines_.field("begun", group.begun);
    lines_.close();
  }

  void add(const CallCopy& call) {
    lines_.open();
    lines_.field("group", call.group);
    lines_.field("call", call.number);
    lines_.field("collective", call.collective);
    lines_.field("label", call.label.data());
    lines_.field("dtype", sy::name_of(call.dtype));
    lines_.field("count", call.count);
    lines_.field("step", call.step);
    lines_.field("begun", microseconds(call.begun));
    lines_.field("waited", microseconds(call.waited));
    lines_.field("ended", microseconds(call.ended));
    lines_.close();
  }

  LineWriter lines_;
  const int64_t now_ = nanoseconds_of(CLOCK_MONOTONIC);
  const int64_t to_1970_ = nanoseconds_of(CLOCK_REALTIME) - now_;
};

// Returns whether the file is a record that can be relied on. Without its end, a record would say
// of a rank that it has not come to calls in which it waits. Only a failure needs no more than the
// first line.
bool write_lines(int file, Reason reason, const char* message) {
  if (Record(file).write(reason, message)) return true;
  if (reason != Reason::failure && reason != Reason::signal) return false;
  return ftruncate(file, 0) == 0 && lseek(file, 0, SEEK_SET) == 0 &&
         Record(file).write_first_line(reason, message);
}

// Whether the record is now this caller's to write.
bool begin_writing(Reason reason) {
  State expected = State::armed;
  if (state.compare_exchange_strong(expected, State::writing)) return true;
  expected = State::terminated;
  return reason != Reason::terminated && state.compare_exchange_strong(expected, State::writing);
}

}  // namespace

const char* name_of(Reason reason) {
  constexpr const char* kNames[] = {"failure", "signal", "hang", "asked", "terminated"};
  return kNames[static_cast<size_t>(reason)];
}

std::string record_name(int rank) {
  return fmt::format("rank-{:05}.jsonl", rank);
}

void arm(const RecordPlace& where) {
  disarm();
  set(place.folder, where.folder);
  set(place.path, where.folder + "/" + record_name(where.rank));
  set(place.part, where.folder + "/" + record_name(where.rank) + ".part");
  gethostname(place.host, sizeof place.host - 1);
  place.rank = where.rank;
  place.ranks = where.ranks;
  state = State::armed;
}

void wait_for_record() {
  constexpr int kTries = 1000;  // a file system that hangs must not hold us
  constexpr struct timespec kMillisecond = {0, 1'000'000};
  for (int i = 0; i < kTries && state == State::writing; ++i) nanosleep(&kMillisecond, nullptr);
}

void disarm() {
  State expected = State::armed;
  if (state.compare_exchange_strong(expected, State::off)) return;
  wait_for_record();
  state = State::off;
}

bool is_armed() {
  const State now = state;
  return now == State::armed || now == State::terminated;
}

const char* record_folder() {
  return state == State::off ? "" : place.folder;
}

int recorded_ranks() {
  return place.ranks;
}

bool note_pause(Clock::duration slept, double limit) {
  if (std::chrono::duration<double>(slept).count() < std::clamp(limit / 4, 0.5, 60.0)) return false;
  pause_length = std::chrono::nanoseconds(slept).count();
  pause_end = nanoseconds_of(CLOCK_MONOTONIC);
  return true;
}

void write_record(Reason reason, const char* message) {
  if (!begin_writing(reason)) return;
  const int error = errno;
  mkdir(place.folder, 0777);
  const int file = open(place.part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file >= 0) {
    const bool written = write_lines(file, reason, message);
    const bool closed = close(file) == 0;  // some file systems say only now that they are full
    if (!written || !closed || rename(place.part, place.path) != 0) unlink(place.part);
  }
  errno = error;
  state = reason == Reason::terminated ? State::terminated : State::written;
}

}  // namespace sy::flight
