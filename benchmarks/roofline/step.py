# SPDX-License-Identifier: Apache-2.0
"""For roofline.py: the kernels and transfers of one training step, with the operations and bytes of each."""
import adafactor_waves
from rates import ATTENTION_CROWDED, ATTENTION_SHARE, FLOAT32, FLOAT32_SHARE, HALF, TENSOR, WORD, Kernel, Transfer

EXCHANGE_PARTS = 2  # the parts in which rows are sent to the experts of other ranks (lib/model/moe/row_exchange.h)


class Step:
    """One step of `sequences` per GPU, in `micro_batches` micro-batches, on `gpus` GPUs with the experts spread over
    all of them."""

    def __init__(self, model, sequences, gpus, micro_batches=1, loss_rows=2048,
                 attention_share=ATTENTION_SHARE, router_peak=FLOAT32, router_copy=False, waves=None):
        self.arguments = dict(model=model, sequences=sequences, gpus=gpus, micro_batches=micro_batches,
                              loss_rows=loss_rows, router_peak=router_peak, router_copy=router_copy, waves=waves)
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
        """A kernel bound by memory: it reads or writes `elements` values of each of these widths in bytes."""
        self.add(part, calls, 0, elements * sum(widths))

    def linear(self, part, calls, rows, inputs, outputs, matrices=1, joined=1, residual=False):
        """Forward and both gradients of y = x w. The rows are divided among `matrices` matrices w; `joined` matrices w
        with one x are multiplied together, and add up their input gradients one by one. With `residual`, forward adds
        another matrix. The first micro-batch overwrites the weight's gradient, the others read it too."""
        work, weight = 2.0 * rows * inputs * outputs, matrices * inputs * outputs
        x, y = rows * inputs, rows * outputs
        self.add(part, calls, joined * work, HALF * (x + joined * (weight + y * (2 if residual else 1))))
        moved = WORD * (2 - 1 / self.micro_batches) * weight
        self.add(part, calls, joined * work, HALF * (x + joined * y) + joined * moved)
        self.input_gradient(part, calls, rows, inputs, outputs, matrices)
        if joined > 1:
            self.input_gradient(part, calls * (joined - 1), rows, inputs, outputs, matrices, adds=True)

    def input_gradient(self, part, calls, rows, inputs, outputs, matrices=1, adds=False):
        x, y, weight = rows * inputs, rows * outputs, matrices * inputs * outputs
        self.add(part, calls, 2.0 * rows * inputs * outputs, HALF * (y + weight + x * (2 if adds else 1)))

    def stack(self, in_decoder, layers):
        model, tokens = self.model, self.tokens[in_decoder]
        sparse = model.sparse_layers(layers)
        self.attention(layers, tokens, tokens, model.ld if in_decoder else model.le, False)
        if in_decoder:
            self.attention(layers, tokens, self.tokens[0], model.le, True)
        d = model.d
        norms = (3 if in_decoder else 2) * layers + 1
        self.over("RMS norms", norms, tokens * d, HALF, HALF)
        self.over("RMS norms", norms, tokens * d, HALF, HALF, HALF, HALF)
        # Other layers' last product adds the residual. Backward copies only what the final norm's is computed from.
        self.over("residual", sparse, tokens * d, HALF, HALF, HALF)
        self.over("residual", 1, tokens * d, HALF, HALF)
        self.linear("dense feed-forward", layers - sparse, tokens, d, model.d_ff)
        self.linear("dense feed-forward", layers - sparse, tokens, model.d_ff, d, residual=True)
        self.activation(layers - sparse, tokens)
        if sparse > 0:
            self.experts(sparse, tokens, self.model.ld if in_decoder else self.model.le)
        self.over("embedding", 1, tokens * d, HALF, HALF)
        self.over("embedding", 1, tokens * d, HALF, WORD, WORD)

    def attention(self, layers, queries, keys, key_length, cross):
        model = self.model
        part = "attention projections"
        if cross:
            self.linear(part, layers, queries, model.d, model.inner)
            self.linear(part, layers, keys, model.d, model.inner, joined=2)
        else:
            self.linear(part, layers, queries, model.d, model.inner, joined=3)
        self.linear(part, layers, queries, model.inner, model.d, residual=True)
        one = 2.0 * queries * key_length * model.inner  # one GEMM over all query-key pairs
        q, k = HALF * queries * model.inner, HALF * keys * model.inner
        rates = {"share": self.attention_share}
        self.add("attention", layers, 2 * one, 2 * q + 2 * k, **rates)
        # Backward has one kernel that owns queries and one that owns keys. Each recomputes the scores and their
        # gradients: seven GEMMs where the model FLOPs count four. A pass before them reads out and d_out.
        self.add("attention", layers, 0, 2 * q)
        self.add("attention", layers, 3 * one, 3 * q + 2 * k, **rates)
        self.add("attention", layers, 4 * one, 2 * q + 4 * k, **rates)

    def activation(self, layers, rows):
        """Backward only: in forward the GEMM's epilogue applies the ReLU, since these models have no dropout."""
        self.over("activation", layers, rows * self.model.d_ff, HALF, HALF, HALF)

    def experts(self, layers, tokens, length):
        model, d = self.model, self.model.d
        slots = model.experts * model.places(self.sequences, length)
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
        # On the way there, the second part overlaps the first part's GEMMs; on the way back, the first part overlaps
        # the second part's.
        part = sent / EXCHANGE_PARTS
        self.transfers.append(Transfer("all-to-all, forward", 2 * layers, part))
        self.transfers.append(Transfer("all-to-all, forward", 2 * layers, part, hidden=forward / EXCHANGE_PARTS))
        # These overlap the router's backward and one of the experts' weight gradients, as far as those last.
        router_backward = sum(kernel.predicted() for kernel in self.kernels[router:before]) / 2 / layers
        self.transfers.append(Transfer("all-to-all, backward", layers, sent, hidden=router_backward))
        self.transfers.append(Transfer("all-to-all, backward", layers, sent, hidden=weight_gradient))

    def router(self, layers, tokens):
        """Float32 GEMMs on the bfloat16 input, in kernels that apply the jitter as they read. With more experts than
        these kernels support they use a float32 copy instead, made in forward and again in backward
        (kernels/router/router_logits.h)."""
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
        # The share of multiply-adds among the instructions per element, in nvcc's code for sm_90.
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
        self.over("norm of the gradients", 1, local, WORD)
        shapes = [(shape[0] // self.gpus, ) + shape[1:] if of_experts else (1, ) + shape
                  for shape, of_experts in self.model.shapes()]
        for moved, cached in adafactor_waves.launches(shapes, **self.waves):
            self.add("Adafactor", 1, 0, moved, cached=cached)
        if self.gpus > 1:
            sent = 2 * WORD * replicated * (self.gpus - 1) / self.gpus
            backward = sum(kernel.predicted() for kernel in self.kernels) / 2
            self.transfers.append(Transfer("all-reduce of gradients", 1, sent, hidden=backward))

    def crowded(self):
        """The same step if attention's other instructions hide behind nothing."""
        return Step(**self.arguments, attention_share=ATTENTION_CROWDED)

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
