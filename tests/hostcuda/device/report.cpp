// SPDX-License-Identifier: Apache-2.0
#include "tests/hostcuda/device/report.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "tests/hostcuda/device/device.h"

namespace sy::hostcuda {
namespace {

// Digits of `number` in `base`, written from the end of `text` backwards.
template <size_t N>
const char* digits(char (&text)[N], uint64_t number, unsigned base) {
  char* at = text + N - 1;
  *at = '\0';
  do {
    *--at = "0123456789abcdef"[number % base];
    number /= base;
  } while (number != 0);
  return at;
}

}  // namespace

Running running;

Message& Message::operator<<(const char* text) {
  const size_t room = sizeof text_ - 1 - length_, size = std::min(std::strlen(text), room);
  std::memcpy(text_ + length_, text, size);
  length_ += size;
  return *this;
}

Message& Message::operator<<(unsigned long long number) {
  char text[32];
  return *this << digits(text, number, 10);
}

Message& Message::operator<<(const void* address) {
  char text[32];
  return *this << "0x" << digits(text, reinterpret_cast<uintptr_t>(address), 16);
}

Message& Message::operator<<(const uint3& index) {
  return *this << "(" << index.x << ", " << index.y << ", " << index.z << ")";
}

Message& Message::operator<<(const std::source_location& site) {
  return *this << site.file_name() << ":" << site.line();
}

void Message::die() {
  text_[length_] = '\n';
  // If standard error is closed, there is nothing left to do.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text_, length_ + 1);
  _exit(kFaultExitCode);
}

Message& Message::operator<<(const Running& what) {
  if (what.work == nullptr) return *this << "the host";
  if (!what.is_kernel) return *this << what.work;
  return *this << "kernel " << what.work << ", block " << place.block << ", thread "
               << place.thread;
}

}  // namespace sy::hostcuda
