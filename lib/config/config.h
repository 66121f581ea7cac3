// YAML to RunConfig and back. Errors are collected: one ConfigError names every fault with
// file:line:column, what is wrong and the remedy, one line each.
#pragma once

#include <string>
#include <vector>

#include "lib/config/run_config.h"

namespace sy {

// Reads `path`, applies `overrides` ("key.path=value", value in YAML syntax), checks types, unknown
// keys (naming the nearest known one) and ranges. Does not touch any other file and does not
// resolve. Throws ConfigError.
RunConfig load_config(const std::string& path, const std::vector<std::string>& overrides);

// The same from text; `name` stands for the file in messages.
RunConfig parse_config(const std::string& text, const std::string& name,
                       const std::vector<std::string>& overrides = {});

// Every fault that shows without opening a file, as sentences that begin with the key. Empty:
// valid.
std::vector<std::string> find_faults(const RunConfig& config);

// Faults that depend on the number of ranks (mesh, streams, batches): as above.
std::vector<std::string> find_mesh_faults(const RunConfig& config, int ranks);

// Throws ConfigError with all of them, a line each; nothing where there are none.
void throw_faults(const std::vector<std::string>& faults);

// Fills data.decoder_length and data.window_tokens (span corruption's lengths), which need no file,
// and, given the tokenizer's size in pieces and sentinels (0: unknown), model.vocab_size.
void resolve_config(RunConfig& config, int64_t tokenizer_size);

// mesh.expert for this many data ranks: the configured value, or the largest divisor of both.
int64_t expert_ranks(const RunConfig& config, int64_t data_ranks);

// The whole configuration as YAML, every key, in the order of the structs. Parsing it gives it
// back.
std::string write_config(const RunConfig& config);

// docs/configuration.md: every key with type, default and documentation line.
std::string write_reference();

}  // namespace sy
