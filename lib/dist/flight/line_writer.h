// SPDX-License-Identifier: Apache-2.0
// Writes JSON objects, one a line, with nothing but write(2), so that a signal handler may use it.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace sy::flight {

class LineWriter {
 public:
  explicit LineWriter(int file) : file_(file) {}

  void open() { put("{"); }
  void close() {
    put("}\n");
    first_ = true;
  }
  void field(const char* name, int64_t value) {
    key(name);
    number(value);
  }
  // Control characters become spaces; bytes beyond ASCII, which may be cut off, question marks.
  void field(const char* name, const char* value) {
    key(name);
    quoted(value);
  }
  void field(const char* name, const int* values, int64_t count) {
    key(name);
    put("[");
    for (int64_t i = 0; i < count; ++i) {
      if (i > 0) put(", ");
      number(values[i]);
    }
    put("]");
  }

  // Returns whether everything was written.
  bool flush() {
    size_t done = 0;
    while (done < used_ && whole_) {
      const ssize_t wrote = write(file_, buffer_ + done, used_ - done);
      if (wrote < 0 && errno == EINTR) continue;
      whole_ = wrote > 0;
      if (whole_) done += static_cast<size_t>(wrote);
    }
    used_ = 0;
    return whole_;
  }

 private:
  void key(const char* name) {
    if (!first_) put(", ");
    first_ = false;
    quoted(name);
    put(": ");
  }
  void put(char byte) {
    if (used_ == sizeof buffer_) flush();
    buffer_[used_++] = byte;
  }
  void put(const char* text) {
    for (; *text != '\0'; ++text) put(*text);
  }
  void quoted(const char* text) {
    put('"');
    for (; *text != '\0'; ++text) {
      const auto byte = static_cast<unsigned char>(*text);
      if (byte == '"' || byte == '\\') put('\\');
      if (byte < 0x20) {
        put(' ');
      } else {
        put(byte < 0x7f ? *text : '?');
      }
    }
    put('"');
  }
  void number(int64_t value) {
    char digits[24];
    size_t count = 0;
    auto rest = static_cast<uint64_t>(value);
    if (value < 0) {
      put('-');
      rest = -rest;
    }
    do {
      digits[count++] = static_cast<char>('0' + rest % 10);
      rest /= 10;
    } while (rest > 0);
    while (count > 0) put(digits[--count]);
  }

  int file_;
  bool first_ = true;  // no field of this line yet
  bool whole_ = true;
  size_t used_ = 0;
  char buffer_[4096];
};

}  // namespace sy::flight
