// SPDX-License-Identifier: Apache-2.0
// A checkpoint damaged after its commit is refused with a reason, and HDF5 never gets to see a
// damaged file.
#include <catch2/catch.hpp>
#include <filesystem>

#include "lib/checkpoint/durable.h"
#include "lib/checkpoint/manifest.h"
#include "lib/checkpoint/verify.h"
#include "tests/checkpoint/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;
using Catch::Contains;
namespace fs = std::filesystem;

constexpr int64_t kAll = int64_t{1} << 30;

// Two checkpoints, so that there is a previous one to name; a copy of step 2 to damage.
struct Pair {
  std::string folder = temporary_folder();
  std::string one = folder + "/step-00000001", two = folder + "/step-00000002";
  Pair() {
    save(folder, {}, 2, 1, 1);
    save(folder, {}, 2, 2, 2);
  }
  void replace(const std::string& file, const std::string& contents) const {
    checkpoint::write_synced(two + "/" + file, contents);
  }
  std::string contents(const std::string& file) const {
    return checkpoint::read_text(two + "/" + file, kAll);
  }
};

TEST_CASE("checkpoint: one that is gone has no faults, as one has that is damaged",
          "[checkpoint_damage]") {
  const Pair pair;
  CHECK(checkpoint_faults(pair.one).value().empty());
  pair.replace("manifest.json", "{");
  CHECK(checkpoint_faults(pair.two).value().size() == 1);
  fs::remove_all(pair.two);
  CHECK_FALSE(checkpoint_faults(pair.two));
  fs::create_directory_symlink(pair.folder + "/nowhere", pair.two);
  CHECK(checkpoint_faults(pair.two).value().size() == 1);
}

TEST_CASE("checkpoint: a flipped byte anywhere is found", "[checkpoint_damage]") {
  const Pair pair;
  for (const char* file : {"shard-00000.h5", "shard-00001.h5", "manifest.json", "index.h5"}) {
    const std::string whole = pair.contents(file);
    // HDF5's own structures lie at the start and between the data; every file has some of each.
    for (size_t i = 0; i < whole.size(); i += i < 2048 ? 61 : 4001) {
      std::string broken = whole;
      broken[i] = static_cast<char>(~broken[i]);
      pair.replace(file, broken);
      INFO(file << " at " << i);
      const std::string name = file;
      if (name == "index.h5") {  // not used to read, so only verify() looks at it
        const auto faults = CheckpointReader(pair.two).verify();
        REQUIRE(faults.size() == 1);
        CHECK_THAT(faults[0], Contains("index.h5 does not match the checksum"));
      } else {
        CHECK_THROWS_WITH(reads_as(pair.two, {}, 2, 2),
                          Contains(name) && Contains("does not match") &&
                              Contains("the previous checkpoint can be used: " + pair.one));
      }
    }
    pair.replace(file, whole);
  }
  CHECK(reads_as(pair.two, {}, 2, 2));
}

TEST_CASE("checkpoint: verify names every damaged file", "[checkpoint_damage]") {
  const Pair pair;
  for (const char* file : {"shard-00000.h5", "shard-00001.h5", "index.h5"}) {
    std::string broken = pair.contents(file);
    broken[broken.size() / 2] ^= 1;
    pair.replace(file, broken);
  }
  CHECK(CheckpointReader(pair.two).verify().size() == 3);
  CHECK(CheckpointReader(pair.one).verify().empty());
}

TEST_CASE("checkpoint: each dataset is checked besides its file", "[checkpoint_damage]") {
  const Pair pair;
  const std::string path = pair.two + "/manifest.json";
  checkpoint::Manifest manifest = checkpoint::parse_manifest(pair.contents("manifest.json"), path);
  manifest.tensors[1].slabs[1].checksum ^= 1;
  manifest.streams[1].checksum ^= 1;
  pair.replace("manifest.json", checkpoint::to_json(manifest));
  const CheckpointReader reader(pair.two);
  const std::string& tensor = manifest.tensors[1].name;
  for (const int readers : {1, 2, 8}) {  // into place, and through the buffer
    RankModel model({}, readers - 1, readers, 2);
    CHECK_THROWS_WITH(reader.read(model.tensors()), Contains("(dataset " + tensor + "@4,0,0)"));
  }
  CHECK_THROWS_WITH(reader.stream(manifest.streams[1].name), Contains("data/streams/"));
  CHECK(reader.verify().size() == 2);
}

