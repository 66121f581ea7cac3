#!/usr/bin/env python3
"""Predicted time of a training step on H100 GPUs: for every kernel the operations and the bytes it cannot do without, the
time these take at the hardware's peak rates (the floor), and at the shares of the peaks that are assumed here.

    python3 tests/bench/roofline.py                   the tables
    python3 tests/bench/roofline.py --write           ... into docs/gpu.md, between its markers
    python3 tests/bench/roofline.py --check           exit code 1 unless docs/gpu.md holds them
    python3 tests/bench/roofline.py --flops CONFIG    model FLOPs of a sequence, as `switchyard bench` counts them

Nothing here is measured. The standard library is all it needs."""
import argparse
import dataclasses
import pathlib
import re
import sys

import adafactor_waves
import expert_products

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/gpu.md"
BEGIN, END = "<!-- roofline.py: begin -->", "<!-- roofline.py: end -->"

# H100 SXM5 by its data sheet.
TENSOR = 989e12  # bfloat16 products, operations a second
FLOAT32 = 67e12  # float32 outside the tensor cores
MEMORY = 3.35e12  # bytes a second
LINK = 450e9  # bytes a second each way over NVLink, 900 GB/s of both ways together
# What is assumed to be reached of them.
TENSOR_SHARE, FLOAT32_SHARE, MEMORY_SHARE, LINK_SHARE = 0.7, 0.7, 0.8, 0.8
GROUPED_SHARE = 0.45  # of TENSOR: grouped_gemm's kernel, of mma.sync too
ATTENTION_SHARE = 0.3  # of TENSOR: mma.sync does not reach it on an H100, and softmax stands between the products
CACHE = 5.5e12  # bytes a second of L2, all traffic: no data sheet has it, this is what others have measured
LAUNCH = 3e-6  # seconds that the shortest kernel takes, its start included

EXCHANGE_PARTS = 2  # in which rows travel to the experts of other ranks (lib/model/moe/row_exchange.h)
HALF, WORD = 2, 4  # bytes of bfloat16 and float32


@dataclasses.dataclass
class Kernel:
    """`calls` launches, each of so many operations and bytes of memory, and of bytes that L2 has (`cached`)."""
    part: str
    calls: int
    operations: float
    bytes: float
    peak: float = TENSOR
    share: float = TENSOR_SHARE
    cached: float = 0

    def moving(self):
        through_cache = (self.bytes + self.cached) / CACHE if self.cached else 0
        return max(self.bytes / MEMORY, through_cache)

    def floor(self):
        return self.calls * max(self.operations / self.peak, self.moving())

    def predicted(self):
        at_shares = max(self.operations / (self.peak * self.share), self.moving() / MEMORY_SHARE)
        return self.calls * max(at_shares, LAUNCH)


@dataclasses.dataclass
class Transfer:
    """`calls` exchanges in each of which a GPU sends so many bytes; `hidden` seconds of other work go on beside each."""
    part: str
    calls: int
    bytes: float
    hidden: float = 0

    def floor(self):
        return self.calls * self.bytes / LINK

    def predicted(self):
        return self.calls * self.bytes / (LINK * LINK_SHARE)

    def exposed(self):
        return max(0, self.predicted() - self.calls * self.hidden)


def read_config(path):
    """{key: text} of a configuration's last level; keys that this tool reads are unique in it."""
    values = {}
    for line in path.read_text().splitlines():
        found = re.match(r"\s+([a-z_]+): ([^#{]+)", line)
        if found:
            values[found[1]] = found[2].strip()
    return values


