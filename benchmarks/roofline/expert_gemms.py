# SPDX-License-Identifier: Apache-2.0
"""For roofline.py: the GEMMs of a sparse layer as batched GEMMs over all experts against one GEMM per expert, as
`switchyard bench --part experts` times them. Nothing here is measured.

Each way is predicted under two assumptions, and the truth should lie in between. By tiles: the result of a GEMM is cut
into tiles of 128 x 256, each computed by one SM over the whole inner dimension, so that the last wave, or a small
GEMM, leaves SMs idle. SMs full: other tile sizes, or a split inner dimension, keep all SMs busy whatever the shape."""
import dataclasses
import math

from rates import HALF, WORD

SMS = 132
TILE = (128, 256)


@dataclasses.dataclass
class Rates:
    """The rates assumed to be reached: operations and bytes per second, and the seconds of the shortest kernel."""
    tensor: float
    memory: float
    launch: float
    kernel: float = 0  # operations per second of grouped_gemm's own kernel


@dataclasses.dataclass
class Product:
    """`batch` GEMMs [m, k] x [k, n] in one call."""
    batch: int
    m: int
    n: int
    k: int
    adds: bool = False  # accumulates into a float32 result; otherwise overwrites a bfloat16 one

    def operations(self):
        return 2.0 * self.batch * self.m * self.n * self.k

    def bytes(self):
        out = 2 * WORD if self.adds else HALF
        return self.batch * (HALF * self.k * (self.m + self.n) + out * self.m * self.n)

    def tiles(self):
        counts = (math.ceil(self.m / a) * math.ceil(self.n / b) for a, b in (TILE, TILE[::-1]))
        return self.batch * min(counts)

    def seconds(self, rates, by_tiles):
        compute = self.operations() / rates.tensor
        if by_tiles:
            tile = 2.0 * TILE[0] * TILE[1] * self.k / (rates.tensor / SMS)
            compute = math.ceil(self.tiles() / SMS) * tile
        return max(compute, self.bytes() / rates.memory, rates.launch)


@dataclasses.dataclass
class Layer:
    """The `experts` of one GPU with `rows` rows each. Not modelled: rows from other GPUs arrive in two parts, with one
    call for each part."""
    d: int
    d_ff: int
    experts: int
    rows: int

    def products(self, batch):
        """(forward, backward) GEMMs of `batch` experts, one call per GEMM."""
        forward, backward = [], []
        for inputs, outputs in ((self.d, self.d_ff), (self.d_ff, self.d)):
            forward.append(Product(batch, self.rows, outputs, inputs))
            backward.append(Product(batch, inputs, outputs, self.rows, adds=True))
            backward.append(Product(batch, self.rows, inputs, outputs))
        return forward, backward

    def batched(self, rates, by_tiles):
        """(forward, backward) seconds as the layer computes them: batched over all experts."""
        return [sum(product.seconds(rates, by_tiles) for product in products)
                for products in self.products(self.experts)]

    def each(self, rates, by_tiles):
        """(forward, backward) seconds with one GEMM per expert."""
        return [self.experts * sum(product.seconds(rates, by_tiles) for product in products)
                for products in self.products(1)]

    def share_of_sms(self):
        """The share of SMs that one expert's first forward GEMM keeps busy: its tiles over the SMs of its waves."""
        tiles = Product(1, self.rows, self.d_ff, self.d).tiles()
        return tiles / (SMS * math.ceil(tiles / SMS))


def layers(model, gpus, sequences):
    """(stack, Layer) for each stack of `model`, with `sequences` per GPU and the experts spread over all GPUs."""
    for stack, length in (("encoder", model.le), ("decoder", model.ld)):
        yield stack, Layer(model.d, model.d_ff, model.experts // gpus, gpus * model.places(sequences, length))


def rows_of(name, model, gpus, sequences, rates):
    for stack, layer in layers(model, gpus, sequences):
        cells = [name, stack, f"{layer.rows:,}", f"{100 * layer.share_of_sms():.0f} %"]
        for by_tiles in (True, False):
            batched, each = layer.batched(rates, by_tiles), layer.each(rates, by_tiles)
            cells += [f"{sum(batched) * 1e3:.2f}, {sum(each) * 1e3:.2f}", f"{sum(each) / sum(batched):.2f}",
                      f"{each[0] / batched[0]:.2f}"]
        yield cells


def report(cases, rates):
    """(head, rows) of the table. Each case is (name, model, GPUs, sequences per GPU)."""
    head = ["experts on a GPU", "stack", "rows per expert", "SMs filled by one", "by tiles: batched, one by one, ms",
            "ratio", "forward only", "SMs full: batched, one by one, ms", "ratio", "forward only"]
    return head, [cells for case in cases for cells in rows_of(*case, rates)]


KERNEL_TILE = 128  # side of the square tiles of grouped_gemm's kernel
ROWS = (64, 256, 512, 1024, 2048, 4096, 8192)


def pieces(rows):
    """The pieces into which grouped_gemm splits a group's rows when it multiplies group by group
    (kernels/gemm/grouped_gemm.cpp)."""
    while rows > 0:
        shift = max(0, rows.bit_length() - 3) if rows >= 32 else 0
        yield rows >> shift << shift
        rows -= rows >> shift << shift


def by_group(d, d_ff, rows, rates, by_tiles):
    """Seconds per expert: its six GEMMs, forward and backward, in pieces; averaged over row counts around `rows`."""
    counts = range(rows - rows // 8, rows + rows // 8, max(1, rows // 64))
    made = (product for count in counts for piece in pieces(count) for products in Layer(d, d_ff, 1, piece).products(1)
            for product in products)
    return sum(product.seconds(rates, by_tiles) for product in made) / len(counts)


def by_kernel(d, d_ff, rows, rates):
    """The same as a share of one launch for many experts, each of which has one tile that is half empty on average."""
    total = 0
    for products in Layer(d, d_ff, 1, rows).products(1):
        for product in products:
            waste = 1 if product.adds else (rows + KERNEL_TILE / 2) / rows
            total += max(waste * product.operations() / rates.kernel, product.bytes() / rates.memory)
    return total


def ragged_report(d, d_ff, rates):
    """(head, rows) of the table for dropless experts, in microseconds per expert and layer."""
    head = ["rows per expert", "grouped kernel, µs", "group by group, by tiles, µs", "group by group, SMs full, µs"]
    return head, [[f"{rows:,}", f"{by_kernel(d, d_ff, rows, rates) * 1e6:.0f}"] +
                  [f"{by_group(d, d_ff, rows, rates, by_tiles) * 1e6:.0f}" for by_tiles in (True, False)]
                  for rows in ROWS]
