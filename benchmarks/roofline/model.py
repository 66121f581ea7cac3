# SPDX-License-Identifier: Apache-2.0
"""For roofline.py: the dimensions of a configuration's model, its FLOPs and the shapes of its parameters."""
import re

import adafactor_waves


def read_config(path):
    """{key: text} of all leaves of a configuration. The keys that this tool reads are unique in the file."""
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
        self.le, self.ld = number("encoder_length"), decoder_length
        sequences = number("group_sequences", 2)
        self.group = {length: number(stack, sequences * length) for stack, length in (("encoder", self.le), ("decoder", self.ld))}

    def places(self, sequences, length):
        """Rows of an expert for so many sequences of a stack with this length: routing groups x capacity. Fewer sequences
        than a group are a group of their own."""
        group = min(self.group[length], sequences * length)
        return -(-sequences * length // group) * max(4, int(group * self.capacity / self.experts))

    def sparse(self, layer):
        return self.experts > 0 and layer % self.interval == self.interval - 1

    def sparse_layers(self, layers):
        return sum(self.sparse(layer) for layer in range(layers))

    def flops_per_sequence(self):
        """Counted as SwitchModel::flops_per_sequence does: GEMMs only, one expert per token, backward twice forward."""
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
        """(shape, whether it holds one matrix per expert) of every parameter, in order of declaration."""
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
        """(number of replicated parameters, number of expert parameters)"""
        counts = [0, 0]
        for shape, of_experts in self.shapes():
            counts[of_experts] += adafactor_waves.elements(shape)
        return counts
