#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""read_run.py SWITCHYARD [--renew]: makes a tiny run on two ranks, runs every ```python block of docs/python.md
beside it in order, and compares what each prints with the ```text block that follows: words and whole numbers as
they stand, other numbers to a tenth, "..." for anything. With --renew the ```text blocks are written anew.
The text is the sample that the build makes for tests: $SWITCHYARD_SAMPLE, else tests/sample beside SWITCHYARD.

A block whose module is absent is reported and skipped. Exit code 77 where h5py is absent."""
import contextlib
import importlib.util
import io
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "python.md"
SAMPLE = os.environ.get("SWITCHYARD_SAMPLE", f"{pathlib.Path(sys.argv[1]).resolve().parent}/tests/sample")
OPTIONAL = ("pandas", "tensorboard")

TINY = {
    "run.name": "tiny", "model.d_model": 128, "model.d_kv": 32, "model.d_ff": 256, "model.encoder_layers": 2,
    "model.decoder_layers": 2, "model.experts.count": 4, "model.vocab_size": "auto", "data.encoder_length": 48,
    "train.steps": 20, "train.log_every": 2, "train.eval_every": 10, "train.eval_sequences": 16,
    "train.checkpoint_every": 10, "data.train": f'["{SAMPLE}/c4-train.*.json.gz"]',
    "data.validation": f'["{SAMPLE}/c4-validation.*.json.gz"]',
    "data.tokenizer": f"{SAMPLE}/sentencepiece.model",
}
BLOCK = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n```text\n(?P<shown>.*?)```\n)?", re.DOTALL)


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def make_run(switchyard, folder):
    sets = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]
    command = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", "2", "--mca", "btl_vader_single_copy_mechanism",
               "none", os.path.abspath(switchyard), "pretrain", str(ROOT / "configs" / "bench-256.yaml"), *sets]
    allowed = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=os.environ | allowed, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"pretrain: exit code {done.returncode}\n{done.stdout}{done.stderr}"


def words_agree(shown, printed):
    if shown == printed or shown == "...":
        return True
    try:
        int(shown)
        return False
    except ValueError:
        pass
    try:
        return abs(float(shown) - float(printed)) <= 0.1 * abs(float(shown))
    except ValueError:
        return False


def words(text):
    return re.findall(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?|\.\.\.|[^\W\d]+|[^\w\s]", text)


def agrees(shown, printed):
    """Line by line; a line "..." stands for any number of lines."""
    if not shown:
        return not printed
    if shown[0].strip() == "...":
        return any(agrees(shown[1:], printed[skipped:]) for skipped in range(len(printed) + 1))
    if not printed:
        return False
    left, right = words(shown[0]), words(printed[0])
    return len(left) == len(right) and all(map(words_agree, left, right)) and agrees(shown[1:], printed[1:])


def run_block(code, names):
    """What it prints; None where a module of OPTIONAL is absent."""
    for module in OPTIONAL:
        if re.search(rf"^(import|from) {module}\b", code, re.MULTILINE) and not importlib.util.find_spec(module):
            return None
    names["__name__"] = "block"
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, str(PAGE), "exec"), names)  # the page is ours
    return printed.getvalue()


def check_page(page, renew):
    """(faults, blocks skipped, the page with its output renewed)."""
    faults, skipped, names = 0, 0, {}

    def visit(block):
        nonlocal faults, skipped
        line = page.count("\n", 0, block.start()) + 1
        try:
            printed = run_block(block["code"], names)
        except Exception:
            traceback.print_exc()
            faults += 1
            return block[0]
        if printed is None:
            print(f"{PAGE.name}:{line}: skipped, a module of {', '.join(OPTIONAL)} is absent")
            skipped += 1
            return block[0]
        if not renew and not agrees((block["shown"] or "").splitlines(), printed.splitlines()):
            print(f"{PAGE.name}:{line}: shows\n{block['shown']}and prints\n{printed}")
            faults += 1
        return f"```python\n{block['code']}```\n" + (f"\n```text\n{printed}```\n" if printed else "")

    renewed = BLOCK.sub(visit, page)
    return faults, skipped, renewed


def main():
    if not importlib.util.find_spec("h5py"):
        skip("h5py is absent")
    page = PAGE.read_text(encoding="utf-8")
    count = len(BLOCK.findall(page))
    with tempfile.TemporaryDirectory() as folder:
        make_run(sys.argv[1], folder)
        os.chdir(folder)
        faults, skipped, renewed = check_page(page, "--renew" in sys.argv)
        os.chdir(ROOT)
    if "--renew" in sys.argv:
        PAGE.write_text(renewed, encoding="utf-8")
    print(f"{count} blocks, {skipped} skipped, {faults} faults")
    assert count > 0
    sys.exit(faults > 0)


main()
