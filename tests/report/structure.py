#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""structure.py PROGRAM: pages of made-up runs (make_runs.py) are whole: tags nest, ids are unique and those that
are referred to exist, nothing is loaded from elsewhere, and every chart has a title, a description and a table. Runs
that cannot be drawn are refused with the right exit code."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from html.parser import HTMLParser

HERE = pathlib.Path(__file__).resolve().parent
VOID = {"meta", "link", "input", "br"}
SVG_NAMESPACE = "http://www.w3.org/2000/svg"


class Page(HTMLParser):
    """Collects what is checked, and complains about tags that do not nest."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.references, self.links = [], [], [], []
        self.figures, self.faults, self.names, self.code = [], [], [], ""
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> is not closed" for tag, _ in self.open]

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids += [attributes["id"]] if "id" in attributes else []
        for name in ("aria-labelledby", "aria-describedby", "for"):
            self.references += attributes.get(name, "").split()
        self.links += [attributes[name] for name in ("href", "src", "action", "data", "poster") if name in attributes]
        if tag == "figure":
            self.figures.append({"id": attributes["id"], "has": set()})
        elif self.figures and any(each == "figure" for each, _ in self.open):
            self.figures[-1]["has"].add(tag)
            if attributes.get("role") == "img":
                self.figures[-1]["has"].add("image")
                self.faults += [] if "aria-labelledby" in attributes else [f"{self.figures[-1]['id']}: an image without title"]
        if any(name.startswith("on") for name in attributes):
            self.faults.append(f"<{tag}> has a handler")
        if tag not in VOID:
            self.open.append((tag, attributes.get("class", "")))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open[-1][0] != tag:
            self.faults.append(f"</{tag}> closes {self.open[-1:]}")
        else:
            self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1][0] in ("script", "style"):
            self.code += data
        if self.open and self.open[-1] == ("span", "name"):
            self.names.append(data)


def check_page(text):
    page = Page(text)
    faults = page.faults
    faults += [f"id {each} is used twice" for each in set(page.ids) if page.ids.count(each) > 1]
    faults += [f"there is no id {each}" for each in set(page.references) - set(page.ids)]
    for link in page.links:
        if not (link == "data:," or link.startswith("#") and link[1:] in page.ids):
            faults.append(f"a link to {link}")
    faults += [f"{each} in style or script" for each in re.findall(r"url\(|@import|fetch|XMLHttpRequest|\w+://\S+", page.code)
               if not each.startswith(SVG_NAMESPACE)]
    for figure in page.figures:
        missing = {"figcaption", "h3", "p", "table", "caption", "th"} - figure["has"]
        faults += [f"{figure['id']} has no {each}" for each in missing]
    if re.search(r"\b(nan|inf)\b", re.sub(r'data-\w+="[^"]*"', "", text)):
        faults.append("a number is not finite")
    return page, faults


def draw(program, runs, output):
    """The page's text, or None and the complaint if there is none."""
    done = subprocess.run([program, "report", *runs, "--output", output], capture_output=True, check=False)
    if done.returncode != 0:
        return None, (done.returncode, done.stderr.decode(errors="replace"))
    return pathlib.Path(os.fsdecode(output)).read_text(encoding="utf-8"), None


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, HERE / "make_runs.py", folder], check=True)
        runs = sorted(os.path.join(os.fsencode(folder), name) for name in os.listdir(os.fsencode(folder)))
        output = os.path.join(os.fsencode(folder), b"page.html")
        sets = {run.decode(errors="replace"): [run] for run in runs} | {"all runs": runs}
        for name, paths in sets.items():
            text, complaint = draw(program, paths, output)
            assert complaint is None, (name, complaint)
            page, faults = check_page(text)
            assert not faults, (name, faults)
            assert len(page.figures) >= 6, (name, len(page.figures))
            assert len(text) < 1 << 20 if len(paths) == 1 else len(text) < 4 << 20, (name, len(text))
            odd = [each for each in page.names if "alert" in each]
            assert not odd or set(odd) == {"<script>alert(1)<|script> & \"x\" 'y' \ufffd"}, odd
        assert {"router-0", "corpus-1", "task-1", "map-load-0", "validation"} <= {each["id"] for each in page.figures}
        assert draw(program, [runs[0]], b"/nowhere/page.html")[1][0] == 1


main()