class Model:
    def __init__(self, path, decoder_length=114):
        values = read_config(path)
        number = lambda key, default=None: int(values.get(key, default))
        self.d, self.inner = number("d_model"), number("d_kv") * number("num_heads")
        self.heads, self.d_ff, self.vocab = number("num_heads"), number("d_ff"), number("vocab_size")
        self.encoder_layers, self.decoder_layers = number("encoder_layers"), number("decoder_layers")
        self.experts, self.interval = number("count", 0), number("interval", 2)
        self.capacity = float(values.get("capacity_factor", 1.25))
        self.group = number("group_sequences", 1)
        self.le, self.ld = number("encoder_length"), decoder_length

    def sparse(self, layer):
        return self.experts > 0 and layer % self.interval == self.interval - 1

    def sparse_layers(self, layers):
        return sum(self.sparse(layer) for layer in range(layers))

    def flops_per_sequence(self):
        """As SwitchModel::flops_per_sequence counts: products alone, one expert a token, backward twice forward."""
        product = lambda m, k, n: 2.0 * m * k * n
        attention = lambda q, k: (2 * product(q, self.d, self.inner) + 2 * product(k, self.d, self.inner) +
                                  2 * product(q, k, self.inner))
        feed_forward = lambda layer, t: 2 * product(t, self.d, self.d_ff) + (
            product(t, self.d, self.experts) if self.sparse(layer) else 0)
        total = product(self.ld, self.d, self.vocab)
        for layer in range(self.encoder_layers):
            total += attention(self.le, self.le) + feed_forward(layer, self.le)
        for layer in range(self.decoder_layers):
            total += attention(self.ld, self.ld) + attention(self.ld, self.le) + feed_forward(layer, self.ld)
        return 3 * total

    def shapes(self):
        """(shape, whether it has a matrix of each expert) of the parameters in order of declaration."""
        d, attention = self.d, [(self.d, ), (self.d, self.inner), (self.d, self.inner), (self.d, self.inner), (self.inner, self.d)]
        parameters = [((self.vocab, d), False)]
        for in_decoder, layers in enumerate((self.encoder_layers, self.decoder_layers)):
            parameters.append(((32, self.heads), False))  # relative biases
            for layer in range(layers):
                parameters += [(shape, False) for shape in attention * (2 if in_decoder else 1)] + [((d, ), False)]
                sparse = self.sparse(layer)
                each = (self.experts, ) if sparse else ()
                parameters += [((d, self.experts), False)] if sparse else []
                parameters += [(each + (d, self.d_ff), sparse), (each + (self.d_ff, d), sparse)]
            parameters.append(((d, ), False))
        return parameters

    def parameters(self):
        """(of all that is replicated, of all experts)"""
        counts = [0, 0]
        for shape, of_experts in self.shapes():
            counts[of_experts] += adafactor_waves.elements(shape)
        return counts


