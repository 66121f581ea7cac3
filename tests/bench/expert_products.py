"""For roofline.py: a sparse layer's products as batches of all experts against a product for every expert, as
`switchyard bench --part experts` times them. Nothing here is measured.

Each way is predicted twice, and the truth should lie between. By tiles: a product's result is cut into tiles of
128 x 256, one on an SM at a time, each over the whole of the sum, so that a last wave, or a small product, leaves SMs
idle. SMs full: tiles of other sizes, or sums in parts, keep all SMs busy whatever the product."""
import dataclasses
import math

SMS = 132
TILE = (128, 256)
HALF, WORD = 2, 4  # bytes of bfloat16 and float32


@dataclasses.dataclass
class Rates:
    """What is assumed to be reached: operations and bytes a second, and seconds of the shortest kernel."""
    tensor: float
    memory: float
    launch: float


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
