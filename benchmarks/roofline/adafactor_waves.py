# SPDX-License-Identifier: Apache-2.0
"""For roofline.py: the launches of an Adafactor step on a GPU, and the bytes of each. Parameters are updated in waves
(kernels/adafactor/adafactor.cpp): five launches per wave of matrices and two per wave of vectors."""
from rates import HALF, WORD

WAVE_ITEMS = 32  # kAdafactorItems
CACHE_BYTES = 25 << 20  # what L2 is assumed to keep from one pass to the next
FACTOR_FROM = 128  # optimizer.factor_from: a matrix with a shorter side is updated as a vector
ROWS, COLS = 64, 128  # size of a tile


def elements(shape):
    count = 1
    for side in shape:
        count *= side
    return count


def waves(items, most, most_bytes):
    """Groups the items in order. An item whose value and gradient exceed `most_bytes` gets a wave of its own."""
    wave = []
    for shape in items:
        if wave and (len(wave) == most or 2 * WORD * sum(map(elements, wave + [shape])) > most_bytes):
            yield wave
            wave = []
        wave.append(shape)
    if wave:
        yield wave


def of_matrices(wave):
    """For each launch: (bytes from and to memory, bytes already in L2)."""
    whole = WORD * sum(map(elements, wave))
    # Row and column sums of each tile are written, read once, and combined into the factors.
    sums = WORD * sum(e * (n * -(-m // COLS) + m * -(-n // ROWS)) for e, n, m in wave)
    factors = WORD * sum(e * (n + m) for e, n, m in wave)
    again = 2 * whole <= CACHE_BYTES  # L2 still holds what pass 1 read
    read = lambda count: (0, count * whole) if again else (count * whole, 0)
    yield 2 * whole + sums, 0
    yield 2 * factors, sums
    yield read(1)[0], read(1)[1] + factors
    yield 0, factors
    yield whole + whole * HALF // WORD + read(2)[0], read(2)[1] + factors  # writes the bfloat16 copy too


def launches(shapes, most=WAVE_ITEMS, most_bytes=float("inf")):
    """The launches for parameters [batch, n, m] and vectors [batch, n], given in order of declaration."""
    factored = [len(shape) == 3 and min(shape[1:]) >= FACTOR_FROM for shape in shapes]
    matrices = [shape for shape, is_matrix in zip(shapes, factored) if is_matrix]
    for wave in waves(matrices, most, most_bytes):
        yield from of_matrices(wave)
    vectors = [shape for shape, is_matrix in zip(shapes, factored) if not is_matrix]
    for wave in waves(vectors, most, float("inf")):
        whole = WORD * sum(map(elements, wave))
        yield 4 * whole, 0
        yield whole + whole * HALF // WORD, 3 * whole
