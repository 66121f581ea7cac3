// SPDX-License-Identifier: Apache-2.0
#include "tests/support/sample_text.h"

#include <array>
#include <string_view>
#include <vector>

#include "lib/base/random.h"

namespace sy::test {
namespace {

using Words = std::vector<std::string_view>;

// A subject of documents: things, what happens to them, and what they are like.
struct Subject {
  Words things, deeds, kinds;
};

const std::array<Subject, 5> kSubjects = {{
    {{"harbour", "boat", "net", "tide", "pier", "sail", "gull", "lantern", "captain", "rope",
      "anchor", "storm", "island", "cargo", "lighthouse", "crew", "wave", "channel"},
     {"moor", "row", "load", "paint", "drift", "anchor", "repair", "follow", "haul", "rescue"},
     {"calm", "salt", "rusty", "distant", "wet", "steady", "shallow", "northern", "low", "grey"}},
    {{"oven", "loaf", "kitchen", "recipe", "pan", "onion", "cook", "spoon", "table", "flavour",
      "market", "basket", "guest", "kettle", "honey", "barley", "supper", "café"},
     {"bake", "season", "stir", "taste", "serve", "peel", "warm", "chop", "order", "share"},
     {"fresh", "sweet", "sharp", "crisp", "plain", "rich", "bitter", "golden", "hot", "tender"}},
    {{"garden", "seed", "hedge", "root", "apple", "spade", "bee", "orchard", "path", "gardener",
      "blossom", "pond", "fence", "soil", "tulip", "bench", "sparrow", "wall"},
     {"plant", "water", "trim", "gather", "sow", "dig", "shade", "prune", "weed", "cover"},
     {"green", "early", "wild", "tall", "mossy", "tidy", "late", "sunny", "quiet", "dry"}},
    {{"engine", "workshop", "bolt", "lathe", "drawing", "wheel", "apprentice", "valve", "machine",
      "gauge", "motor", "bridge", "signal", "spring", "battery", "pump", "axle", "engineer"},
     {"measure", "build", "test", "adjust", "weld", "start", "inspect", "replace", "drill", "oil"},
     {"heavy", "precise", "broken", "modern", "noisy", "spare", "solid", "worn", "electric",
      "loose"}},
    {{"school", "lesson", "teacher", "library", "pupil", "map", "book", "chalk", "answer",
      "question", "corridor", "choir", "letter", "story", "window", "clock", "desk", "song"},
     {"explain", "count", "spell", "open", "borrow", "copy", "answer", "learn", "recite", "praise"},
     {"young", "careful", "difficult", "famous", "simple", "proud", "patient", "curious", "old",
      "long"}},
}};
const Words kNames = {"Ada",  "Ben",   "Clara", "Dónal", "Edith", "Farid", "Greta", "Hugo",
                      "Ines", "Jonas", "Kofi",  "Lena",  "Mirza", "Noor",  "Oskar", "Zoë"};
const Words kPlaces = {"Ashby",   "Brindle",      "Corvik",     "Dunmore",    "Elsham",
                       "Fjordby", "Kestrel Hill", "Lower Wick", "Marrow Bay", "Saint-Aubry"};
const Words kTimes = {"every morning",   "last year",      "before dawn",     "in the evening",
                      "on Sunday",       "after the rain", "for three weeks", "at noon",
                      "in early spring", "twice a day"};
const Words kManners = {"slowly",          "carefully", "at once",  "almost always",
                        "without a word",  "together",  "as usual", "rather badly",
                        "with great care", "by hand"};

// Surnames are built from three syllables, which gives a long tail, as names have in any text.
const std::array<Words, 3> kSyllables = {{
    {"Hal", "Bren", "Mor", "Tor", "Wes", "Lin", "Gar", "Pel", "Ox", "Ud", "Car", "Fen", "Kil",
     "Ste", "Ras", "Yar"},
    {"vor", "den", "i", "a", "ster", "low", "ken", "mar", "bro", "que", "zel", "ju"},
    {"sen", "ton", "ley", "by", "wick", "son", "feld", "ham", "ova", "ski"},
}};

// %t thing, %d deed, %k kind, %n name, %s surname, %p place, %w time, %m manner, %y year, %c count.
const Words kSentences = {
    "The %k %t was near the %t.",
    "%n %s had %ded the %t %w.",
    "We %ded the %t %m, and the %t was %k again.",
    "In %y the %t of %p was %ker than any %t.",
    "It is not easy to %d a %k %t %m.",
    "“Who will %d the %t?” asked %n.",
    "%w, the %ts of %p are %k and the %ts are %k.",
    "If the %t is too %k, you should %d it %m.",
    "There were %c %ts and only one %k %t.",
    "%n and Dr. %s %ded %c %ts for the %t of %p.",
    "She said that the %t, which was %k, had been %ded %w.",
    "Nobody in %p could %d the %t like Mrs %s.",
    "The %t costs £%c.50 (%c of them for £%y); it's %k, they say.",
    "This is the %kest %t that I have ever seen!",
    "\"%n,\" she wrote, \"please %d the %t %w\".",
    "For more than %c years the %t has been %k – and the %t has not.",
};

class Writer {
 public:
  Writer(uint64_t seed, uint32_t index) : key_{seed, index, site::kSynthetic} {
    subject_ = &kSubjects[below(kSubjects.size())];
  }

  std::string document() {
    const uint32_t sentences = 3 + below(18);
    std::string text;
    for (uint32_t i = 0; i < sentences; ++i) {
      if (i > 0) text += below(5) == 0 ? "\n" : " ";
      text += sentence();
    }
    return text;
  }

 private:
  uint32_t below(size_t bound) { return random_below(key_, next_++, static_cast<uint32_t>(bound)); }

  // The square of a uniform draw favours the first words of a list.
  std::string word(const Words& words) {
    const double u = random_uniform(key_, next_++);
    return std::string(words[static_cast<size_t>(u * u * static_cast<double>(words.size()))]);
  }

  std::string filled(char slot) {
    switch (slot) {
      case 't':
        return word(below(8) == 0 ? kSubjects[below(kSubjects.size())].things : subject_->things);
      case 'd':
        return word(subject_->deeds);
      case 'k':
        return word(subject_->kinds);
      case 'n':
        return word(kNames);
      case 's':
        return surname();
      case 'p':
        return word(kPlaces);
      case 'w':
        return word(kTimes);
      case 'm':
        return word(kManners);
      case 'y':
        return std::to_string(1850 + below(175));
      default:
        return std::to_string(2 + below(40) * below(4));
    }
  }

  std::string surname() {
    std::string name;
    for (const Words& syllables : kSyllables) name += syllables[below(syllables.size())];
    return name;
  }

  std::string sentence() {
    const std::string_view pattern = kSentences[below(kSentences.size())];
    std::string text;
    for (size_t i = 0; i < pattern.size(); ++i) {
      text += pattern[i] == '%' ? filled(pattern[++i]) : std::string(1, pattern[i]);
    }
    if (text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
    return text;
  }

  RandomKey key_;
  uint64_t next_ = 0;
  const Subject* subject_ = nullptr;
};

}  // namespace

std::string sample_document(uint64_t seed, uint32_t index) {
  return Writer(seed, index).document();
}

}  // namespace sy::test
