"""For roofline.py: a sparse layer's products as batches of all experts against a product for every expert, as
`switchyard bench --part experts` times them. Nothing here is measured.

Each way is predicted twice, and the truth should lie between. By tiles: a product's result is cut into tiles of
128 x 256, one on an SM at a time, each over the whole of the sum, so that a last wave, or a small product, leaves SMs
idle. SMs full: tiles of other sizes, or sums in parts, keep all SMs busy whatever the product."""
import dataclasses
import math

from roofline_rates import HALF, WORD

SMS = 132
TILE = (128, 256)


@dataclasses.dataclass
class Rates:
    """What is assumed to be reached: operations and bytes a second, and seconds of the shortest kernel."""
    tensor: float
    memory: float
    launch: float
    kernel: float = 0  # operations a second of grouped_gemm's own kernel


@dataclasses.dataclass
class Product:
    """`batch` products of [m, k] and [k, n] in one call."""
    batch: int
    m: int
    n: int
    k: int
    adds: bool = False  # to a float32 result, else a bfloat16 one is written

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
    """`experts` of this GPU, with `rows` each. (That rows from other GPUs come in two parts, with a call for each, is
    not in it.)"""
    d: int
    d_ff: int
    experts: int
    rows: int

    def products(self, batch):
        """(forward, backward) of `batch` experts, one call a product."""
        forward, backward = [], []
        for inputs, outputs in ((self.d, self.d_ff), (self.d_ff, self.d)):
            forward.append(Product(batch, self.rows, outputs, inputs))
            backward.append(Product(batch, inputs, outputs, self.rows, adds=True))
            backward.append(Product(batch, self.rows, inputs, outputs))
        return forward, backward

    def batched(self, rates, by_tiles):
        """(forward, backward) seconds as the layer does them, batches of all experts."""
        return [sum(product.seconds(rates, by_tiles) for product in products)
                for products in self.products(self.experts)]

    def each(self, rates, by_tiles):
        """(forward, backward) seconds of a product for every expert."""
        return [self.experts * sum(product.seconds(rates, by_tiles) for product in products)
                for products in self.products(1)]

    def share_of_sms(self):
        """Of forward's first product of one expert: tiles over the SMs of the waves that they make."""
        tiles = Product(1, self.rows, self.d_ff, self.d).tiles()
        return tiles / (SMS * math.ceil(tiles / SMS))


def layers(model, gpus, sequences):
    """(stack, Layer) of `model`, a roofline.Model, with so many sequences a GPU and the experts over all GPUs."""
    groups = math.ceil(sequences / model.group)
    for stack, length in (("encoder", model.le), ("decoder", model.ld)):
        capacity = max(4, int(model.group * length * model.capacity / model.experts))
        yield stack, Layer(model.d, model.d_ff, model.experts // gpus, gpus * groups * capacity)


def rows_of(name, model, gpus, sequences, rates):
    for stack, layer in layers(model, gpus, sequences):
        cells = [name, stack, f"{layer.rows:,}", f"{100 * layer.share_of_sms():.0f} %"]
        for by_tiles in (True, False):
            batched, each = layer.batched(rates, by_tiles), layer.each(rates, by_tiles)
            cells += [f"{sum(batched) * 1e3:.2f}, {sum(each) * 1e3:.2f}", f"{sum(each) / sum(batched):.2f}",
                      f"{each[0] / batched[0]:.2f}"]
        yield cells


def report(cases, rates):
    """(head, rows) of the table. `cases`: (name, model, GPUs, sequences a GPU)."""
    head = ["a GPU's experts", "stack", "rows of one", "SMs that one fills", "by tiles: batched, one by one, ms", "ratio",
            "of forward", "SMs full: batched, one by one, ms", "ratio", "of forward"]
    return head, [cells for case in cases for cells in rows_of(*case, rates)]


KERNEL_TILE = 128  # of grouped_gemm's kernel, square
ROWS = (64, 256, 512, 1024, 2048, 4096, 8192)


def pieces(rows):
    """What grouped_gemm makes of a group's rows where it multiplies group by group (kernels/gemm/grouped_gemm.cpp)."""
    while rows > 0:
        shift = max(0, rows.bit_length() - 3) if rows >= 32 else 0
        yield rows >> shift << shift
        rows -= rows >> shift << shift


def by_group(d, d_ff, rows, rates, by_tiles):
    """Seconds an expert: its six products, forward and backward, in pieces; the mean of row counts around `rows`."""
    counts = range(rows - rows // 8, rows + rows // 8, max(1, rows // 64))
    made = (product for count in counts for piece in pieces(count) for products in Layer(d, d_ff, 1, piece).products(1)
            for product in products)
    return sum(product.seconds(rates, by_tiles) for product in made) / len(counts)


def by_kernel(d, d_ff, rows, rates):
    """The same as a share of one launch for many experts, each with a tile that is half empty on average."""
    total = 0
    for products in Layer(d, d_ff, 1, rows).products(1):
        for product in products:
            waste = 1 if product.adds else (rows + KERNEL_TILE / 2) / rows
            total += max(waste * product.operations() / rates.kernel, product.bytes() / rates.memory)
    return total


def ragged_report(d, d_ff, rates):
    """(head, rows) of the table of dropless experts' products, microseconds an expert and layer."""
    head = ["rows of an expert", "the kernel, µs", "group by group, by tiles, µs", "SMs full, µs"]
    return head, [[f"{rows:,}", f"{by_kernel(d, d_ff, rows, rates) * 1e6:.0f}"] +
                  [f"{by_group(d, d_ff, rows, rates, by_tiles) * 1e6:.0f}" for by_tiles in (True, False)]
                  for rows in ROWS]
