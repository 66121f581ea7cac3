"""Checks that index.h5 of tests/checkpoint/support.cpp's model, version 3, is seen whole."""
import sys

import h5py
import numpy as np

VERSION = 3
EXPECTED = [  # in the order in which support.cpp numbers them
    ("parameters/embedding", "<f4", (17, 6)),
    ("parameters/encoder/layers/1/moe/wi", "<f4", (8, 6, 3)),
    ("parameters/encoder/layers/1/moe/wo", "<f4", (8, 3, 6)),
    ("optimizer/encoder/layers/1/moe/wi/row", "<f8", (8, 6)),
    ("optimizer/embedding/column", "<f8", (6,)),
    ("optimizer/counts", "<i4", (5,)),
    ("optimizer/nothing", "<f4", (0, 4)),
]

with h5py.File(sys.argv[1], "r") as index:
    for number, (name, dtype, shape) in enumerate(EXPECTED):
        dataset = index[name]
        assert dataset.dtype.str == dtype and dataset.shape == shape, (name, dataset)
        first = VERSION * 1000003 % 8192 * 512 + number * 97
        whole = first + np.arange(np.prod(shape, dtype=int)).reshape(shape)
        assert (dataset[...] == whole).all(), name
    for stream in range(4):
        values = index[f"data/streams/{stream:04}"][...]
        expected = np.arange(stream * 50000) * 7 + stream - VERSION * 31
        assert values.dtype == np.int32 and (values == expected).all(), stream
    assert index["config.yaml"].asstr()[()].startswith("run: {name:")
    assert "caf\u00e9" in index["config.yaml"].asstr()[()]
    assert index["state.json"].asstr()[()] == '{"tokens": 3}'
