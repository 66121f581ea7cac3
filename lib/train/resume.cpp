// SPDX-License-Identifier: Apache-2.0
#include "lib/train/resume.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <string_view>
#include <tuple>

#include "lib/base/error.h"
#include "lib/checkpoint/durable.h"
#include "lib/config/config.h"
#include "lib/config/differences.h"

namespace sy {
namespace {

// Positions in the data, ids, or the optimiser's state depend on these.
constexpr std::array<std::string_view, 17> kKept{"run.seed",
                                                 "data.format",
                                                 "data.text_key",
                                                 "data.mixture.exponent",
                                                 "data.mixture.cap",
                                                 "data.objective",
                                                 "data.extra_ids",
                                                 "data.encoder_length",
                                                 "data.decoder_length",
                                                 "data.window_tokens",
                                                 "data.packing",
                                                 "data.streams",
                                                 "data.shuffle_buffer",
                                                 "data.example_buffer",
                                                 "optimizer.name",
                                                 "optimizer.factor_from",
                                                 "train.global_batch"};

constexpr std::array<std::string_view, 2> kDerived{"data.decoder_length", "data.window_tokens"};
// What those lengths follow from. Named as well if they changed: the user set these.
constexpr std::array<std::string_view, 3> kCauses{"data.noise_density", "data.mean_noise_span",
                                                  "data.denoisers"};

// With 1, examples come in another order. Other values may follow one another.
bool ends_buckets(const KeyDifference& each) {
  return each.key == "data.bucket_batches" && (each.was == "1" || each.is == "1");
}

template <size_t n>
bool is_in(const std::array<std::string_view, n>& keys, const std::string& key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

// Names at most five of them.
std::string listed(const std::vector<std::string>& names) {
  constexpr size_t kMost = 5;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kMost); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : ", ", names[i]);
  }
  if (names.size() > kMost) text += fmt::format(" and {} more", names.size() - kMost);
  return text;
}

// The positions of the data streams belong to corpora by these names, in this order.
std::vector<std::string> corpus_names(const DataSection& data) {
  std::vector<std::string> names;
  for (const CorpusSection& corpus : data.corpora) names.push_back(corpus.name);
  return names;
}

bool same_corpora(const RunConfig& was, const RunConfig& is) {
  return corpus_names(was.data) == corpus_names(is.data);
}

void compare_keys(const RunConfig& was, const RunConfig& is, std::vector<std::string>& faults,
                  ResumePlan& plan) {
  const std::vector<KeyDifference> differences = config_differences(was, is);
  const bool lengths =
      std::any_of(differences.begin(), differences.end(),
                  [](const KeyDifference& each) { return is_in(kDerived, each.key); });
  if (!same_corpora(was, is)) {
    faults.push_back(fmt::format("data.corpora: the names [{}] -> [{}]",
                                 fmt::join(corpus_names(was.data), ", "),
                                 fmt::join(corpus_names(is.data), ", ")));
  }
  for (const KeyDifference& each : differences) {
    if (each.key == "data.corpora" && !same_corpora(was, is)) continue;
    std::string line = fmt::format("{}: {} -> {}", each.key, each.was, each.is);
    const bool is_cause = lengths && is_in(kCauses, each.key);
    if (is_in(kKept, each.key) || is_cause || ends_buckets(each)) {
      faults.push_back(std::move(line));
    } else {
      plan.notes.push_back("resuming with a changed configuration: " + line);
    }
  }
  const std::vector<std::string> model = model_differences(was.model, is.model);
  faults.insert(faults.end(), model.begin(), model.end());
}

void compare_tokenizer(const std::string& path, const std::string& now,
                       const CheckpointReader& checkpoint, std::vector<std::string>& faults) {
  const std::string stored = checkpoint.tokenizer();
  if (stored.empty() || checkpoint::read_text(stored, checkpoint::file_bytes(stored)) == now) {
    return;
  }
  faults.push_back(
      fmt::format("data.tokenizer: {} is another tokenizer than {}, so ids mean other pieces; copy "
                  "that file to a place of its own and name it",
                  path, stored));
}

// The shards that the configuration matches now, for finding those of the checkpoint among them.
class PresentShards {
 public:
  explicit PresentShards(const std::vector<DataShard>& shards)
      : shards_(shards), used_(shards.size(), false) {
    for (size_t i = 0; i < shards.size(); ++i) {
      by_path_[place(shards[i])] = i;
      by_content_.emplace(content(shards[i]), i);
    }
  }

  // The shard itself, or one of its name and content elsewhere; null if there is none. Each is
  // found once.
  const DataShard* find(const DataShard& wanted) {
    const auto path = by_path_.find(place(wanted));
    if (path != by_path_.end() && content(shards_[path->second]) == content(wanted)) {
      return use(path->second);
    }
    const auto [first, last] = by_content_.equal_range(content(wanted));
    for (auto it = first; it != last; ++it) {
      if (!used_[it->second]) return use(it->second);
    }
    return nullptr;
  }

  const DataShard* at_path_of(const DataShard& wanted) const {
    const auto it = by_path_.find(place(wanted));
    return it == by_path_.end() ? nullptr : &shards_[it->second];
  }

