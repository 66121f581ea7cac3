#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts the results of studies into pages.

    document.py PAGE.md... [--check]

A page has, for each study, a line `<!-- results: NAME -->` and a line `<!-- end -->`; what is between them becomes
studies/results/NAME/table.md and, if there are any, the plots beside it. A study without results, of which there is a
studies/NAME.yaml, is said to have none.
--check changes nothing. Exit codes: 0 done; 1 with --check, a page is out of date; 2 wrong use.
"""

import argparse
import os
import re
import sys
from pathlib import Path

STUDIES = Path(__file__).resolve().parent
PLOTS = {
    "plot.svg": "Validation loss by steps, the mean of the seeds and their range",
    "finals.svg": "Final validation loss, the mean of the seeds and their standard deviation",
    "losses.svg": "Final negative log perplexity of each corpus, the mean of the seeds",
    "speed-ups.svg": "Corpora by their speed-up, the mean of the seeds",
}
BLOCK = re.compile(r"(<!-- results: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def section(name, page):
    """The text of a study's results, with links relative to the page."""
    folder = STUDIES / "results" / name
    if not (folder / "table.md").is_file():
        study = STUDIES / f"{name}.yaml"
        if not study.is_file():
            return ""
        title = re.search(r'^title: "?(.*?)"?$', study.read_text(encoding="utf-8"), re.MULTILINE)[1]
        return f"## {title}\n\nNot measured yet.\n"
    text = (folder / "table.md").read_text(encoding="utf-8")
    for plot, says in PLOTS.items():
        if (folder / plot).is_file():
            text += f"\n![{says}]({os.path.relpath(folder / plot, page.resolve().parent)})\n"
    return text


def written(page):
    text = page.read_text(encoding="utf-8")
    return text, BLOCK.sub(lambda match: match[1] + section(match[2], page) + match[3], text)


def main():
    parser = argparse.ArgumentParser(prog="document.py", description=__doc__.split("\n")[0])
    parser.add_argument("pages", type=Path, nargs="+")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    stale = []
    for page in options.pages:
        before, after = written(page)
        if before == after:
            continue
        stale.append(str(page))
        if not options.check:
            page.write_text(after, encoding="utf-8")
    if options.check and stale:
        sys.exit(f"document.py: {', '.join(stale)}: out of date; run studies/document.py {' '.join(stale)}")


if __name__ == "__main__":
    main()
