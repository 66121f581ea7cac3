# SPDX-License-Identifier: Apache-2.0
# In pipeline order: shards, records, ids, examples, batches, all of it on threads; then training of
# the tokenizer.
sy_library(data
           SOURCES lib/data/text/shard_list.cpp lib/data/text/ledger.cpp lib/data/text/file_form.cpp lib/data/text/byte_source.cpp lib/data/text/shard_cache.cpp
                   lib/data/text/line_reader.cpp lib/data/text/line_scan.cpp lib/data/text/c4_reader.cpp lib/data/text/shard_health.cpp
                   lib/data/tokenizer/sentencepiece_model.cpp lib/data/tokenizer/sentencepiece.cpp lib/data/tokenizer/bytes.cpp
                   lib/data/tokenizer/tokenizer.cpp
                   lib/data/text/document_stream.cpp lib/data/span_corruption.cpp
                   lib/data/stream_state.cpp
                   lib/data/window_stream.cpp
                   lib/data/denoise.cpp lib/data/window_source.cpp lib/data/saved_examples.cpp lib/data/packed_source.cpp lib/data/bucket_source.cpp lib/data/mixture_source.cpp lib/data/corpora.cpp lib/data/batcher.cpp
                   lib/data/loader_worker.cpp lib/data/loader.cpp lib/data/tokenizer/sentence_sampler.cpp lib/data/tokenizer/tokenizer_train.cpp
           LINK sy_tensor sy_base Threads::Threads
           PRIVATE_LINK sy::simdjson sy::zlib sy::zstd sy::sentencepiece_train sy::sentencepiece)