  std::vector<std::string> unused() const {
    std::vector<std::string> paths;
    for (size_t i = 0; i < shards_.size(); ++i) {
      if (!used_[i]) paths.push_back(shards_[i].path);
    }
    return paths;
  }

 private:
  // Within their corpus.
  using Place = std::pair<std::string, std::string>;
  using Content = std::tuple<std::string, std::string, int64_t, uint64_t>;
  static Place place(const DataShard& shard) { return {shard.corpus, shard.path}; }
  static Content content(const DataShard& shard) {
    return {shard.corpus, std::filesystem::path(shard.path).filename().string(), shard.bytes,
            shard.checksum};
  }
  const DataShard* use(size_t at) {
    used_[at] = true;
    return &shards_[at];
  }

  const std::vector<DataShard>& shards_;
  std::vector<bool> used_;
  std::map<Place, size_t> by_path_;
  std::multimap<Content, size_t> by_content_;
};

void compare_shards(const std::vector<DataShard>& was, const std::vector<DataShard>& is,
                    std::vector<std::string>& faults, ResumePlan& plan) {
  const char* key = was.front().corpus.empty() ? "data.train" : "data.corpora";
  PresentShards present(is);
  std::vector<std::string> missing, replaced;
  int64_t moved = 0;
  for (const DataShard& shard : was) {
    if (const DataShard* found = present.find(shard)) {
      plan.shards.push_back(*found);
      if (found->path != shard.path) ++moved;
    } else if (const DataShard* other = present.at_path_of(shard)) {
      replaced.push_back(fmt::format("{} ({} bytes -> {})", shard.path, shard.bytes, other->bytes));
    } else {
      missing.push_back(shard.path);
    }
  }
  if (!missing.empty()) {
    faults.push_back(fmt::format("{}: no longer matches {} of the run's {} shards: {}", key,
                                 missing.size(), was.size(), listed(missing)));
  }
  if (!replaced.empty()) {
    faults.push_back(fmt::format("{}: {} of the run's {} shards have other contents: {}", key,
                                 replaced.size(), was.size(), listed(replaced)));
  }
  plan.shards_changed = plan.shards != is;
  const std::vector<std::string> added = present.unused();
  if (moved > 0) {
    plan.notes.push_back(fmt::format("{}: {} of the run's {} shards were moved, such as {}", key,
                                     moved, was.size(), plan.shards.front().path));
  }
  if (!added.empty()) {
    plan.notes.push_back(fmt::format(
        "{}: {} of the shards that it matches were not there when the run began: {}; the "
        "run goes on with its own {}. To read the others too, start another run from its weights "
        "(train.initialize_from)",
        key, added.size(), listed(added), was.size()));
  }
}

// What the order of the examples of tasks follows from, besides their files.
std::string tasks_text(const DataSection& data) {
  std::string text;
  for (const TaskSection& task : data.tasks) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", task.name);
    if (!task.form.empty()) text += fmt::format(" (form {})", task.form);
    if (!task.rate.is_auto) text += fmt::format(" (rate {})", task.rate.value);
  }
  return text.empty() ? "none" : text;
}

// The examples of a task are numbered over all of its files, so these must be the same ones, though
// they may have moved.
void compare_task_files(const std::vector<DataShard>& was, const std::vector<DataShard>& is,
                        std::vector<std::string>& faults) {
  const auto same = [](const DataShard& a, const DataShard& b) {
    return a.bytes == b.bytes && a.checksum == b.checksum;
  };
  if (std::equal(was.begin(), was.end(), is.begin(), is.end(), same)) return;
  const auto [first, other] = std::mismatch(was.begin(), was.end(), is.begin(), is.end(), same);
  faults.push_back(fmt::format("data.tasks: the training files are others: {} -> {}",
                               first == was.end() ? "none" : first->path,
                               other == is.end() ? "none" : other->path));
}

}  // namespace

ResumePlan plan_resume(const RunConfig& config, const RunInputs& inputs,
                       const CheckpointReader& checkpoint) {
  const RunConfig was = parse_config(checkpoint.config_yaml(), "the checkpoint's configuration");
  ResumePlan plan;
  std::vector<std::string> faults;
  compare_keys(was, config, faults, plan);
  compare_tokenizer(config.data.tokenizer, inputs.tokenizer, checkpoint, faults);
  const std::string tasks_were = tasks_text(was.data), tasks_are = tasks_text(config.data);
  if (tasks_were != tasks_are) {
    faults.push_back(fmt::format("data.tasks: {} -> {}", tasks_were, tasks_are));
  }
  if (checkpoint.data_shards().empty() || tasks_were != tasks_are) {
    plan.shards = inputs.data_shards;
  } else if (!config.data.tasks.empty()) {
    plan.shards = inputs.data_shards;
    compare_task_files(checkpoint.data_shards(), inputs.data_shards, faults);
  } else if (same_corpora(was, config)) {
    compare_shards(checkpoint.data_shards(), inputs.data_shards, faults, plan);
  }
  if (faults.empty()) return plan;
  std::string message =
      "the checkpoint belongs to another run (checkpoint -> here): restore what is listed, or "
      "start a "
      "new run (another run.name or --resume none), from its weights with train.initialize_from:";
  for (const std::string& fault : faults) message += "\n  " + fault;
  throw ConfigError(message);
}

}  // namespace sy