class Step:
    """One step of `sequences` a GPU, in `micro_batches` of them, on `gpus` GPUs with the experts spread over all."""

    def __init__(self, model, sequences, gpus, micro_batches=1, loss_rows=2048,
                 attention_share=ATTENTION_SHARE, router_peak=FLOAT32, router_copy=False, waves=None):
        self.model, self.gpus, self.micro_batches = model, gpus, micro_batches
        self.sequences = sequences // micro_batches
        self.loss_rows, self.attention_share, self.router_peak = loss_rows, attention_share, router_peak
        self.router_copy, self.waves = router_copy, waves or {}
        self.kernels, self.transfers = [], []
        self.tokens = self.sequences * model.le, self.sequences * model.ld
        for in_decoder, layers in enumerate((model.encoder_layers, model.decoder_layers)):
            self.stack(in_decoder, layers)
        self.loss()
        for work in self.kernels + self.transfers:
            work.calls *= micro_batches
        self.update()

    def add(self, part, calls, operations, bytes, **rates):
        self.kernels.append(Kernel(part, calls, operations, bytes, **rates))

    def over(self, part, calls, elements, *widths):
        """A kernel that reads and writes `elements` of these widths in bytes."""
        self.add(part, calls, 0, elements * sum(widths))

    def linear(self, part, calls, rows, inputs, outputs, adds=False, matrices=1):
        """Forward and both gradients of y = x w, `matrices` of w sharing the rows; `adds`: to what is in d_x already."""
        work, weight = 2.0 * rows * inputs * outputs, matrices * inputs * outputs
        x, y = rows * inputs, rows * outputs
        self.add(part, calls, work, HALF * (x + weight + y))
        self.add(part, calls, work, HALF * (x + y) + 2 * WORD * weight)
        self.add(part, calls, work, HALF * (y + weight + x * (2 if adds else 1)))

    def stack(self, in_decoder, layers):
        model, tokens = self.model, self.tokens[in_decoder]
        sparse = model.sparse_layers(layers)
        self.attention(layers, tokens, tokens, model.ld if in_decoder else model.le, in_decoder)
        if in_decoder:
            self.attention(layers, tokens, self.tokens[0], model.le, True)
        d = model.d
        norms = (3 if in_decoder else 2) * layers + 1
        self.over("norms", norms, tokens * d, HALF, HALF)
        self.over("norms", norms, tokens * d, HALF, HALF, HALF, HALF)
        self.over("residual, dropout", norms - 1, tokens * d, HALF, HALF, HALF)
        self.over("residual, dropout", norms, tokens * d, HALF, HALF)
        self.linear("dense feed-forward", layers - sparse, tokens, d, model.d_ff)
        self.linear("dense feed-forward", layers - sparse, tokens, model.d_ff, d)
        self.activation(layers - sparse, tokens)
        if sparse > 0:
            self.experts(sparse, tokens, self.model.ld if in_decoder else self.model.le)
        self.over("embedding", 1, tokens * d, HALF, HALF)
        self.over("embedding", 1, tokens * d, HALF, WORD, WORD)

    def attention(self, layers, queries, keys, key_length, in_decoder):
        model = self.model
        part = "attention's projections"
        self.linear(part, layers, queries, model.d, model.inner)
        self.linear(part, 2 * layers, keys, model.d, model.inner, adds=True)
        self.linear(part, layers, queries, model.inner, model.d)
        one = 2.0 * queries * key_length * model.inner  # one product of all pairs
        q, k = HALF * queries * model.inner, HALF * keys * model.inner
        rates = {"share": self.attention_share}
        self.add("attention", layers, 2 * one, 2 * q + 2 * k, **rates)
        # Backward owns queries in one kernel and keys in another; each takes the scores and their gradients again, seven
        # products where the model's FLOPs count four. A pass before them reads out and d_out.
        self.add("attention", layers, 0, 2 * q)
        self.add("attention", layers, 3 * one, 3 * q + 2 * k, **rates)
        self.add("attention", layers, 4 * one, 2 * q + 4 * k, **rates)

    def activation(self, layers, rows):
        """Backward alone: forward's products write what is above 0, for these models have ReLU and no dropout."""
        self.over("activation", layers, rows * self.model.d_ff, HALF, HALF, HALF)

    def experts(self, layers, tokens, length):
        model, d = self.model, self.model.d
        groups = -(-self.sequences // model.group)
        capacity = max(4, int(model.group * length * model.capacity / model.experts))
        slots = model.experts * groups * capacity
        local = model.experts // self.gpus if self.gpus > 1 else model.experts
        router = len(self.kernels)
        self.router(layers, tokens)
        before = len(self.kernels)
        parts = EXCHANGE_PARTS if self.gpus > 1 else 1
        for inputs, outputs in ((d, model.d_ff), (model.d_ff, d)):
            self.linear("experts", layers * parts, slots // parts, inputs, outputs, matrices=max(1, local // parts))
        weight_gradient = self.kernels[before + 1].predicted() / layers
        forward = sum(self.kernels[before + i].predicted() for i in (0, 3)) / layers
        self.activation(layers * parts, slots // parts)
        self.over("dispatch, combine", layers, tokens * 6, WORD)
        self.add("dispatch, combine", layers, 0, HALF * d * (tokens + slots))  # gather
        self.add("dispatch, combine", layers, 0, HALF * d * 2 * tokens)  # combine
        self.add("dispatch, combine", layers, 0, HALF * d * (3 * tokens + slots))  # its gradients
        self.add("dispatch, combine", layers, 0, HALF * d * 2 * tokens)  # gather back
        self.over("dispatch, combine", layers, tokens * d, HALF, HALF, HALF)
        if self.gpus == 1:
            return
        sent = HALF * d * slots * (self.gpus - 1) / self.gpus
        # Of the way there the second part has the first one's products beside it, of the way back the first part the second's.
        part = sent / EXCHANGE_PARTS
        self.transfers.append(Transfer("all-to-all, forward", 2 * layers, part))
        self.transfers.append(Transfer("all-to-all, forward", 2 * layers, part, hidden=forward / EXCHANGE_PARTS))
        # Beside the router's backward and one of the experts' weight gradients, each longer than the exchange or not.
        router_backward = sum(kernel.predicted() for kernel in self.kernels[router:before]) / 2 / layers
        self.transfers.append(Transfer("all-to-all, backward", layers, sent, hidden=router_backward))
        self.transfers.append(Transfer("all-to-all, backward", layers, sent, hidden=weight_gradient))

    def router(self, layers, tokens):
        """Float32 products of the bfloat16 input, in kernels that jitter as they read; of a float32 copy, made in forward and
        again in backward, where there are more experts than these take (kernels/router_logits.h)."""
        logits = tokens * self.model.experts
        if self.model.experts <= 16 and not self.router_copy:
            self.fused_router(layers, tokens, logits)
        else:
            self.copied_router(layers, tokens, logits)
        self.over("router", 2 * layers, logits, WORD, WORD)

    def fused_router(self, layers, tokens, logits):
        part, d, experts = "router", self.model.d, self.model.experts
        x, weight, padded = tokens * d, d * experts, 8 if experts <= 8 else 16
        chunks = -(-tokens // max(64, -(-tokens // 256)))
        work = 2.0 * x * experts
        # Of an element's instructions as nvcc's code for sm_90 has them, these are multiply-adds of the product.
        forward, backward = experts / (padded + 24), 2 * experts / (2 * padded + 26)
        rates = lambda part_of: {"peak": FLOAT32 * part_of, "share": FLOAT32_SHARE}
        self.add(part, layers, work, HALF * x + WORD * (weight + logits), **rates(forward))
        self.add(part, layers, 2 * work, 2 * HALF * x + WORD * ((1 + chunks) * weight + logits), **rates(backward))
        self.over(part, layers, weight, WORD * (chunks + 2))

    def copied_router(self, layers, tokens, logits):
        part, d, experts = "router", self.model.d, self.model.experts
        x, weight = tokens * d, d * experts
        work, rates = 2.0 * x * experts, {"peak": self.router_peak, "share": FLOAT32_SHARE}
        self.over(part, 2 * layers, x, HALF, WORD)  # widened and jittered
        self.add(part, layers, work, WORD * (x + weight + logits), **rates)
        self.add(part, layers, work, WORD * (x + 2 * weight + logits), **rates)
        self.add(part, layers, work, WORD * (x + weight + logits), **rates)
        self.over(part, layers, x, WORD, HALF)

    def loss(self):
        rows = self.tokens[1]
        for chunk, calls in ((self.loss_rows, rows // self.loss_rows), (rows % self.loss_rows, 1)):
            if chunk * calls > 0:
                self.loss_chunks(chunk, calls)

    def loss_chunks(self, chunk, calls):
        model, part = self.model, "loss"
        h, logits, table = chunk * model.d, chunk * model.vocab, model.vocab * model.d
        work = 2.0 * chunk * model.vocab * model.d
        self.over(part, 3 * calls, h, HALF, HALF)  # copied, scaled, the gradient scaled
        self.add(part, calls, work, HALF * (h + table) + WORD * logits)
        self.over(part, calls, logits, WORD, HALF)
        self.over(part, 2 * calls, chunk, WORD)
        self.add(part, calls, work, HALF * (h + logits) + 2 * WORD * table)
        self.add(part, calls, work, HALF * (h + logits + table))

    def update(self):
        replicated, experts = self.model.parameters()
        local = replicated + experts / self.gpus
        self.over("gradients cleared, their norm", 1, local, WORD)
        self.over("gradients cleared, their norm", 1, local, WORD)
        shapes = [(shape[0] // self.gpus, ) + shape[1:] if of_experts else (1, ) + shape
                  for shape, of_experts in self.model.shapes()]
        for moved, cached in adafactor_waves.launches(shapes, **self.waves):
            self.add("Adafactor", 1, 0, moved, cached=cached)
        self.over("bfloat16 copy of the weights", 1, local, WORD, HALF)
        if self.gpus > 1:
            sent = 2 * WORD * replicated * (self.gpus - 1) / self.gpus
            backward = sum(kernel.predicted() for kernel in self.kernels) / 2
            self.transfers.append(Transfer("all-reduce of gradients", 1, sent, hidden=backward))

    def model_flops(self):
        return self.micro_batches * self.sequences * self.model.flops_per_sequence()

    def seconds(self):
        return sum(kernel.predicted() for kernel in self.kernels) + sum(t.exposed() for t in self.transfers)

    def floor(self):
        return sum(work.floor() for work in self.kernels)

    def mfu(self):
        return self.model_flops() / self.seconds() / TENSOR

    def tokens_per_second(self):
        return self.micro_batches * sum(self.tokens) / self.seconds()

    def parts(self):
        return list(dict.fromkeys(work.part for work in self.kernels + self.transfers))


def row(cells):
    return "| " + " | ".join(cells) + " |"


def table(head, rows):
    return [row(head), row(["---"] * len(head))] + [row(cells) for cells in rows] + [""]


def micro(seconds):
    return f"{seconds * 1e6:,.0f}"


def part_row(step, part, twin):
    kernels = [kernel for kernel in step.kernels if kernel.part == part]
    work = kernels or [transfer for transfer in step.transfers if transfer.part == part]
    operations = sum(kernel.calls * kernel.operations for kernel in kernels)
    moved = sum(item.calls * item.bytes for item in work)
    beside = sum(kernel.predicted() for kernel in twin.kernels if kernel.part == part)
    predicted = micro(sum(item.predicted() for item in work))
    if not kernels:
        predicted += f", {micro(sum(transfer.exposed() for transfer in work))} exposed"
    return [part, f"{sum(item.calls for item in work):,}", f"{operations / 1e12:.2f}" if operations else "",
            f"{moved / 1e9:.1f}", micro(sum(item.floor() for item in work)), predicted, micro(beside) if beside else ""]


def part_table(title, step, twin):
    rows = [part_row(step, part, twin) for part in step.parts()]
    operations = sum(kernel.calls * kernel.operations for kernel in step.kernels)
    moved = sum(kernel.calls * kernel.bytes for kernel in step.kernels)
    rows.append(["**step**", f"{sum(kernel.calls for kernel in step.kernels):,}", f"{operations / 1e12:.2f}",
                 f"{moved / 1e9:.1f}", micro(step.floor()), f"**{micro(step.seconds())}**", micro(twin.seconds())])
    head = ["part", "calls", "TFLOP", "GB", "floor, µs", "predicted, µs", "dense twin, µs"]
    return [f"### {title}", ""] + table(head, rows)


def summary_row(name, step, twin):
    ratio = "" if step is twin else f"{step.seconds() / twin.seconds():.2f}"
    return [name, str(step.gpus), f"{sum(step.model.parameters()) / 1e6:,.0f} M", f"{step.model_flops() / 1e12:.1f}",
            f"{step.floor() * 1e3:.1f}", f"{step.seconds() * 1e3:.1f}", f"{step.tokens_per_second():,.0f}",
            f"{100 * step.mfu():.0f} %", ratio]


def what_if(models, sequences):
    """Predicted milliseconds of each model with one thing changed."""
    cases = [("as it is", {}),
             ("8 micro-batches", {"micro_batches": 8}),
             ("the loss in chunks of 256 rows, as on CPUs", {"loss_rows": 256}),
             ("the router makes a float32 copy of its input", {"router_copy": True}),
             ("the router's products in TF32 (495 TFLOP/s)", {"router_peak": 495e12}),
             ("Adafactor a parameter at a time", {"waves": {"most": 1}}),
             ("Adafactor's waves no larger than 25 MiB, for L2", {"waves": {"most_bytes": adafactor_waves.CACHE_BYTES}}),
             ("attention at 60 % of the tensor cores' rate", {"attention_share": 0.6})]
    rows = []
    for name, change in cases:
        steps = [Step(model, sequences, gpus, **change) for model, gpus in models]
        rows.append([name] + [f"{step.seconds() * 1e3:.1f} ({100 * step.mfu():.0f} %)" for step in steps])
    return rows


def experts_table(small, large, sequences):
    """A sparse layer's products, batched against one by one."""
    rates = expert_products.Rates(TENSOR * TENSOR_SHARE, MEMORY * MEMORY_SHARE, LAUNCH, TENSOR * GROUPED_SHARE)
    few = sequences // 8
    eight = f"16 of 128 on 8 GPUs, {sequences} sequences each"
    head, rows = expert_products.report([(f"all 8, {sequences} sequences", small, 1, sequences),
                                         (eight, large, 8, sequences),
                                         (f"all 128, {sequences} sequences", large, 1, sequences),
                                         (f"all 128, {few} sequences", large, 1, few)], rates)
    lines = ["### A sparse layer's products: batches of all experts against one product an expert", ""] + table(head, rows)
    head, rows = expert_products.ragged_report(large.d, large.d_ff, rates)
    return lines + ["### A dropless layer's products, of one expert among many", ""] + table(head, rows)


def report(sequences):
    dense, small, large = (Model(ROOT / "configs" / f"{name}.yaml")
                           for name in ("t5-base", "switch-base-8", "switch-base-128"))
    dense_one, small_one = Step(dense, sequences, 1), Step(small, sequences, 1)
    dense_eight, small_eight, large_eight = (Step(model, sequences, 8) for model in (dense, small, large))
    lines = [f"{sequences} sequences of {dense.le} + {dense.ld} tokens a GPU, one micro-batch; sums of all calls of a step, "
             "forward and backward.", ""]
    head = ["model", "GPUs", "parameters", "model TFLOP a GPU", "floor, ms", "predicted, ms", "tokens/s a GPU", "MFU",
            "over its dense twin"]
    lines += ["### Steps", ""] + table(head, [
        summary_row("T5-Base", dense_one, dense_one), summary_row("Switch-Base, 8 experts", small_one, dense_one),
        summary_row("T5-Base", dense_eight, dense_eight),
        summary_row("Switch-Base, 8 experts", small_eight, dense_eight),
        summary_row("Switch-Base, 128 experts", large_eight, dense_eight)])
    lines += part_table("Switch-Base with 8 experts, one GPU", small_one, dense_one)
    lines += part_table("Switch-Base with 128 experts, 8 GPUs of one node, 16 experts each", large_eight, dense_eight)
    lines += ["### If one thing were otherwise", "", "Predicted ms of a step and MFU:", ""]
    models = ((dense, 1), (small, 1), (large, 8))
    lines += table(["", "T5-Base, 1 GPU", "8 experts, 1 GPU", "128 experts, 8 GPUs"], what_if(models, sequences))
    lines += experts_table(small, large, sequences)
    return "\n".join(lines)


def with_report(text, tables):
    before, rest = text.split(BEGIN)
    return before + BEGIN + "\n" + tables + "\n" + END + rest.split(END)[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=128, help="a GPU and step")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--flops", metavar="CONFIG", type=pathlib.Path)
    parser.add_argument("--decoder-length", type=int, default=114, help="with --flops")
    options = parser.parse_args()
    if options.flops:
        print(f"{Model(options.flops, options.decoder_length).flops_per_sequence():.10g}")
        return 0
    tables = report(options.sequences)
    if not options.write and not options.check:
        print(tables)
        return 0
    page = PAGE.read_text()
    made = with_report(page, tables)
    if options.write:
        PAGE.write_text(made)
    elif made != page:
        print("docs/gpu.md is not what tests/bench/roofline.py --write makes of it", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
