#include "lib/config/names.h"

#include <array>

namespace sy {

Words words(BackendChoice) {
  static constexpr std::array<std::string_view, 3> names = {"auto", "cpu", "cuda"};
  return names;
}

Words words(Precision) {
  static constexpr std::array<std::string_view, 2> names = {"float32", "bfloat16"};
  return names;
}

Words words(Activation) {
  static constexpr std::array<std::string_view, 3> names = {"relu", "gelu", "geglu"};
  return names;
}

Words words(CapacityMode) {
  static constexpr std::array<std::string_view, 3> names = {"factor", "fixed", "dropless"};
  return names;
}

Words words(Convention) {
  static constexpr std::array<std::string_view, 2> names = {"paper", "hugging_face"};
  return names;
}

Words words(Separator) {
  static constexpr std::array<std::string_view, 2> names = {"none", "eos"};
  return names;
}

Words words(BadRecordPolicy) {
  static constexpr std::array<std::string_view, 2> names = {"skip", "fail"};
  return names;
}

Words words(OptimizerName) {
  static constexpr std::array<std::string_view, 2> names = {"adafactor", "adamw"};
  return names;
}

Words words(ScheduleName) {
  static constexpr std::array<std::string_view, 4> names = {"rsqrt", "constant", "linear",
                                                            "cosine"};
  return names;
}

Words words(NonFinitePolicy) {
  static constexpr std::array<std::string_view, 2> names = {"stop", "skip"};
  return names;
}

}  // namespace sy
