// YAML to RunConfig and back. A single ConfigError lists every error, one per line, with
// file:line:column, what is wrong and how to correct it.
#pragma once

#include <string>
#include <vector>

#include "lib/config/run_config.h"

namespace sy {

// Reads `path`, applies `overrides` ("key.path=value", value in YAML syntax), and checks types,
// ranges and unknown keys (suggesting the nearest known one). Opens no other file and does not
// resolve the configuration. Throws ConfigError.
RunConfig load_config(const std::string& path, const std::vector<std::string>& overrides);

// The same for text; messages call the file `name`.
RunConfig parse_config(const std::string& text, const std::string& name,
                       const std::vector<std::string>& overrides = {});

// All errors that can be found without opening a file, as messages that begin with the key. Empty
// for a valid configuration.
std::vector<std::string> find_errors(const RunConfig& config);

// Errors that depend on the number of ranks (mesh, streams, batches), in the same form.
std::vector<std::string> find_mesh_errors(const RunConfig& config, int ranks);

// Throws one ConfigError with a line per error; returns if there are none.
void throw_errors(const std::vector<std::string>& errors);

// Fills in data.decoder_length and data.window_tokens, the lengths that follow from span
// corruption. If `tokenizer_size` (pieces and sentinels; 0: unknown) is given, also fills in
// model.vocab_size, and throws ConfigError if that is too small.
void resolve_config(RunConfig& config, int64_t tokenizer_size);

// mesh.expert for this number of data ranks: the configured value, or for `auto` the greatest
// common divisor of data ranks and experts.
int64_t expert_ranks(const RunConfig& config, int64_t data_ranks);

// The whole configuration as YAML: every key, in the order of the structs. Parsing the text yields
// the same values.
std::string write_config(const RunConfig& config);

// The text of docs/configuration.md: every key with its type, default and documentation line.
std::string write_reference();

}  // namespace sy
