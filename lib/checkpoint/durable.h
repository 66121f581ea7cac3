// Files and folders that survive a power cut once these return. What cannot be written is a
// RuntimeFailure, what cannot be read a DataError; both name the path and the system's reason.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "lib/base/error.h"

namespace sy::checkpoint {

// What is about to be done to a path. A test that is told of every call sees their order, and can
// stop the process between any two of them.
enum class FileCall : uint8_t { make, write, sync, rename, exchange, remove };

// Called before each call, on the thread that makes it; `to` is the other path of a rename or an
// exchange, else empty. nullptr: nobody.
using FileObserver = void (*)(FileCall call, const std::string& path, const std::string& to);
void observe_files(FileObserver observer);
void tell_observer(FileCall call, const std::string& path, const std::string& to = "");

// Creates the folder and its parents; an existing one is fine, whoever makes it.
void make_folder(const std::string& path);

// Replaces the file's contents and syncs it; the folder's entry is synced by sync_path(folder).
void write_synced(const std::string& path, const std::string& contents);

// Makes a file's contents, or a folder's entries, durable.
void sync_path(const std::string& path);

// Renames within one file system.
void rename_path(const std::string& from, const std::string& to);

// Puts folder `from` in the place of `to`, which may exist: afterwards what was at `to` is gone or
// lies at `aside`. Where the file system can, the two are exchanged in one step.
void replace_folder(const std::string& from, const std::string& to, const std::string& aside);

// Removes a file or a folder with all it holds; an absent one is fine.
void remove_path(const std::string& path);

// Calls `use` with the file's bytes in order, at most `block` at a time.
void read_blocks(const std::string& path, size_t block,
                 const std::function<void(const char* bytes, size_t size)>& use);

// The file's size.
int64_t file_bytes(const std::string& path);

// `count` bytes from `begin` on, all of which the file must have.
std::string read_range(const std::string& path, int64_t begin, int64_t count);

// A text file of at most `limit` bytes.
std::string read_text(const std::string& path, int64_t limit);

}  // namespace sy::checkpoint
