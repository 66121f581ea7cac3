# SPDX-License-Identifier: Apache-2.0
sy_library(checkpoint
           SOURCES lib/checkpoint/background.cpp lib/checkpoint/checkpoint_reader.cpp
                   lib/checkpoint/checkpoint_writer.cpp lib/checkpoint/checksum.cpp lib/checkpoint/commit.cpp lib/checkpoint/cover.cpp
                   lib/checkpoint/durable.cpp lib/checkpoint/hdf5/hdf5_file.cpp
                   lib/checkpoint/json_text.cpp lib/checkpoint/layout.cpp lib/checkpoint/locate.cpp
                   lib/checkpoint/manifest.cpp lib/checkpoint/manifest_text.cpp
                   lib/checkpoint/merge.cpp lib/checkpoint/hdf5/quiet_driver.cpp
                   lib/checkpoint/read_plan.cpp lib/checkpoint/hdf5/read_slab.cpp
                   lib/checkpoint/shard.cpp lib/checkpoint/staging.cpp lib/checkpoint/verify.cpp
           LINK sy_tensor
           PRIVATE_LINK sy::hdf5 sy::xxhash Threads::Threads)
