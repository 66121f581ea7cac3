# SPDX-License-Identifier: Apache-2.0
"""For gpu_peers.py: the products of a sparse layer and attention, in PyTorch, in bfloat16."""
import statistics
import time

import torch

WARM_UP = 2
ATTENTIONS = ("encoder", "decoder", "cross")


class Clock:
    def __init__(self, device, rounds):
        self.device, self.rounds = device, rounds

    def wait(self):
        if self.device == "cuda":
            torch.cuda.synchronize()

    def seconds(self, work):
        """The median over the rounds, each waited for."""
        for _ in range(WARM_UP):
            work()
        spent = []
        for _ in range(self.rounds):
            self.wait()
            start = time.perf_counter()
            work()
            self.wait()
            spent.append(time.perf_counter() - start)
        return statistics.median(spent)


def random(device, *shape):
    return torch.randn(*shape, dtype=torch.bfloat16, device=device)


def experts(run, stack, sequences, clock):
    """Forward and both gradients of the two products of each expert, at the capacity that Switchyard gives one: six
    products, once as a loop of one expert after the other, once batched over the experts."""
    model, of = run["model"], run["model"]["experts"]
    length = run["data"]["encoder_length" if stack == "encoder" else "decoder_length"]
    given = of["group_tokens"][stack]
    group = min(of["group_sequences"], sequences) * length if given == "auto" else given
    rows = -(-sequences * length // group) * max(of["min_capacity"], int(group * of["capacity_factor"] / of["count"]))
    count, d, d_ff = of["count"], model["d_model"], model["d_ff"]
    x, h = random(clock.device, count, rows, d), random(clock.device, count, rows, d_ff)
    into, back = random(clock.device, count, d, d_ff), random(clock.device, count, d_ff, d)

    def layer(a, b, first, second):
        for product in ((a, first), (b, second), (a.mT, b), (b.mT, a), (b, first.mT), (a, second.mT)):
            torch.matmul(*product)

    def each():
        for expert in range(count):
            layer(x[expert], h[expert], into[expert], back[expert])

    flops = 6 * 2 * count * rows * d * d_ff
    one, batched = clock.seconds(each), clock.seconds(lambda: layer(x, h, into, back))
    return dict(rows_per_expert=rows, flops=flops, each_seconds=one, batched_seconds=batched,
                each_flops_per_second=flops / one, batched_flops_per_second=flops / batched)


def attention(run, kind, sequences, clock):
    """Attention of the encoder (with a bias), the decoder (with a bias and a causal mask) and across (with neither): forward
    alone, and with the gradients of queries, keys, values and the bias."""
    model, data = run["model"], run["data"]
    queries = data["encoder_length" if kind == "encoder" else "decoder_length"]
    keys = data["decoder_length" if kind == "decoder" else "encoder_length"]
    heads, width = model["num_heads"], model["d_kv"]
    q = random(clock.device, sequences, heads, queries, width).requires_grad_()
    k, v = (random(clock.device, sequences, heads, keys, width).requires_grad_() for _ in range(2))
    d_out, bias = random(clock.device, sequences, heads, queries, width), None
    if kind != "cross":
        bias = random(clock.device, 1, heads, queries, keys).requires_grad_()
    above = torch.ones(queries, keys, dtype=torch.bool, device=clock.device).triu(1)

    def forward():
        mask = bias
        if kind == "decoder":
            mask = bias.masked_fill(above, float("-inf"))
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=1.0)

    def no_gradients():
        with torch.no_grad():
            forward()

    found = dict(shape=[sequences, heads, queries, keys, width], forward_seconds=clock.seconds(no_gradients))
    found["seconds"] = clock.seconds(lambda: forward().backward(d_out))
    flops = 2.0 * sequences * heads * queries * keys * width
    return dict(found, forward_flops_per_second=2 * flops / found["forward_seconds"], flops_per_second=6 * flops / found["seconds"])
