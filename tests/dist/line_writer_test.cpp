// SPDX-License-Identifier: Apache-2.0
// What a record's lines are written with.
#include "lib/dist/flight/line_writer.h"

#include <fcntl.h>
#include <pthread.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>

namespace sy::flight {
namespace {

using namespace std::chrono_literals;

TEST_CASE("line_writer: a write that a signal interrupts is tried again", "[line_writer]") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  REQUIRE(fcntl(ends[1], F_SETPIPE_SZ, 4096) == 4096);
  struct sigaction interrupts = {}, before = {};
  interrupts.sa_handler = [](int) {};
  sigaction(SIGUSR1, &interrupts, &before);
  std::string received;
  std::thread reader([&received, from = ends[0], writer = pthread_self()] {
    std::this_thread::sleep_for(100ms);  // until the pipe is full
    pthread_kill(writer, SIGUSR1);
    std::this_thread::sleep_for(100ms);
    char piece[4096];
    for (ssize_t size; (size = read(from, piece, sizeof piece)) > 0;) {
      received.append(piece, static_cast<size_t>(size));
    }
  });
  const std::string text(10000, 'x');
  LineWriter lines(ends[1]);
  lines.open();
  lines.field("text", text.c_str());
  lines.close();
  CHECK(lines.flush());
  close(ends[1]);
  reader.join();
  close(ends[0]);
  sigaction(SIGUSR1, &before, nullptr);
  CHECK(received == "{\"text\": \"" + text + "\"}\n");
}

}  // namespace
}  // namespace sy::flight
