// SPDX-License-Identifier: Apache-2.0
// An HDF5 file driver that hides write errors from the library. HDF5 1.10 may crash on closing a
// file that it could not write, for instance because the disk is full. With this driver it believes
// that every write succeeded; the first error is kept, and write_failure() returns it.
#pragma once

#include <hdf5.h>

namespace sy::checkpoint {

// Selects the driver for files created with these file access properties.
herr_t use_quiet_driver(hid_t access_properties);

// The errno of the first failed write to the file, or 0. After a failure the contents of the file
// are undefined.
int write_failure(hid_t file);

// The same of the file that this thread has closed last: closing writes, too.
int failure_until_closed();

}  // namespace sy::checkpoint
