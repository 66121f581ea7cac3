# SPDX-License-Identifier: Apache-2.0
"""check.py [--write] OBJECT...: compares what nvcc made of the kernels of a bfloat16 step with kernels.tsv, for the
architectures that are both in the table and in the object files. --write makes the table anew, from objects that have all
of them. Exit code: 1 if something differs, 77 if there is nothing to compare.

A number that changes is no fault by itself: look at what it says, and write the table anew if it is meant. These are
faults in any case, and --write refuses them: a kernel of attention that spills, and a product of the tensor cores in
code that a warp may have entered with some of its lanes."""
import pathlib
import subprocess
import sys

import cubin

TABLE = pathlib.Path(__file__).with_name("kernels.tsv")
ARCHITECTURES = 80, 90
COLUMNS = ["registers", "stack", *cubin.COUNTED, "local", "local in loops"]
# Registers are allocated by eights, and releases of ptxas differ by a few: the number may rise by this many.
SLACK = 8
# A kernel that is compiled for gradient checks alone, or for sizes that no product of a step has.
UNCHECKED = "double"


def kernels_of(objects):
    """Counts by (architecture, kernel)."""
    found = []
    for path in objects:
        for architecture, elf in cubin.cubins(path):
            if architecture in ARCHITECTURES:
                found += [(architecture, name, counts) for name, counts in cubin.kernels(elf)]
    names = "\n".join(name for _, name, _ in found)
    plain = subprocess.run(["c++filt", "-p"], input=names, capture_output=True, text=True, check=True).stdout.split("\n")
    result = {}
    for (architecture, _, counts), name in zip(found, plain):
        name = name.replace("sy::", "").replace("(anonymous namespace)::", "").replace("_kernel", "").replace(" >", ">")
        if UNCHECKED not in name:
            result[architecture, name] = counts
    return result


def read_table():
    lines = [line.split("\t") for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    return {(int(line[0]), line[1]): dict(zip(lines[0][2:], map(int, line[2:]))) for line in lines[1:]}


def write_table(kernels):
    lines = ["# SPDX-License-Identifier: Apache-2.0", "# Written by check.py --write, which says what it is for.",
             "\t".join(["sm", "kernel"] + COLUMNS)]
    for (architecture, name), counts in sorted(kernels.items()):
        lines.append("\t".join([str(architecture), name] + [str(counts[column]) for column in COLUMNS]))
    TABLE.write_text("\n".join(lines) + "\n")


def always_wrong(kernels):
    for (architecture, name), counts in sorted(kernels.items()):
        if counts["HMMA in branches"]:
            yield f"sm_{architecture} {name}: {counts['HMMA in branches']} HMMA between BSSY and BSYNC"
        if name.startswith("fused_") and counts["stack"] + counts["local"]:
            yield f"sm_{architecture} {name}: {counts['stack']} bytes of stack, {counts['local']} accesses to it"


def differences(kernels, table):
    built = {architecture for architecture, _ in kernels}
    for key in sorted(set(kernels) | {key for key in table if key[0] in built}):
        where = f"sm_{key[0]} {key[1]}"
        if key not in table or key not in kernels:
            yield f"{where}: not in the {'table' if key in kernels else 'object files'}"
            continue
        for column in COLUMNS:
            is_, was = kernels[key][column], table[key][column]
            if column == "registers" and is_ <= was + SLACK:
                continue
            if column in ("stack", "local", "local in loops") and is_ <= was:
                continue  # fewer spills are no fault
            if is_ != was:
                yield f"{where}: {is_} {column} instead of {was}"


def main(arguments):
    write = arguments[:1] == ["--write"]
    kernels = kernels_of([pathlib.Path(name) for name in arguments[write:] if name.endswith(".cu.o")])
    built = sorted({architecture for architecture, _ in kernels})
    if not built or (write and built != sorted(ARCHITECTURES)):
        print(f"compiled for {built or 'none'} of {ARCHITECTURES}")
        return 77
    faults = list(always_wrong(kernels)) + ([] if write else list(differences(kernels, read_table())))
    print("\n".join(faults + [f"{len(kernels)} kernels for {built}, {len(faults)} faults"]))
    if write and not faults:
        write_table(kernels)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
