# SPDX-License-Identifier: Apache-2.0
"""That check.py finds what it is for, on instructions and counts made here."""
import struct
import sys

import check
import cubin

CODES = {name: code for code, name in cubin.OPCODES.items()}


def code_of(*names, back=None):
    """Instructions by name; the last one, a branch, jumps back to instruction `back`."""
    code = b"".join(struct.pack("<QQ", CODES.get(name, 0), 0) for name in names)
    if back is not None:
        distance = (back - len(names) - 1) * 16
        code += struct.pack("<QQ", CODES["BRA"] | (distance & 0xffffffff) << 32, distance >> 32 & 0x3ffff)
    return code


def counted(*names, back=None):
    return cubin.counts(code_of(*names, back=back), {cubin.REGISTERS: 40, cubin.FRAME_SIZE: 0})


def expect(condition, what):
    if not condition:
        print(f"not found: {what}")
        sys.exit(1)


def main():
    plain = counted("LDSM", "HMMA", "F2FP", "LDGSTS", "STL")
    expect([plain[name] for name in cubin.COUNTED] == [1, 1, 1, 1], "one instruction of each kind")
    expect((plain["local"], plain["local in loops"]) == (1, 0), "an access to the stack outside of loops")
    expect(counted("STL", "LDL", "HMMA", back=1)["local in loops"] == 1, "an access to the stack within a loop")
    expect(counted("BSSY", "HMMA", "BSYNC", "HMMA")["HMMA in branches"] == 1, "HMMA between BSSY and BSYNC")

    key = 90, "fused_d_q<64>"
    table = {key: plain | {"local": 0}, (80, "other"): plain}
    faults = lambda **changed: list(check.differences({key: table[key] | changed}, table))
    expect(faults() == [], "that a kernel as in the table is right, and that another architecture may be missing")
    expect(faults(registers=48) == [], "that a few more registers are right")
    expect(len(faults(registers=49)) == 1, "many more registers")
    for name in cubin.COUNTED:
        expect(len(faults(**{name: 2})) == 1 and len(faults(**{name: 0})) == 1, f"another number of {name}")
    for name in ("stack", "local", "local in loops"):
        expect(len(faults(**{name: 8})) == 1, f"more {name}")
    expect(len(list(check.differences({(90, "new"): plain}, table))) == 2, "a new kernel and a missing one")
    wrong = lambda **changed: list(check.always_wrong({key: table[key] | changed}))
    expect(wrong() == [], "that a kernel without faults is right")
    expect(len(wrong(stack=8)) == 1, "a kernel of attention that spills")
    expect(len(wrong(**{"HMMA in branches": 1})) == 1, "HMMA in a branch")


if __name__ == "__main__":
    main()
