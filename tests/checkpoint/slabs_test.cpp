// SPDX-License-Identifier: Apache-2.0
// Tensors written with one cut and read with another, bit for bit, and the errors for slabs that do
// not cover a tensor.
#include <catch2/catch.hpp>
#include <cstring>

#include "lib/checkpoint/durable.h"
#include "lib/checkpoint/json_text.h"
#include "lib/checkpoint/manifest.h"
#include "tests/checkpoint/cuts.h"
#include "tests/checkpoint/support.h"
#include "tests/support/shared_files.h"

namespace sy {
namespace {
using namespace test;
using Catch::Contains;

// A tensor of random bits and a cut of it.
struct Stored {
  std::string name;
  Owned values;
  std::vector<Slab> slabs;

  Stored(Random& random, int64_t number)
      : name(fmt::format("parameters/{}", number)),
        values(number % 3 == 0   ? DType::f64
               : number % 3 == 1 ? DType::f32
                                 : DType::i32,
               random_shape(random, 7)),
        slabs(random_cut(random, shape(), 12)) {
    const Tensor tensor = values;
    for (int64_t i = 0; i < tensor.bytes(); ++i) {
      static_cast<char*>(tensor.raw())[i] = static_cast<char>(draw(random, -128, 127));
    }
  }
  Shape shape() { return values.tensor().shape(); }

  // Element i of a slab, in the whole tensor.
  const char* element(const Slab& slab, int64_t i) {
    const auto size = static_cast<int64_t>(size_of(values.tensor().dtype()));
    return static_cast<const char*>(values.tensor().raw()) + global_index(slab, shape(), i) * size;
  }
  // Memory of a slab, filled from the whole.
  Owned part(const Slab& slab) {
    Owned memory(values.tensor().dtype(), slab.extent);
    each_byte(memory, slab,
              [](char* here, const char* there, size_t size) { std::memcpy(here, there, size); });
    return memory;
  }
  bool holds(Owned& memory, const Slab& slab) {
    bool same = true;
    each_byte(memory, slab, [&same](const char* here, const char* there, size_t size) {
      same = same && std::memcmp(here, there, size) == 0;
    });
    return same;
  }

 private:
  template <class Use>
  void each_byte(const Tensor& memory, const Slab& slab, const Use& use) {
    const size_t size = size_of(memory.dtype());
    for (int64_t i = 0; i < slab.numel(); ++i) {
      use(static_cast<char*>(memory.raw()) + static_cast<size_t>(i) * size, element(slab, i), size);
    }
  }
};

std::vector<Stored> random_tensors(Random& random, int64_t count) {
  std::vector<Stored> tensors;
  for (int64_t i = 0; i < count; ++i) tensors.emplace_back(random, i);
  return tensors;
}

// Saves the tensors from `ranks` ranks, among which the slabs are dealt at random.
void save_cut(Random& random, const std::string& folder, std::vector<Stored>& tensors, int ranks) {
  std::vector<std::vector<CheckpointTensor>> dealt(static_cast<size_t>(ranks));
  std::vector<std::unique_ptr<Owned>> memory;
  for (Stored& tensor : tensors) {
    for (const Slab& slab : tensor.slabs) {
      memory.push_back(std::make_unique<Owned>(tensor.part(slab)));
      dealt[static_cast<size_t>(draw(random, 0, ranks - 1))].push_back(
          {tensor.name, *memory.back(), tensor.shape(), slab});
    }
  }
  const CheckpointMeta meta{1, "", "{}", {}, ""};
  std::vector<std::unique_ptr<CheckpointWriter>> writers;
  for (int rank = 0; rank < ranks; ++rank) {
    writers.push_back(std::make_unique<CheckpointWriter>(folder, rank, ranks, 0));
    writers.back()->start(dealt[static_cast<size_t>(rank)], meta);
  }
  for (const auto& writer : writers) writer->wait_ready();
  for (const auto& writer : writers) writer->commit();
}

TEST_CASE("checkpoint slabs: what any cut wrote, any cut reads", "[checkpoint_slabs]") {
  Random random(2);
  const bool through_copy = GENERATE(false, true);
  for (int round = 0; round < 25; ++round) {
    std::vector<Stored> tensors = random_tensors(random, 6);
    const std::string folder = temporary_folder();
    save_cut(random, folder, tensors, static_cast<int>(draw(random, 1, 4)));
    const CheckpointReader reader(newest_checkpoint(folder));
    CHECK(reader.verify().empty());
    std::vector<CheckpointTensor> wanted;
    std::vector<std::pair<Stored*, std::unique_ptr<Owned>>> memory;
    for (Stored& tensor : tensors) {
      for (const Slab& slab : random_cut(random, tensor.shape(), 4)) {
        memory.emplace_back(&tensor,
                            std::make_unique<Owned>(tensor.values.tensor().dtype(), slab.extent));
        wanted.push_back({tensor.name, *memory.back().second, tensor.shape(), slab});
      }
    }
    CheckpointCopy copy;
    if (through_copy) {
      copy = [](Tensor to, Tensor from) {
        REQUIRE(to.shape() == from.shape());
        std::memcpy(to.raw(), from.raw(), static_cast<size_t>(from.bytes()));
      };
    }
    reader.read(wanted, CheckpointReader::Extra::refuse, copy);
    for (size_t i = 0; i < wanted.size(); ++i) {
      INFO("round " << round << ": " << wanted[i].slab.str() << " of " << wanted[i].global.str());
      REQUIRE(memory[i].first->holds(*memory[i].second, wanted[i].slab));
    }
  }
}

TEST_CASE("checkpoint slabs: stored in the order of their offsets, whoever wrote them",
          "[checkpoint_slabs]") {
  Random random(3);
  std::vector<Stored> tensors = random_tensors(random, 3);
  const std::string first = temporary_folder(), second = temporary_folder();
  save_cut(random, first, tensors, 4);
  for (Stored& tensor : tensors) std::reverse(tensor.slabs.begin(), tensor.slabs.end());
  save_cut(random, second, tensors, 2);
  const CheckpointReader a(newest_checkpoint(first)), b(newest_checkpoint(second));
  for (const CheckpointReader::Entry& entry : a.tensors()) {
    const auto same = [&](const auto& other) { return other.name == entry.name; };
    CHECK(std::find_if(b.tensors().begin(), b.tensors().end(), same)->slabs == entry.slabs);
  }
}

// A checkpoint of one [4, 6] tensor in four slabs of [2, 3].
struct Quarters {
  std::string folder = temporary_folder(), path = folder + "/step-00000001";
  Owned memory = zeros(DType::f32, {2, 3});