TEST_CASE("checkpoint: missing and cut files are found before anything is read",
          "[checkpoint_damage]") {
  const Pair pair;
  const std::string shard = pair.contents("shard-00001.h5");
  pair.replace("shard-00001.h5", shard.substr(0, shard.size() - 1));
  CHECK_THROWS_WITH(CheckpointReader(pair.two),
                    Contains("shard-00001.h5 has") && Contains("where the manifest says"));
  pair.replace("shard-00001.h5", "");
  CHECK_THROWS_AS(CheckpointReader(pair.two), DataError);
  fs::remove(pair.two + "/shard-00001.h5");
  CHECK_THROWS_WITH(CheckpointReader(pair.two),
                    Contains("shard-00001.h5 is missing") && Contains(pair.one));
  pair.replace("shard-00001.h5", shard);
  fs::remove(pair.two + "/index.h5");
  CHECK_THROWS_WITH(CheckpointReader(pair.two), Contains("index.h5 is missing"));
  fs::remove(pair.two + "/manifest.json");
  CHECK_THROWS_WITH(CheckpointReader(pair.two), Contains("is not a committed checkpoint"));
  CHECK(newest_checkpoint(pair.folder) == pair.one);
  CHECK_THROWS_AS(CheckpointReader(pair.folder + "/absent"), DataError);
}

TEST_CASE("checkpoint: one under another step's name is refused", "[checkpoint_damage]") {
  const Pair pair;
  const int64_t step = CheckpointReader(pair.two).step();
  const std::string other = pair.folder + "/step-00000077";
  fs::rename(pair.two, other);
  CHECK_THROWS_WITH(CheckpointReader(other),
                    Contains(fmt::format("the checkpoint of step {} under another name", step)));
  fs::rename(other, pair.folder + "/kept");
  CHECK(CheckpointReader(pair.folder + "/kept").step() == step);
}

TEST_CASE("checkpoint: without an earlier checkpoint the remedy says so", "[checkpoint_damage]") {
  const Pair pair;
  fs::remove(pair.one + "/shard-00000.h5");
  CHECK_THROWS_WITH(CheckpointReader(pair.one), Contains("no earlier checkpoint lies beside it"));
}

TEST_CASE("checkpoint: every tensor that does not fit is listed at once", "[checkpoint_damage]") {
  const Pair pair;
  const CheckpointReader reader(pair.two);
  RankModel model({}, 0, 1, 2);
  std::vector<CheckpointTensor> tensors = model.tensors();
  tensors[0] = whole_tensor(tensors[0].name, tensors[0].local.view({6, 17}));
  tensors[1].name = "parameters/absent";
  Owned wide = zeros(DType::f64, {5});
  tensors[5].local = wide;
  using Extra = CheckpointReader::Extra;
  const auto complaint = [&](Extra extra) -> std::string {
    try {
      reader.read(tensors, extra);
    } catch (const DataError& error) {
      return error.what();
    }
    return "";
  };
  for (const Extra extra : {Extra::allow, Extra::refuse}) {
    const std::string said = complaint(extra);
    CHECK_THAT(said, Contains("parameters/embedding is float32 [17, 6] in the checkpoint but "
                              "float32 [6, 17] in this run"));
    CHECK_THAT(said, Contains("parameters/absent is missing"));
    CHECK_THAT(
        said,
        Contains("optimizer/counts is int32 [5] in the checkpoint but float64 [5] in this run"));
    const bool listed =
        said.find("moe/wi is in the checkpoint but not in this run") != std::string::npos;
    CHECK(listed == (extra == Extra::refuse));
  }
  // Nothing was read: the memory is unchanged.
  CHECK(model.holds(2));
  // Groups that are not asked for may be left out.
  tensors.assign(model.tensors().begin(), model.tensors().begin() + 3);
  CHECK(complaint(Extra::refuse).empty());
}

TEST_CASE("checkpoint: an absent stream is named", "[checkpoint_damage]") {
  const Pair pair;
  CHECK_THROWS_WITH(CheckpointReader(pair.two).stream("9999"), Contains("no stream 9999"));
}

}  // namespace
}  // namespace sy
