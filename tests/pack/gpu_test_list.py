# SPDX-License-Identifier: Apache-2.0
"""gpu_test_list.py BUILD SOURCE: converts ctest's list of tests (--show-only=json-v1, on standard input) into the list
of a packed folder: one test per line, its name and command separated by tabs, with the packed folder's paths."""
import json
import sys

build, source = sys.argv[1:]


def packed(word: str) -> str:
    for there, here in ((f"{build}/switchyard", "switchyard"), (f"{build}/tests/", "tests/bin/"), (f"{source}/", "")):
        if word.startswith(there):
            return here + word[len(there) :]
    return word


for test in json.load(sys.stdin)["tests"]:
    if "command" not in test:
        sys.exit(f"test {test['name']} is not built; build the target gpu_tests")
    print("\t".join([test["name"], *map(packed, test["command"])]))