  Quarters() {
    std::vector<CheckpointTensor> tensors;
    for (const int64_t row : {0, 2}) {
      for (const int64_t column : {0, 3}) {
        tensors.push_back({"parameters/a", memory, {4, 6}, {{row, column}, {2, 3}}});
      }
    }
    CheckpointWriter writer(folder, 0, 1, 0);
    writer.start(tensors, {1, "", "{}", {}, ""});
    writer.commit();
  }
  // The manifest with a slab changed.
  void alter(size_t slab, const Slab& other) const {
    const std::string file = path + "/manifest.json";
    checkpoint::Manifest manifest =
        checkpoint::parse_manifest(checkpoint::read_text(file, 1 << 20), file);
    manifest.tensors[0].slabs[slab].slab = other;
    checkpoint::write_synced(file, checkpoint::to_json(manifest));
  }
};

TEST_CASE("checkpoint slabs: one off is found before anything is read", "[checkpoint_slabs]") {
  struct Case {
    size_t slab;
    Slab other;
    const char* complaint;
  };
  const Case cases[] = {
      {0, {{0, 0}, {2, 2}}, "no slab holds [0, 2]"}, {0, {{0, 0}, {2, 4}}, "2 slabs hold [0, 3]"},
      {1, {{0, 3}, {1, 3}}, "no slab holds [1, 3]"}, {1, {{1, 3}, {2, 3}}, "no slab holds [0, 3]"},
      {2, {{1, 0}, {2, 3}}, "2 slabs hold [1, 0]"},  {3, {{2, 2}, {2, 3}}, "2 slabs hold [2, 2]"},
      {3, {{2, 3}, {3, 3}}, "extends beyond [4, 6]"}};
  for (const Case& item : cases) {
    const Quarters quarters;
    quarters.alter(item.slab, item.other);
    INFO(item.slab << " as " << item.other.str());
    CHECK_THROWS_WITH(CheckpointReader(quarters.path), Contains(item.complaint));
    CHECK_THROWS_WITH(CheckpointReader(quarters.path), Contains("tensors[0]"));
    CHECK_THROWS_AS(CheckpointReader(quarters.path), DataError);
  }
  // A valid cover, but by other datasets than were written.
  const Quarters quarters;
  quarters.alter(0, {{0, 0}, {2, 2}});
  CHECK_THROWS_WITH(CheckpointReader(quarters.path), Contains("parameters/a"));
}

TEST_CASE("checkpoint slabs: a folder of format 1 is refused in one sentence",
          "[checkpoint_slabs]") {
  const Quarters quarters;
  const std::string file = quarters.path + "/manifest.json";
  std::string text =
      checkpoint::read_text(SY_SOURCE_DIR "/tests/fuzz/corpus/checkpoint/format1", 4096);
  checkpoint::write_synced(file, checkpoint::seal_json(text));
  CHECK(newest_checkpoint(quarters.folder) == quarters.path);
  try {
    CheckpointReader reader(quarters.path);
    FAIL("it was read");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::data);
    CHECK(error.what() ==
          file +
              ": this checkpoint was made by an earlier version of the program (format 1) and "
              "cannot be read by this one: train again, or convert it to Hugging Face's form "
              "with the version that wrote it and back with this one");
  }
}

}  // namespace
}  // namespace sy
