# SPDX-License-Identifier: Apache-2.0
"""For roofline.py: the rates of an H100, and the time that a kernel or a transfer takes at them."""
import dataclasses

# H100 SXM5, from its data sheet.
TENSOR = 989e12  # dense bfloat16 GEMMs on tensor cores, operations per second
FLOAT32 = 67e12  # float32 outside the tensor cores
MEMORY = 3.35e12  # bytes per second
LINK = 450e9  # bytes per second in each direction over NVLink (900 GB/s in both together)
# The shares of these peaks that are assumed to be reached.
TENSOR_SHARE, FLOAT32_SHARE, MEMORY_SHARE, LINK_SHARE = 0.6, 0.7, 0.8, 0.8
# Of TENSOR: mma.sync does not reach it on an H100, and softmax separates the GEMMs. The lower share is what remains if
# the instructions that sum the bias's gradient along diagonals and that mask tiles hide behind nothing.
ATTENTION_SHARE, ATTENTION_CROWDED = 0.3, 0.235
CACHE = 5.5e12  # bytes per second through L2, all traffic: not in the data sheet, but measured by others
LAUNCH = 3e-6  # seconds of the shortest kernel, launch included
HALF, WORD = 2, 4  # bytes of bfloat16 and float32


@dataclasses.dataclass
class Kernel:
    """`calls` launches, each with so many operations, bytes of memory traffic, and bytes served by L2 (`cached`)."""
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
    """`calls` exchanges, in each of which a GPU sends `bytes`. `hidden` seconds of other work overlap each."""
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
