#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tidy.py [ROOT [BUILD [FILE...]]]: clang-tidy has no finding in the .cpp files of lib, cmd and kernels, or in FILEs.

Compiler options come from BUILD/compile_commands.json (ROOT/build where left out). Most of the time would go into the
headers that the files share, so files with the same options are checked several at a time, as one translation unit.
Where two of them define the same local name, so that the unit does not compile, each half is checked by itself.
Exit codes: 0 no finding; 1 findings, a line each; 2 wrong use; 77 clang-tidy is absent."""

import concurrent.futures
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FILES_OF_A_UNIT = 12
# The build's options are GCC's: clang does not know all of them, and says so where it is not told otherwise. A name that
# hides one of another file of the unit hides nothing; GCC looks for the others.
FOR_CLANG = ["-Wno-unknown-warning-option", "-Wno-ignored-optimization-argument", "-Wno-shadow"]
CHECKED = r"/(lib|cmd|kernels)/[^:]*\.(h|cpp)$"
FINDING = re.compile(r": (error|warning): |^error: |^Error ")
NOT_COMPILED = "[clang-diagnostic-error]"


def options_of(root, build):
    """{file, relative to the root: the options that it is compiled with}, of its first target."""
    options = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        name = os.path.relpath(os.path.join(entry["directory"], entry["file"]), root)
        first = next(i for i, word in enumerate(words) if word.startswith("-"))
        last = next(i for i, word in enumerate(words) if word in ("-o", "-c"))
        options.setdefault(name, tuple(words[first:last]))
    return options


def units_of(files, options):
    """Files with the same options, at most FILES_OF_A_UNIT at a time."""
    alike = {}
    for file in sorted(files):
        alike.setdefault(options[file], []).append(file)
    return [(words, names[i : i + FILES_OF_A_UNIT])
            for words, names in alike.items()
            for i in range(0, len(names), FILES_OF_A_UNIT)]


def findings(root, words, files):
    """The lines of clang-tidy that report something."""
    with tempfile.NamedTemporaryFile("w", suffix=".cpp") as unit:
        unit.write("".join(f'#include "{root / file}"\n' for file in files))
        unit.flush()
        command = ["clang-tidy", "--quiet", f"--config-file={root}/.clang-tidy", "--checks=-bugprone-suspicious-include", f"--header-filter={CHECKED}", unit.name,
                   "--", *words, *FOR_CLANG]
        output = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    lines = [line for line in (output.stdout + output.stderr).splitlines() if FINDING.search(line)]
    if len(files) > 1 and any(NOT_COMPILED in line for line in lines):
        half = len(files) // 2
        return findings(root, words, files[:half]) + findings(root, words, files[half:])
    return lines


def main():
    if not shutil.which("clang-tidy"):
        print("clang-tidy is not installed (setup.sh --tests installs it)")
        return 77
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2]).resolve()
    build = Path(sys.argv[2] if len(sys.argv) > 2 else root / "build").resolve()
    if not (build / "compile_commands.json").exists():
        print(f"{build} has no compile_commands.json; configure it with CMake first", file=sys.stderr)
        return 2
    options = options_of(root, build)
    files = sys.argv[3:] or [f for f in options if f.endswith(".cpp") and f.split("/")[0] in ("lib", "cmd", "kernels")]
    unknown = [file for file in files if file not in options]
    if unknown:
        print(f"{unknown[0]} is not compiled in {build}", file=sys.stderr)
        return 2
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda unit: findings(root, *unit), units_of(files, options))
        lines = sorted({line.replace(f"{root}/", "") for lines in found for line in lines})
    print(*lines, *([f"{len(lines)} violations"] if lines else []), sep="\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
