// SPDX-License-Identifier: Apache-2.0
#include "lib/config/yaml_text.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "lib/base/error.h"

namespace sy {
namespace {

constexpr size_t kLargestFile = size_t{1} << 20;

// Length of the UTF-8 character at text[i], or 0 if the bytes are not UTF-8.
size_t utf8_length(const std::string& text, size_t i) {
  const auto lead = static_cast<unsigned char>(text[i]);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || i + length > text.size()) return 0;
  for (size_t k = 1; k < length; ++k) {
    if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return 0;
  }
  return length;
}

// The first byte that cannot be part of a configuration, or a tab that indents a line.
std::optional<YamlText> find_bad_character(const std::string& text) {
  Place at{1, 1};
  bool indenting = true;
  Place tab;
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length(text, i);
    const auto c = static_cast<unsigned char>(text[i]);
    if (length == 0) return YamlText{{}, "not UTF-8 text; is this a configuration file?", at};
    if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f) {
      return YamlText{
          {}, fmt::format("control character 0x{:02x}; is this a configuration file?", c), at};
    }
    if (indenting && c == '\t' && tab.line == 0) tab = at;
    if (indenting && c != '\t' && c != ' ' && c != '\r' && c != '\n') {
      if (tab.line != 0 && c != '#') {
        return YamlText{{}, "this line is indented with a tab; YAML allows only spaces", tab};
      }
      indenting = false;
    }
    i += length;
    ++at.column;
    if (c == '\n') {
      at = {at.line + 1, 1};
      indenting = true;
      tab = {};
    }
  }
  return std::nullopt;
}

std::string syntax_remedy(const std::string& message) {
  if (message == YAML::ErrorMsg::UNKNOWN_ANCHOR || message == YAML::ErrorMsg::ALIAS_NOT_FOUND ||
      message == YAML::ErrorMsg::CHAR_IN_ALIAS) {
    return "put text that begins with * in quotes";
  }
  return "check indentation, colons, quotes and brackets here";
}

// Records where a document starts, without building a tree.
struct DocumentStart : YAML::EventHandler {
  YAML::Mark mark = YAML::Mark::null_mark();

  void OnDocumentStart(const YAML::Mark& start) override { mark = start; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

// Where a second document starts. YAML::LoadAll is no alternative: it does not return if there is a
// comma outside of brackets, which makes an endless sequence of documents that consume no text.
std::optional<Place> find_second_document(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentStart start;
  if (!parser.HandleNextDocument(start) || !parser.HandleNextDocument(start)) return std::nullopt;
  return place_of(start.mark);
}

}  // namespace

Place place_of(const YAML::Mark& mark) {
  return mark.is_null() ? Place{} : Place{mark.line + 1, mark.column + 1};
}

YamlText load_yaml(const std::string& text) {
  if (auto bad = find_bad_character(text)) return *bad;
  try {
    if (const auto second = find_second_document(text)) {
      return {{},
              "text after the end of the configuration; remove the extra comma or bracket, or the "
              "second YAML document",
              *second};
    }
    return {YAML::Load(text), "", {}};
  } catch (const YAML::DeepRecursion& error) {
    return {{}, "nested too deeply; a configuration has at most four levels", place_of(error.mark)};
  } catch (const YAML::Exception& error) {
    return {{},
            fmt::format("not YAML: {}; {}", error.msg, syntax_remedy(error.msg)),
            place_of(error.mark)};
  }
}

std::string read_config_file(const std::string& path) {
  if (std::error_code ignored; std::filesystem::is_directory(path, ignored)) {
    const bool is_run = std::filesystem::exists(path + "/config.yaml", ignored);
    throw ConfigError(path + (is_run ? ": is the folder of a run; give its config.yaml"
                                     : ": is a folder; give a configuration file"));
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw ConfigError(
        fmt::format("{}: cannot be opened ({}); check the path", path, std::strerror(errno)));
  }
  std::string text(kLargestFile + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kLargestFile) {
    throw ConfigError(path + ": larger than 1 MiB; is this a configuration file?");
  }
  return text;
}

std::string describe(const YAML::Node& node) {
  if (node.IsMap()) return "a mapping";
  if (node.IsSequence()) return "a list";
  if (!node.IsScalar()) return "nothing";
  const Scalar scalar = to_scalar(node);
  return !scalar.quoted && is_null(scalar.text) ? "nothing" : quote(scalar.text);
}

Scalar to_scalar(const YAML::Node& node) {
  // yaml-cpp tags a plain scalar "?" and a quoted one "!".
  const std::string& tag = node.Tag();
  return {node.Scalar(), tag == "!" || tag == "tag:yaml.org,2002:str"};
}

}  // namespace sy
