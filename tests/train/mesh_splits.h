// SPDX-License-Identifier: Apache-2.0
// All meshes on the ranks of a test.
#pragma once

#include <catch2/catch.hpp>

#include "lib/dist/mesh.h"
#include "tests/support/group_maker.h"
#include "tests/support/mpi_world.h"

namespace sy::test {

// Calls run(shape) for all numbers of expert ranks and of model ranks that are powers of two.
template <class Run>
void for_each_mesh_shape(const Run& run) {
  const int ranks = test_world().size();
  for (int model = 1; model <= ranks; model *= 2) {
    for (int expert = 1; expert <= ranks / model; expert *= 2) {
      CAPTURE(model, expert);
      run(MeshShape{ranks, model, expert});
    }
  }
}

// The same with run(mesh).
template <class Run>
void for_each_mesh(Exec& exec, const Run& run) {
  for_each_mesh_shape([&](MeshShape shape) {
    Mesh mesh(test_world(), shape, group_maker(exec));
    run(mesh);
  });
}

}  // namespace sy::test
