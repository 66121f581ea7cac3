// SPDX-License-Identifier: Apache-2.0
#include "lib/base/paths.h"

#include <glob.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>

#include "lib/base/error.h"

namespace sy {
namespace {
namespace fs = std::filesystem;

bool is_there(const std::string& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type() != fs::file_type::not_found && !ignored;
}

// The parts between the slashes; joined with slashes they are the text again.
std::vector<std::string> parts_of(const std::string& text) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t slash; (slash = text.find('/', begin)) != std::string::npos; begin = slash + 1) {
    parts.push_back(text.substr(begin, slash - begin));
  }
  parts.push_back(text.substr(begin));
  return parts;
}

std::string home_of(const std::string& user, const std::string& text) {
  const char* home = std::getenv("HOME");
  if (user.empty() && home != nullptr && *home != '\0') return home;
  const struct passwd* entry = user.empty() ? getpwuid(getuid()) : getpwnam(user.c_str());
  if (entry == nullptr) {
    throw ConfigError(fmt::format(
        "'{}': ~{} is no user's home; write the folder's path, or ./~{} for a name like that", text,
        user, user));
  }
  return entry->pw_dir;
}

bool is_name_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::string value_of(const std::string& name, const std::string& text) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) {
    throw ConfigError(fmt::format(
        "'{}': the environment variable ${} is not set; set it (and pass it on to every rank), or "
        "write the path out",
        text, name));
  }
  return value;
}

// `part` with its variables replaced; `text` is the whole path, for messages.
std::string with_values(const std::string& part, const std::string& text) {
  std::string result;
  for (size_t at = 0; at < part.size();) {
    const bool braced = part.compare(at, 2, "${") == 0;
    const size_t begin = at + (braced ? 2 : 1);
    size_t end = begin;
    while (end < part.size() && is_name_character(part[end])) ++end;
    const bool named = part[at] == '$' && end > begin &&
                       std::isdigit(static_cast<unsigned char>(part[begin])) == 0 &&
                       (!braced || (end < part.size() && part[end] == '}'));
    if (!named && (braced || part.compare(at, 2, "$(") == 0)) {
      throw ConfigError(
          fmt::format("'{}': only $NAME and ${{NAME}} are expanded; write the rest out", text));
    }
    if (named) {
      result += value_of(part.substr(begin, end - begin), text);
      at = end + (braced ? 1 : 0);
    } else {
      result += part[at++];
    }
  }
  return result;
}

// The path so far and a part of it.
std::string joined(const std::string& path, const std::string& part, bool first) {
  return first ? part : path + "/" + part;
}

// The text with a backslash before every character that glob would interpret.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (std::string_view("*?[]{},~\\").find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

// The pattern for glob: its leading parts that exist as they are written stand for themselves.
std::string with_literal_beginning(const std::string& text) {
  std::string path, pattern;
  bool literal = true, first = true;
  for (const std::string& part : parts_of(text)) {
    path = joined(path, part, first);
    literal = literal && (part.empty() || is_there(path));
    if (!literal && part == "**") {
      throw ConfigError(fmt::format(
          "'{}': ** is not supported; give a pattern for each depth, such as a/*.gz and a/*/*.gz",
          text));
    }
    pattern = joined(pattern, literal ? escaped(part) : part, first);
    first = false;
  }
  return pattern;
}

}  // namespace

std::string expand_path(const std::string& text) {
  if (is_there(text)) return text;
  std::string path;
  bool first = true;
  for (const std::string& part : parts_of(text)) {
    const std::string as_written = joined(path, part, first);
    if (part.empty() || is_there(as_written)) {
      path = as_written;
    } else if (first && part[0] == '~') {
      path = home_of(part.substr(1), text);
    } else {
      path = joined(path, with_values(part, text), first);
    }
    first = false;
  }
  return path;
}

std::string expand_single_path(const std::string& text) {
  std::string path = expand_path(text);
  if (path.find_first_of("*?") != std::string::npos && !is_there(path)) {
    throw ConfigError(
        fmt::format("'{}' is a pattern, but one path is wanted; write it without * and ?", text));
  }
  return path;
}

std::vector<std::string> match_files(const std::string& pattern) {
  struct Matches : glob_t {
    Matches() : glob_t{} {}
    ~Matches() { globfree(this); }
  } matches;
  const std::string path = expand_path(pattern);
  if (is_there(path)) return {path};
  const std::string wanted = with_literal_beginning(path);
  const int rc = ::glob(wanted.c_str(), GLOB_NOSORT | GLOB_BRACE, nullptr, &matches);
  if (rc != 0 && rc != GLOB_NOMATCH) {
    throw DataError(fmt::format(
        "the pattern '{}' cannot be expanded: a folder in its path cannot be read; check its "
        "permissions",
        pattern));
  }
  return {matches.gl_pathv, matches.gl_pathv + matches.gl_pathc};
}

}  // namespace sy
