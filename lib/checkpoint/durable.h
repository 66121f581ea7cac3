// SPDX-License-Identifier: Apache-2.0
// File system calls, with the syncs that make their effects survive a power cut. They throw
// RuntimeFailure if something cannot be written and DataError if something cannot be read, with the
// path and the system's reason.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "lib/base/error.h"

namespace sy::checkpoint {

// A call on a path. Tests observe every call to check their order, and can stop the process between
// any two of them.
enum class FileCall : uint8_t { make, write, sync, rename, exchange, remove };

// Called before each call, on the same thread. `to` is the second path of a rename or exchange, and
// empty otherwise. nullptr removes the observer.
using FileObserver = void (*)(FileCall call, const std::string& path, const std::string& to);
void observe_files(FileObserver observer);
void tell_observer(FileCall call, const std::string& path, const std::string& to = "");

// Creates the folder and its parents if they do not exist, even if another process does so at the
// same time.
void make_folder(const std::string& path);

// Creates the folder, but not its parents, if it does not exist: what was moved away is not made
// anew.
void make_subfolder(const std::string& path);

// Replaces the contents of the file and syncs it. The folder's entry needs sync_path(folder).
void write_synced(const std::string& path, const std::string& contents);

// Syncs the contents of a file or the entries of a folder.
void sync_path(const std::string& path);

// Renames within one file system. Needs sync_path on the parent folder to be durable.
void rename_path(const std::string& from, const std::string& to);

// Renames folder `from` to `to`. An existing `to` is moved to `aside`; the two are exchanged in one
// step if the file system can.
void replace_folder(const std::string& from, const std::string& to, const std::string& aside);

// Removes a file, or a folder with its contents, if it exists.
void remove_path(const std::string& path);

// Calls `use` with the bytes of the file in order, at most `block` at a time.
void read_blocks(const std::string& path, size_t block,
                 const std::function<void(const char* bytes, size_t size)>& use);

// The size of the file.
int64_t file_bytes(const std::string& path);

// `count` bytes from offset `begin`. Throws if the file ends earlier.
std::string read_range(const std::string& path, int64_t begin, int64_t count);

// The contents of a file of at most `limit` bytes; throws for a larger one.
std::string read_text(const std::string& path, int64_t limit);

}  // namespace sy::checkpoint
