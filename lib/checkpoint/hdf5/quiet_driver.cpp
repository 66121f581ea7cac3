// SPDX-License-Identifier: Apache-2.0
#include "lib/checkpoint/hdf5/quiet_driver.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <new>

namespace sy::checkpoint {
namespace {

// The library casts between H5FD_t and this struct, so H5FD_t comes first.
struct QuietFile {
  H5FD_t library = {};
  int descriptor = -1;
  int failure = 0;
  haddr_t allocated = 0;  // end of what the library has allocated
  haddr_t size = 0;       // end of what the library believes to be written
  dev_t device = 0;
  ino_t inode = 0;
};

QuietFile* ours(H5FD_t* file) {
  return reinterpret_cast<QuietFile*>(file);
}
const QuietFile* ours(const H5FD_t* file) {
  return reinterpret_cast<const QuietFile*>(file);
}

void note_failure(QuietFile* file) {
  if (file->failure == 0) file->failure = errno;
}

H5FD_t* open_file(const char* name, unsigned flags, hid_t, haddr_t) {
  int mode = O_CLOEXEC | ((flags & H5F_ACC_RDWR) != 0 ? O_RDWR : O_RDONLY);
  if ((flags & H5F_ACC_TRUNC) != 0) mode |= O_TRUNC;
  if ((flags & H5F_ACC_CREAT) != 0) mode |= O_CREAT;
  if ((flags & H5F_ACC_EXCL) != 0) mode |= O_EXCL;
  const int descriptor = open(name, mode, 0666);
  struct stat status = {};
  if (descriptor < 0) return nullptr;
  auto* file = new (std::nothrow) QuietFile;
  if (file == nullptr || fstat(descriptor, &status) != 0) {
    close(descriptor);
    delete file;
    return nullptr;
  }
  file->descriptor = descriptor;
  file->size = static_cast<haddr_t>(status.st_size);
  file->device = status.st_dev;
  file->inode = status.st_ino;
  return &file->library;
}

thread_local int closed_failure = 0;

herr_t close_file(H5FD_t* file) {
  closed_failure = ours(file)->failure;
  close(ours(file)->descriptor);
  delete ours(file);
  return 0;
}

// Zero for the same file, so that the library notices a file opened twice.
int compare(const H5FD_t* first, const H5FD_t* second) {
  const QuietFile *a = ours(first), *b = ours(second);
  if (a->device != b->device) return a->device < b->device ? -1 : 1;
  if (a->inode != b->inode) return a->inode < b->inode ? -1 : 1;
  return 0;
}

herr_t features(const H5FD_t*, unsigned long* flags) {
  if (flags == nullptr) return 0;
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
           H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

haddr_t get_allocated(const H5FD_t* file, H5FD_mem_t) {
  return ours(file)->allocated;
}
herr_t set_allocated(H5FD_t* file, H5FD_mem_t, haddr_t end) {
  ours(file)->allocated = end;
  return 0;
}
haddr_t get_size(const H5FD_t* file, H5FD_mem_t) {
  return ours(file)->size;
}

herr_t get_handle(H5FD_t* file, hid_t, void** handle) {
  *handle = ours(file);
  return 0;
}

// Bytes beyond the end of the file, or never written, read as zero.
herr_t read_bytes(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size, void* buffer) {
  char* to = static_cast<char*>(buffer);
  while (size > 0) {
    const ssize_t got = pread(ours(file)->descriptor, to, size, static_cast<off_t>(address));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      if (got < 0) note_failure(ours(file));
      std::memset(to, 0, size);
      return 0;
    }
    to += got;
    address += static_cast<haddr_t>(got);
    size -= static_cast<size_t>(got);
  }
  return 0;
}

herr_t write_bytes(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size,
                   const void* buffer) {
  QuietFile* target = ours(file);
  const char* from = static_cast<const char*>(buffer);
  target->size = std::max(target->size, address + size);
  while (size > 0 && target->failure == 0) {
    const ssize_t put = pwrite(target->descriptor, from, size, static_cast<off_t>(address));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      note_failure(target);
      break;
    }
    from += put;
    address += static_cast<haddr_t>(put);
    size -= static_cast<size_t>(put);
  }
  return 0;
}

herr_t set_size(H5FD_t* file, hid_t, hbool_t) {
  QuietFile* target = ours(file);
  if (target->size == target->allocated) return 0;
  if (ftruncate(target->descriptor, static_cast<off_t>(target->allocated)) != 0) {
    note_failure(target);
  }
  target->size = target->allocated;
  return 0;
}

H5FD_class_t driver_class() {
  H5FD_class_t driver = {};
  driver.name = "quiet";
  driver.maxaddr = static_cast<haddr_t>(INT64_MAX);
  driver.fc_degree = H5F_CLOSE_STRONG;
  driver.open = open_file;
  driver.close = close_file;
  driver.cmp = compare;
  driver.query = features;
  driver.get_eoa = get_allocated;
  driver.set_eoa = set_allocated;
  driver.get_eof = get_size;
  driver.get_handle = get_handle;
  driver.read = read_bytes;
  driver.write = write_bytes;
  driver.truncate = set_size;
  const H5FD_mem_t kinds[H5FD_MEM_NTYPES] = H5FD_FLMAP_DICHOTOMY;
  std::copy(std::begin(kinds), std::end(kinds), driver.fl_map);
  return driver;
}

}  // namespace

herr_t use_quiet_driver(hid_t access_properties) {
  static const H5FD_class_t driver = driver_class();
  static const hid_t registered = H5FDregister(&driver);
  return registered < 0 ? -1 : H5Pset_driver(access_properties, registered, nullptr);
}

int write_failure(hid_t file) {
  void* handle = nullptr;
  if (H5Fget_vfd_handle(file, H5P_DEFAULT, &handle) < 0) return EIO;
  return static_cast<const QuietFile*>(handle)->failure;
}

int failure_until_closed() {
  return closed_failure;
}

}  // namespace sy::checkpoint
