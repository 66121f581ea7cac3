#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the HTML of Debian's documentation packages into a small corpus in C4's form.

    make_sample.py DOWNLOADS OUTPUT [--large]

DOWNLOADS holds one folder a package, as `dpkg-deb -x` leaves it; OUTPUT receives
c4-train.0000N-of-00008.json.gz and c4-validation.00000-of-00001.json.gz: one JSON object a line
with the keys text, timestamp and url, one document a page. --large reads more packages. The same packages give the
same bytes.
data/make_sample.sh fetches the packages and runs this. Standard library only.
"""

import gzip
import hashlib
import json
import multiprocessing
import os
import re
import sys
from fnmatch import fnmatch
from html.parser import HTMLParser
from pathlib import Path

# Package -> where its English pages lie, and what to leave out beside kSkippedPages.
SOURCES = {
    "debian-handbook": ("usr/share/doc/debian-handbook/html/en-US", []),
    # policy-1.html and the like hold a whole manual that is there in chapters too.
    "debian-policy": ("usr/share/doc/debian-policy", ["*-1.html", "README.html"]),
    "debian-reference-en": ("usr/share/debian-reference", []),
    "developers-reference": ("usr/share/developers-reference", ["developers-reference.html"]),
    "git-doc": ("usr/share/doc/git-doc", ["howto-index.html"]),
    "linux-doc-6.1": ("usr/share/doc/linux-doc-6.1/html", ["translations/*"]),
    "postgresql-doc-15": ("usr/share/doc/postgresql-doc-15/html", ["legalnotice.html"]),
}
# More of them, for text that a longer run does not see twice.
LARGE_SOURCES = SOURCES | {
    "apache2-doc": ("usr/share/doc/apache2-doc/manual/en", []),
    "erlang-doc": ("usr/share/doc/erlang-doc", []),
    "libboost1.74-doc": ("usr/share/doc/libboost1.74-doc", []),
    "llvm-14-doc": ("usr/share/doc/llvm-14-doc", []),
    "openjdk-17-doc": ("usr/share/doc/openjdk-17-jre-headless/api", ["*class-use*"]),
    "python-django-doc": ("usr/share/doc/python-django-doc/html", ["_modules/*"]),
    "python3.11-doc": ("usr/share/doc/python3.11", []),
    "qtbase5-doc-html": ("usr/share/qt5/doc", []),
    "sqlite3-doc": ("usr/share/doc/sqlite3", []),
}
SKIPPED_PAGES = {"index.html", "index.en.html", "genindex.html", "bookindex.html", "search.html"}

TRAIN_SHARDS = 8
VALIDATION_EVERY = 25  # one document in so many, about 4 %
TIMESTAMP = "2023-06-10T00:00:00Z"  # the day of Debian 12; a clock would change the bytes
SHORTEST_DOCUMENT = 300  # characters

HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
# A line of text ends where one of these begins or ends.
BLOCKS = HEADINGS | {
    "article", "blockquote", "body", "br", "caption", "center", "dd", "div", "dl", "dt", "figcaption",
    "figure", "hr", "li", "main", "ol", "p", "section", "table", "td", "th", "tr", "ul",
}  # fmt: skip
SKIPPED_TAGS = {"aside", "form", "head", "nav", "pre", "script", "style"}
SKIPPED_CLASSES = {
    "docnav", "footer", "headerlink", "indexterm", "legalnotice", "list-of-tables", "navfooter",
    "navheader", "related", "sphinxsidebar", "toc", "toctree-wrapper",
}  # fmt: skip
SKIPPED_ROLES = {"contentinfo", "navigation", "search"}
SKIPPED_IDS = {"banner", "footer", "title", "toc"}

INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
SECTION_NUMBER = re.compile(r"^(?:(?:Chapter|Appendix|Part) [0-9A-Z]+\.|(?:[A-Z]\.)?(?:[0-9]+\.)+[0-9]*) ")
SENTENCE_END = re.compile(r"[.!?][\"')\]”’]*$")
COMMON_WORDS = frozenset(
    "a an and are as at be but by can for from has have if in is it its may not of on or should so "
    "that the their there these they this to was when which will with you your".split()
)


class Page(HTMLParser):
    """Collects (is_heading, text) for each block of a page's body."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.blocks = []
        self._pieces = []
        self._heading = False
        self._skipped_tag = None  # the element being skipped, and how deep it is nested in itself
        self._skipped_depth = 0

    def handle_starttag(self, tag, attrs):
        if self._skipped_tag:
            self._skipped_depth += tag == self._skipped_tag
            return
        if is_skipped(tag, dict(attrs)):
            self.end_block()
            self._skipped_tag, self._skipped_depth = tag, 1
        elif tag in BLOCKS:
            self.end_block()
            self._heading = tag in HEADINGS

    def handle_endtag(self, tag):
        if self._skipped_tag:
            self._skipped_depth -= tag == self._skipped_tag
            if self._skipped_depth == 0:
                self._skipped_tag = None
        elif tag in BLOCKS:
            self.end_block()
            self._heading = False

    def handle_data(self, data):
        if not self._skipped_tag:
            self._pieces.append(data)

    def end_block(self):
        text = " ".join("".join(self._pieces).translate(INVISIBLE).split())
        self._pieces.clear()
        if text:
            self.blocks.append((self._heading, text))


