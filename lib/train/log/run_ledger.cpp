// SPDX-License-Identifier: Apache-2.0
#include "lib/train/log/run_ledger.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <numeric>
#include <optional>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/json.h"

namespace sy {
namespace {

double sum_of(const ActivitySeconds& seconds) {
  return std::accumulate(seconds.begin(), seconds.end(), 0.0);
}

struct Line {
  std::optional<int64_t> resumed;
  double time = 0;
  int64_t step = 0;
  ActivitySeconds seconds{};
};

// Nothing if the line is not whole.
std::optional<Line> parse_line(const std::string& text) {
  constexpr bool kThrow = false;
  const Json object = Json::parse(text, nullptr, kThrow);
  Line line;
  try {
    if (object.contains("resumed")) line.resumed = object.at("resumed").get<int64_t>();
    line.time = object.at("time");
    line.step = object.at("step");
    for (size_t i = 0; i < kActivities; ++i) {
      line.seconds[i] = object.at("seconds").at(name_of(static_cast<Activity>(i)));
    }
  } catch (const Json::exception&) {
    return std::nullopt;
  }
  return line;
}

// What one start did between two of its lines.
struct Stretch {
  int64_t first, last;  // the step at its beginning and at its end
  ActivitySeconds seconds;
};

// Adds up the lines in the order in which they were written.
class LedgerSum {
 public:
  void add(const Line& line) {
    if (line.resumed) {
      resume(*line.resumed);
      const double began = line.time - sum_of(line.seconds);
      if (sum_.starts++ > 0) sum_.between += std::max(0.0, began - last_.time);
      last_ = {};
      last_.step = *line.resumed;
    }
    Stretch stretch{last_.step, line.step, line.seconds};
    for (size_t i = 0; i < kActivities; ++i) stretch.seconds[i] -= last_.seconds[i];
    stretches_.push_back(stretch);
    last_ = line;
  }

  // A start goes on from `step`: what was done after it is lost.
  void resume(int64_t step) {
    for (Stretch& stretch : stretches_) {
      if (stretch.last > step) lose(stretch, step);
    }
  }

  Goodput sum() const {
    Goodput sum = sum_;
    for (const Stretch& stretch : stretches_) {
      sum.steps += stretch.last - stretch.first;
      for (size_t i = 0; i < kActivities; ++i) sum.kept[i] += stretch.seconds[i];
    }
    return sum;
  }

 private:
  void lose(Stretch& stretch, int64_t step) {
    const double starting = stretch.seconds[static_cast<size_t>(Activity::starting)];
    const int64_t kept = std::max(stretch.first, step);
    sum_.lost += sum_of(stretch.seconds) - starting;
    sum_.lost_steps += stretch.last - kept;
    stretch.last = kept;
    stretch.seconds = {};
    stretch.seconds[static_cast<size_t>(Activity::starting)] = starting;
  }

  Goodput sum_;
  std::vector<Stretch> stretches_;  // not lost
  Line last_;                       // of the present start
};

LedgerSum sum_lines(std::istream& file) {
  LedgerSum sum;
  for (std::string text; std::getline(file, text);) {
    if (const std::optional<Line> line = parse_line(text)) sum.add(*line);
  }
  return sum;
}

double time_of_day() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

bool ends_torn(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file || file.tellg() == 0) return false;
  file.seekg(-1, std::ios::end);
  return file.get() != '\n';
}

double percent(double part, double whole) {
  return whole > 0 ? 100 * part / whole : 0;
}

}  // namespace

double Goodput::total() const {
  return sum_of(kept) + lost;
}

double Goodput::share() const {
  return percent(kept[static_cast<size_t>(Activity::training)], total()) / 100;
}

Goodput read_ledger(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw DataError(fmt::format("{}: {}", path, std::strerror(errno)));
  return sum_lines(file).sum();
}

std::string goodput_table(const Goodput& goodput) {
  std::string text;
  const auto row = [&](std::string name, double seconds) {
    std::replace(name.begin(), name.end(), '_', ' ');
    text += fmt::format("{:<18}{:>14.1f} s{:>8.1f} %\n", name, seconds,
                        percent(seconds, goodput.total()));
  };
  for (size_t i = 0; i < kActivities; ++i) {
    row(name_of(static_cast<Activity>(i)), goodput.kept[i]);
  }
  row("lost", goodput.lost);
  row("all starts", goodput.total());
  text += fmt::format("{:<18}{:>14.1f} s\n", "between starts", goodput.between);
  return text + fmt::format("starts {}, steps {}, lost steps {}\n", goodput.starts, goodput.steps,
                            goodput.lost_steps);
}

std::string goodput_json(const Goodput& goodput) {
  Json object{{"starts", goodput.starts},
              {"steps", goodput.steps},
              {"lost_steps", goodput.lost_steps},
              {"goodput", goodput.share()}};
  for (size_t i = 0; i < kActivities; ++i) {
    object["seconds"][name_of(static_cast<Activity>(i))] = goodput.kept[i];
  }
  object["seconds"]["lost"] = goodput.lost;
  object["seconds"]["all_starts"] = goodput.total();
  object["seconds"]["between_starts"] = goodput.between;
  return json_line(object);
}

std::string goodput_text(const Goodput& goodput) {
  std::string text =
      fmt::format("goodput {:.1f} % of {:.1f} s", 100 * goodput.share(), goodput.total());
  for (size_t i = 0; i < kActivities; ++i) {
    std::string name = name_of(static_cast<Activity>(i));
    std::replace(name.begin(), name.end(), '_', ' ');
    text += fmt::format("{} {} {:.1f} s", i == 0 ? ":" : ",", name, goodput.kept[i]);
  }
  return text + fmt::format(", lost {:.1f} s ({} steps); {} starts", goodput.lost,
                            goodput.lost_steps, goodput.starts);
}

RunLedger::RunLedger(const std::string& path, const std::string& start, int64_t resumed,
                     const ActivityClock& clock)
    : path_(path), start_(start), clock_(clock), resumed_(resumed), step_(resumed) {
  LedgerSum earlier;
  if (std::ifstream file(path); file) earlier = sum_lines(file);
  Line beginning;
  beginning.resumed = resumed;
  beginning.time = time_of_day() - sum_of(clock.seconds());
  beginning.step = resumed;
  earlier.add(beginning);
  before_ = earlier.sum();
  const bool torn = ends_torn(path);
  file_.reset(std::fopen(path.c_str(), "a"));
  if (file_ && torn) std::fputs("\n", file_.get());
  write_line(true);
}

void RunLedger::write(int64_t step) {
  step_ = step;
  write_line(false);
}

void RunLedger::write_line(bool first) {
  Json line{{"start", start_}};
  if (first) line["resumed"] = resumed_;
  line["time"] = time_of_day();
  line["step"] = step_;
  const ActivitySeconds seconds = clock_.seconds();
  for (size_t i = 0; i < kActivities; ++i) {
    line["seconds"][name_of(static_cast<Activity>(i))] = seconds[i];
  }
  const std::string text = json_line(line) + "\n";
  if (!file_ || std::fputs(text.c_str(), file_.get()) < 0 || std::fflush(file_.get()) != 0) {
    throw RuntimeFailure(fmt::format("{} cannot be written: {}", path_, std::strerror(errno)));
  }
}

Goodput RunLedger::so_far() const {
  Goodput sum = before_;
  const ActivitySeconds seconds = clock_.seconds();
  for (size_t i = 0; i < kActivities; ++i) sum.kept[i] += seconds[i];
  sum.steps += step_ - resumed_;
  return sum;
}

}  // namespace sy
