#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""big_round_trip.py SWITCHYARD [--folder F] [--shapes base-8-bfloat16,base-8-float32,base-32-float32]: makes a Hugging
Face SwitchTransformers folder of random bits at the published sizes, takes it to a checkpoint and back, and compares
every tensor byte for byte. Each way runs under an address space of 3 GiB, and must stay below it resident. Nothing
here holds more than a tensor. The largest shape needs 16 GB of disk; what was written is deleted."""
import argparse
import hashlib
import json
import os
import pathlib
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import time

try:
    import numpy
except ImportError:
    print("skipped: numpy is absent")
    sys.exit(77)

LIMIT = 3 << 30
SHARD_BYTES = 500_000_000
BASE = dict(d_model=768, d_ff=3072, d_kv=64, num_heads=12, vocab_size=32128, layers=(12, 12), sparse=(6, 6))
NARROW = dict(d_model=24, d_ff=40, d_kv=8, num_heads=2, vocab_size=500)
TINY = dict(NARROW, layers=(4, 4), sparse=(2, 2))
SHAPES = {  # (sizes, experts, safetensors' dtype, in shards); layers and sparse layers of (encoder, decoder)
    "tiny-float32": (TINY, 4, "F32", False),
    "tiny-bfloat16": (TINY, 4, "BF16", True),
    # Layers and experts of the other published models, at a width that a test has room for.
    "narrow-base-256": (dict(NARROW, layers=(12, 12), sparse=(6, 6)), 256, "F32", True),
    "narrow-large-128": (dict(NARROW, layers=(24, 24), sparse=(12, 12)), 128, "BF16", False),
    "narrow-xxl-128": (dict(NARROW, layers=(48, 12), sparse=(24, 6), act="gelu"), 128, "BF16", False),
    "narrow-c-2048": (dict(NARROW, layers=(15, 12), sparse=(15, 0)), 2048, "F32", True),
    "base-8-bfloat16": (BASE, 8, "BF16", False),
    "base-8-float32": (BASE, 8, "F32", False),
    "base-32-float32": (BASE, 32, "F32", True),
}
ITEM = {"F32": 4, "BF16": 2}


def layer_counts(size, stack):
    """(layers, sparse layers) of a stack."""
    index = ("encoder", "decoder").index(stack)
    return size["layers"][index], size["sparse"][index]


def state_dict(size, experts):
    """Names and shapes of SwitchTransformersForConditionalGeneration with a tied head. Of `step` layers the
    second is sparse, of one the only one."""
    d, f, inner = size["d_model"], size["d_ff"], size["num_heads"] * size["d_kv"]
    shapes = {"shared.weight": (size["vocab_size"], d)}

    def feed_forward(prefix):
        shapes[prefix + "wi.weight"], shapes[prefix + "wo.weight"] = (f, d), (d, f)

    def attention(prefix, name):
        shapes[f"{prefix}.layer_norm.weight"] = (d,)
        for leaf in "qkv":
            shapes[f"{prefix}.{name}.{leaf}.weight"] = (inner, d)
        shapes[f"{prefix}.{name}.o.weight"] = (d, inner)

    for stack in ("encoder", "decoder"):
        shapes[f"{stack}.final_layer_norm.weight"] = (d,)
        shapes[f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"] = (32, size["num_heads"])
        layers, sparse = layer_counts(size, stack)
        step = layers // sparse if sparse else 0
        for n in range(layers):
            block = f"{stack}.block.{n}.layer."
            attention(block + "0", "SelfAttention")
            if stack == "decoder":
                attention(block + "1", "EncDecAttention")
            last = block + ("2" if stack == "decoder" else "1")
            shapes[last + ".layer_norm.weight"] = (d,)
            if step == 0 or (step > 1 and n % step != 1):
                feed_forward(last + ".mlp.")
                continue
            shapes[last + ".mlp.router.classifier.weight"] = (experts, d)
            for e in range(experts):
                feed_forward(f"{last}.mlp.experts.expert_{e}.")
    return shapes


def config_json(size, experts, dtype):
    (encoder, sparse_encoder), (decoder, sparse_decoder) = (layer_counts(size, s) for s in ("encoder", "decoder"))
    return {"model_type": "switch_transformers", "vocab_size": size["vocab_size"], "d_model": size["d_model"],
            "d_kv": size["d_kv"], "d_ff": size["d_ff"], "num_heads": size["num_heads"], "num_layers": encoder,
            "num_decoder_layers": decoder, "num_experts": experts, "num_sparse_encoder_layers": sparse_encoder,
            "num_sparse_decoder_layers": sparse_decoder, "expert_capacity": 64, "dropout_rate": 0.1,
            "encoder_sparse_step": encoder // sparse_encoder if sparse_encoder else 0,
            "decoder_sparse_step": decoder // sparse_decoder if sparse_decoder else 0,
            "dense_act_fn": size.get("act", "relu"), "tie_word_embeddings": True, "torch_dtype": "float32" if dtype == "F32" else "bfloat16"}


def bytes_of(name, shape, dtype):
    """The tensor's bits, a function of its name: NaNs and infinities among them."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    return numpy.random.Generator(numpy.random.PCG64(seed)).bytes(int(numpy.prod(shape)) * ITEM[dtype])


