// An HDF5 file driver for writing whose failures the library never sees. HDF5 1.10 may crash while
// it closes what a full disk kept it from writing; with this driver it believes that every write
// succeeded, and the first failure is kept here to be asked for.
#pragma once

#include <hdf5.h>

namespace sy::checkpoint {

// Makes files that are created under these file access properties use the driver.
herr_t use_quiet_driver(hid_t access_properties);

// The errno of the first write to the file that failed, or 0. After a failure the file's contents
// are worthless.
int write_failure(hid_t file);

}  // namespace sy::checkpoint