def is_skipped(tag, attrs):
    return (
        tag in SKIPPED_TAGS
        or attrs.get("role") in SKIPPED_ROLES
        or attrs.get("id") in SKIPPED_IDS
        or not SKIPPED_CLASSES.isdisjoint((attrs.get("class") or "").split())
    )


def is_prose(line):
    """Whether a line reads as English sentences: C4's own rules, and common words among its words."""
    words = line.split()
    if len(line) < 40 or len(words) < 7 or "{" in line or not SENTENCE_END.search(line):
        return False
    letters = sum(character.isalpha() for character in line)
    if letters + len(words) < 0.85 * len(line):
        return False
    return sum(word.lower() in COMMON_WORDS for word in words) * 7 >= len(words)


def read_page(path):
    """The page's lines as (is_heading, text): prose, and the headings over it."""
    page = Page()
    page.feed(path.read_text(encoding="utf-8", errors="replace"))
    page.close()
    page.end_block()
    lines = []
    for heading, text in page.blocks:
        if heading:
            text = SECTION_NUMBER.sub("", text)
            if len(text) > 3 and text[0].isalnum():
                lines.append((True, text))
        elif is_prose(text):
            lines.append((False, text))
    return lines


def find_pages(downloads, sources):
    """[(url, path)] of all pages, in an order that only their names decide."""
    pages = []
    for package, (folder, left_out) in sources.items():
        root = downloads / package / folder
        found = [path for path in root.rglob("*.html") if path.is_file() and not path.is_symlink()]
        if not found:
            sys.exit(f"make_sample.py: no HTML pages under {root}: run data/make_sample.sh, which unpacks {package}")
        for path in found:
            name = path.relative_to(root).as_posix()
            if path.name not in SKIPPED_PAGES and not any(fnmatch(name, p) for p in left_out):
                pages.append((f"file:///{folder}/{name}", path))
    return sorted(pages, key=lambda page: hashlib.sha256(page[0].encode()).digest())


def make_documents(pages):
    """[(url, text)]: a line that an earlier document had is dropped, and a heading over nothing."""
    documents = []
    seen = set()
    with multiprocessing.Pool(len(os.sched_getaffinity(0))) as pool:
        texts = pool.imap(read_page, [path for _, path in pages], chunksize=16)
        for (url, _), lines in zip(pages, texts):
            kept = []
            headings = []
            for heading, line in lines:
                if heading:
                    headings = [line]  # only the nearest heading introduces the prose below it
                elif line not in seen:
                    seen.add(line)
                    kept += headings + [line]
                    headings = []
            text = "\n".join(kept)
            if len(text) >= SHORTEST_DOCUMENT:
                documents.append((url, text))
    return documents


def write_shard(path, documents):
    """Writes one shard whole or not at all; the gzip header names no file and no time."""
    partial = path.with_name(path.name + ".partial")
    with open(partial, "wb") as raw:
        with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=raw, mtime=0) as shard:
            for url, text in documents:
                record = {"text": text, "timestamp": TIMESTAMP, "url": url}
                shard.write((json.dumps(record, ensure_ascii=False) + "\n").encode())
    os.replace(partial, path)
    size = sum(len(text.encode()) for _, text in documents)
    print(f"  {path.name}: {len(documents)} documents, {size / 1e6:.2f} MB of text, "
          f"{path.stat().st_size / 1e6:.2f} MB compressed")  # fmt: skip
    return size


def main():
    large = sys.argv[3:] == ["--large"]
    if len(sys.argv) != 3 + large:
        sys.exit(__doc__)
    downloads, output = Path(sys.argv[1]), Path(sys.argv[2])
    output.mkdir(parents=True, exist_ok=True)
    documents = make_documents(find_pages(downloads, LARGE_SOURCES if large else SOURCES))
    train = [document for i, document in enumerate(documents) if i % VALIDATION_EVERY]
    size = 0
    for i in range(TRAIN_SHARDS):
        name = f"c4-train.{i:05d}-of-{TRAIN_SHARDS:05d}.json.gz"
        size += write_shard(output / name, train[i::TRAIN_SHARDS])
    # Last, so that its presence says that the sample is whole.
    size += write_shard(output / "c4-validation.00000-of-00001.json.gz", documents[::VALIDATION_EVERY])
    print(f"  together {len(documents)} documents, {size / 1e6:.2f} MB of text")


if __name__ == "__main__":
    main()