def write_file(path, names, shapes, dtype):
    header, offset = {}, 0
    for name in names:
        end = offset + int(numpy.prod(shapes[name])) * ITEM[dtype]
        header[name] = {"dtype": dtype, "shape": list(shapes[name]), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in names:
            file.write(bytes_of(name, shapes[name], dtype))
    return offset


def write_folder(folder, shape):
    size, experts, dtype, sharded = SHAPES[shape]
    shapes = state_dict(size, experts)
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config_json(size, experts, dtype)), encoding="utf-8")
    if not sharded:
        return shapes, write_file(folder / "model.safetensors", sorted(shapes), shapes, dtype)
    shards, room = [[]], SHARD_BYTES
    for name in sorted(shapes):
        needed = int(numpy.prod(shapes[name])) * ITEM[dtype]
        if needed > room:
            shards.append([])
            room = SHARD_BYTES
        shards[-1].append(name)
        room -= needed
    files = {f"model-{i + 1:05}-of-{len(shards):05}.safetensors": names for i, names in enumerate(shards)}
    total = sum(write_file(folder / file, names, shapes, dtype) for file, names in files.items())
    weight_map = {name: file for file, names in files.items() for name in names}
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map}), encoding="utf-8")
    return shapes, total


def compare_folder(folder, shapes, dtype):
    """Every tensor is there once, with its shape and bytes, and no other is."""
    left = dict(shapes)
    for path in sorted(folder.glob("*.safetensors")):
        with open(path, "rb") as file:
            start = 8 + struct.unpack("<Q", file.read(8))[0]
            header = json.loads(file.read(start - 8))
            header.pop("__metadata__", None)
            for name, entry in header.items():
                shape = left.pop(name, None)
                assert shape == tuple(entry["shape"]) and entry["dtype"] == dtype, (name, shape, entry)
                first, end = entry["data_offsets"]
                file.seek(start + first)
                assert file.read(end - first) == bytes_of(name, shape, dtype), f"{name}: bytes differ"
    assert not left, f"missing: {sorted(left)[:5]}"


def limited_run(command):
    """(seconds, peak resident bytes) of a command under the limit."""
    start = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT)))
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, f"{' '.join(map(str, command))}: exit code {child.returncode}"
    peak = usage.ru_maxrss * 1024
    assert peak < LIMIT, f"{' '.join(map(str, command))}: {peak} bytes resident, the limit is {LIMIT}"
    return time.monotonic() - start, peak


def round_trip(switchyard, parent, shape):
    size, experts, dtype, _ = SHAPES[shape]
    source, checkpoint, back = parent / "source", parent / "checkpoint", parent / "back"
    shapes, total = write_folder(source, shape)
    largest = max(int(numpy.prod(s)) for s in shapes.values())
    ways = {}
    for name, forms, end_points in (("to a checkpoint", ("hf", "switchyard"), (source, checkpoint)),
                                    ("and back", ("switchyard", "hf"), (checkpoint, back))):
        ways[name] = limited_run([switchyard, "convert", "--from", forms[0], "--to", forms[1], *map(str, end_points)])
        shutil.rmtree(end_points[0])
    written = json.loads((back / "config.json").read_text(encoding="utf-8"))
    expected = config_json(size, experts, dtype)
    if expected["dense_act_fn"] == "gelu":
        expected["dense_act_fn"] = "gelu_new"  # the one that Switchyard has; convert warns
    for key, value in expected.items():
        if key not in ("expert_capacity", "dropout_rate"):  # compared by tests/convert, at every value
            assert written.get(key) == value, f"config.json: {key} was {value} and is {written.get(key)}"
    compare_folder(back, shapes, dtype)
    shutil.rmtree(back)
    parameters = sum(int(numpy.prod(s)) for s in shapes.values())
    print(f"{shape}: {parameters:,} parameters, {total / 1e9:.2f} GB, {len(shapes)} tensors, the largest "
          f"{largest * 4 / 2**20:.0f} MiB in float32")
    for name, (seconds, peak) in ways.items():
        print(f"  {name}: {seconds:.1f} s, at most {peak / 2**20:.0f} MiB resident")
    print("  every byte is the same", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("switchyard")
    parser.add_argument("--folder", help="where to write; a temporary folder where left out")
    parser.add_argument("--shapes", type=lambda text: text.split(","), help=", ".join(SHAPES),
                        default=[shape for shape in SHAPES if not shape.startswith("tiny")])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for shape in options.shapes:
            round_trip(options.switchyard, pathlib.Path(folder), shape)


main()
