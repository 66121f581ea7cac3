"""The launches of an Adafactor step on a GPU, each with its bytes: parameters in waves (kernels/adafactor/adafactor.cpp), five launches
a wave of matrices and two a wave of vectors."""
from roofline_rates import WORD

WAVE_ITEMS = 32  # kAdafactorItems
CACHE_BYTES = 25 << 20  # that L2 is assumed to keep from pass to pass
FACTOR_FROM = 128  # optimizer.factor_from: with a shorter side a matrix is stepped as a vector
ROWS, COLS = 64, 128  # of a tile


def elements(shape):
    count = 1
    for side in shape:
        count *= side
    return count


def waves(items, most, most_bytes):
    """Items in turn; one that is larger than `most_bytes` of value and gradient is alone."""
    wave = []
    for shape in items:
        if wave and (len(wave) == most or 2 * WORD * sum(map(elements, wave + [shape])) > most_bytes):
            yield wave
            wave = []
        wave.append(shape)
    if wave:
        yield wave


def of_matrices(wave):
    """(bytes from and to memory, bytes that are in L2 already) of each launch."""
    whole = WORD * sum(map(elements, wave))
    # Sums of tiles along rows and columns: written, read once, and a factor each is made of them.
    sums = WORD * sum(e * (n * -(-m // COLS) + m * -(-n // ROWS)) for e, n, m in wave)
    factors = WORD * sum(e * (n + m) for e, n, m in wave)
    again = 2 * whole <= CACHE_BYTES  # what pass 1 read is still there
    read = lambda count: (0, count * whole) if again else (count * whole, 0)
    yield 2 * whole + sums, 0
    yield 2 * factors, sums
    yield read(1)[0], read(1)[1] + factors
    yield 0, factors
    yield whole + read(2)[0], read(2)[1] + factors


def launches(shapes, most=WAVE_ITEMS, most_bytes=float("inf")):
    """Of parameters [batch, n, m] and, vectors, [batch, n] in order of declaration."""
    factored = [len(shape) == 3 and min(shape[1:]) >= FACTOR_FROM for shape in shapes]
    matrices = [shape for shape, is_matrix in zip(shapes, factored) if is_matrix]
    for wave in waves(matrices, most, most_bytes):
        yield from of_matrices(wave)
    vectors = [shape for shape, is_matrix in zip(shapes, factored) if not is_matrix]
    for wave in waves(vectors, most, float("inf")):
        whole = WORD * sum(map(elements, wave))
        yield 4 * whole, 0
        yield whole, 3 * whole
