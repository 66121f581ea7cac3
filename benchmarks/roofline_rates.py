"""For roofline.py: an H100's rates, and the time that a kernel or a transfer takes at them."""
import dataclasses

# H100 SXM5 by its data sheet.
TENSOR = 989e12  # bfloat16 products, operations a second
FLOAT32 = 67e12  # float32 outside the tensor cores
MEMORY = 3.35e12  # bytes a second
LINK = 450e9  # bytes a second each way over NVLink, 900 GB/s of both ways together
# What is assumed to be reached of them.
TENSOR_SHARE, FLOAT32_SHARE, MEMORY_SHARE, LINK_SHARE = 0.7, 0.7, 0.8, 0.8
ATTENTION_SHARE = 0.3  # of TENSOR: mma.sync does not reach it on an H100, and softmax stands between the products
CACHE = 5.5e12  # bytes a second of L2, all traffic: no data sheet has it, this is what others have measured
LAUNCH = 3e-6  # seconds that the shortest kernel takes, its start included
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
