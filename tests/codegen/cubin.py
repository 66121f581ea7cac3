# SPDX-License-Identifier: Apache-2.0
"""Reads what nvcc made of the kernels: the cubins in an object file, and of each kernel its registers, its stack and its
instructions. Needs none of the toolkit's programs: an instruction of sm_70 to sm_90 is 16 bytes, of which the lowest 12
bits say what it does; a cubin is an ELF file."""
import struct

FATBIN, ELF = 0xba55ed50, b"\x7fELF"
ELF_ENTRY, COMPRESSED = 2, 0x2000 | 0x8000
OPCODES = {0x23c: "HMMA", 0xfae: "LDGSTS", 0x83b: "LDSM", 0x983: "LDL", 0x387: "STL", 0x945: "BSSY", 0x941: "BSYNC",
           0x947: "BRA", 0x23e: "F2FP"}
COUNTED = ("HMMA", "LDGSTS", "LDSM", "F2FP")
FRAME_SIZE, REGISTERS = 0x11, 0x2f  # attributes in section .nv.info
FIXED_SIZE = 4  # format of an attribute whose length is given


class Elf:
    """Sections by name, and the names of the symbols, of a 64-bit ELF file in memory."""

    def __init__(self, data):
        self.data = data
        self.flags, = struct.unpack_from("<I", data, 48)
        start, = struct.unpack_from("<Q", data, 40)
        size, count, names = struct.unpack_from("<HHH", data, 58)
        if count == 0:  # more than fit: the first header has the number
            count, = struct.unpack_from("<Q", data, start + 32)
        if names == 0xffff:
            names, = struct.unpack_from("<I", data, start + 40)
        headers = [struct.unpack_from("<IIQQQQIIQQ", data, start + i * size) for i in range(count)]
        text = self.content(headers[names])
        self.sections = {}
        for header in headers:
            self.sections.setdefault(string_at(text, header[0]), header)

    def content(self, header):
        return self.data[header[4]:header[4] + header[5]]

    def section(self, name):
        return self.content(self.sections[name]) if name in self.sections else b""

    def symbols(self):
        table, names = self.section(".symtab"), self.section(".strtab")
        return [string_at(names, struct.unpack_from("<I", table, at)[0]) for at in range(0, len(table), 24)]


def string_at(text, at):
    return text[at:text.index(b"\0", at)].decode()


def cubins(path):
    """The cubins in an object file: pairs of architecture (80) and ELF file."""
    data = Elf(path.read_bytes()).section(".nv_fatbin")
    at = 0
    while at + 16 <= len(data):
        magic, _, header, size = struct.unpack_from("<IHHQ", data, at)
        if magic != FATBIN:  # padding
            at += 8
            continue
        yield from entries(data[at + header:at + header + size], path)
        at += header + size


def entries(data, path):
    at = 0
    while at < len(data):
        kind, _, header, size = struct.unpack_from("<HHIQ", data, at)
        architecture, = struct.unpack_from("<I", data, at + 28)
        flags, = struct.unpack_from("<Q", data, at + 40)
        if kind == ELF_ENTRY:
            if flags & COMPRESSED or data[at + header:at + header + 4] != ELF:
                raise SystemExit(f"{path}: its cubins are compressed")
            yield architecture, Elf(data[at + header:at + header + size])
        at += header + size


def attributes(elf):
    """Of each symbol, by its number, the attributes that .nv.info gives it."""
    info, found, at = elf.section(".nv.info"), {}, 0
    while at < len(info):
        form, attribute, size = struct.unpack_from("<BBH", info, at)
        if form == FIXED_SIZE and attribute in (FRAME_SIZE, REGISTERS):
            symbol, value = struct.unpack_from("<II", info, at + 4)
            found.setdefault(symbol, {})[attribute] = value
        at += 4 + (size if form == FIXED_SIZE else 0)
    return found


def instructions(code):
    for at in range(0, len(code), 16):
        word, = struct.unpack_from("<Q", code, at)
        yield OPCODES.get(word & 0xfff, ""), word, struct.unpack_from("<Q", code, at + 8)[0], at


def loops(code):
    """The ranges of addresses that a branch jumps back over."""
    for name, low, high, at in instructions(code):
        if name != "BRA":
            continue
        words = low >> 32 | (high & 0x3ffff) << 32  # a signed number of bytes from the next instruction on
        distance = words - (1 << 50) if words >> 49 else words
        if distance < -16:  # the branch to itself after the end is none
            yield at + 16 + distance, at


def kernels(elf):
    """Of each kernel, by its mangled name: registers, bytes of stack, and what its instructions count up to."""
    symbols, of_symbol = elf.symbols(), attributes(elf)
    number = {name: i for i, name in enumerate(symbols)}
    for section in elf.sections:
        if not section.startswith(".text."):
            continue
        name = section[len(".text."):]
        code, values = elf.section(section), of_symbol.get(number.get(name), {})
        yield name, counts(code, values)


def counts(code, values):
    ranges = list(loops(code))
    result = {"registers": values.get(REGISTERS, 0), "stack": values.get(FRAME_SIZE, 0)}
    result.update({name: 0 for name in COUNTED + ("local", "local in loops", "HMMA in branches")})
    depth = 0
    for name, _, _, at in instructions(code):
        if name in COUNTED:
            result[name] += 1
        if name in ("LDL", "STL"):
            result["local"] += 1
            result["local in loops"] += any(first <= at <= last for first, last in ranges)
        depth += (name == "BSSY") - (name == "BSYNC")
        result["HMMA in branches"] += name == "HMMA" and depth > 0
    return result
