// SPDX-License-Identifier: Apache-2.0
// All ranks as one group for tensors of the backend under test.
#pragma once

#include <mpi.h>

#include <memory>

#include "lib/dist/mpi/mpi_communicator.h"
#include "lib/tensor/transfer.h"
#include "tests/support/backend.h"
#include "tests/support/gradcheck.h"
#include "tests/support/group_maker.h"

namespace sy::test {

class TensorGroup {
 public:
  // `options` are MPI's.
  explicit TensorGroup(const MpiOptions& options = {})
      : exec_(make_exec(1, 1)), host_(make_mpi_communicator(MPI_COMM_WORLD, "test", options)) {
    if (const GroupMaker make = group_maker(*exec_)) made_ = make(*host_);
  }

  Communicator* operator->() { return made_ ? made_.get() : host_.get(); }
  Exec& exec() { return *exec_; }
  // Until the host may read what was computed.
  void settle() { synchronize(*exec_); }

 private:
  std::unique_ptr<Exec> exec_;
  std::unique_ptr<Communicator> host_, made_;
};

}  // namespace sy::test
