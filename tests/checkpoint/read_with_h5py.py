# SPDX-License-Identifier: Apache-2.0
"""read_with_h5py.py CHECKPOINT [MISSING]: checks that h5py sees tests/checkpoint/support.cpp's model, version 3, whole
through index.h5; where shard number MISSING is gone, that what it held reads as NaN, integers as the least one."""
import json
import pathlib
import sys

import h5py
import numpy as np

VERSION = 3
EXPECTED = [  # in the order in which support.cpp numbers them
    ("parameters/embedding", "<f4", (17, 6)),
    ("parameters/encoder/layers/1/moe/wi", "<f4", (8, 6, 4)),
    ("parameters/encoder/layers/1/moe/wo", "<f4", (8, 4, 6)),
    ("optimizer/encoder/layers/1/moe/wi/row", "<f8", (8, 6)),
    ("optimizer/embedding/column", "<f8", (6,)),
    ("optimizer/counts", "<i4", (5,)),
]

folder = pathlib.Path(sys.argv[1])
missing = int(sys.argv[2]) if len(sys.argv) > 2 else None
manifest = json.loads((folder / "manifest.json").read_text())
slabs = {tensor["name"]: tensor["slabs"] for tensor in manifest["tensors"]}
stream_shards = {stream["name"]: stream["shard"] for stream in manifest["streams"]}
absent = 0


def without_missing(whole, name, least):
    """The tensor as it reads without the missing shard."""
    global absent
    for slab in slabs[name]:
        if slab["shard"] == missing:
            part = tuple(slice(at, at + count) for at, count in zip(slab["offset"], slab["extent"]))
            absent += whole[part].size
            whole[part] = least
    return whole


with h5py.File(folder / "index.h5", "r") as index:
    for number, (name, dtype, shape) in enumerate(EXPECTED):
        dataset = index[name]
        assert dataset.dtype.str == dtype and dataset.shape == shape, (name, dataset)
        first = VERSION * 1000003 % 8192 * 512 + number * 97
        whole = first + np.arange(np.prod(shape, dtype=int)).reshape(shape)
        if dtype == "<i4":
            expected = without_missing(whole, name, np.iinfo(np.int32).min)
            assert (dataset[...] == expected).all(), name
        else:
            expected = without_missing(whole.astype(dtype), name, np.nan)
            assert np.array_equal(dataset[...], expected, equal_nan=True), name
    for stream in range(4):
        values = index[f"data/streams/{stream:04}"][...]
        expected = np.arange(stream * 50000) * 7 + stream - VERSION * 31
        if stream_shards[f"{stream:04}"] == missing:
            expected = np.full(stream * 50000, np.iinfo(np.int32).min)
        assert values.dtype == np.int32 and (values == expected).all(), stream
    assert index["config.yaml"].asstr()[()].startswith("run: {name:")
    assert "caf\u00e9" in index["config.yaml"].asstr()[()]
    assert index["state.json"].asstr()[()] == '{"tokens": 3}'
assert (missing is None) == (absent == 0)
