#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the translations of Debian's handbooks into a small multilingual corpus in mC4's form.

    make_languages.py DOWNLOADS OUTPUT

DOWNLOADS holds one folder a package, as `dpkg-deb -x` leaves it. OUTPUT receives, for each LANGUAGE,
c4-LANGUAGE.tfrecord-0000N-of-00004.json.gz and c4-LANGUAGE-validation.tfrecord-00000-of-00001.json.gz. Paragraphs
that are not in the language, such as those without a translation, are left out. The same packages give the same bytes.
data/make_languages.sh fetches the packages and runs this. Standard library only.
"""

import hashlib
import re
import sys
import unicodedata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import make_sample  # noqa: E402

# Language -> its folders in the handbook and the installation guide, and what is left out of the others' names.
LANGUAGES = {
    "de": ("de-DE", "de", "de"),
    "en": ("en-US", "en", "en"),
    "es": ("es-ES", "es", "es"),
    "fr": ("fr-FR", "fr", "fr"),
    "it": ("it-IT", "it", "it"),
    "ja": ("ja-JP", "ja", "ja"),
    "pt": ("pt-BR", "pt", "pt"),
    "ru": ("ru-RU", "ru", "ru"),
    "zh": ("zh-CN", "zh_CN", "zh-cn"),
}
# Names of scripts as they begin the names of their letters.
SCRIPTS = {"ja": ("CJK", "HIRAGANA", "KATAKANA"), "ru": ("CYRILLIC",), "zh": ("CJK",)}
UNSPACED = {"ja", "zh"}  # a sentence has no blanks
ENGLISH = frozenset("the of and this that with you for are be is to which will from".split())
SENTENCE_END = re.compile(r"[.!?。！？…][\"')\]”’»」）]*$")

TRAIN_SHARDS = 4
VALIDATION_EVERY = 12  # one document in so many, about 8 %
SHORTEST_DOCUMENT = 200  # characters
LONGEST_DOCUMENT = 2000  # a longer page becomes several, so that few pages make many documents


def folders_of(language):
    """Where a language's pages lie; those that do not exist hold nothing."""
    handbook, guide, suffix = LANGUAGES[language]
    doc = "usr/share/doc"
    own = "" if language == "en" else f"-{suffix}"
    return {
        "debian-handbook": f"{doc}/debian-handbook/html/{handbook}",
        "installation-guide-amd64": f"{doc}/installation-guide-amd64/{guide}",
        f"debian-reference-{suffix}": "usr/share/debian-reference",
        f"developers-reference{own}": f"usr/share/developers-reference{'/' + suffix if own else ''}",
        f"debian-faq{own}": f"{doc}/debian/FAQ{'/' + suffix if own else ''}",
        f"maint-guide{own}": f"{doc}/maint-guide{own}/html",
        f"aptitude-doc-{suffix}": f"{doc}/aptitude/html/{suffix}",
    }


def in_script(line, scripts):
    """The share of the line's letters that are of these scripts."""
    letters = [character for character in line if character.isalpha()]
    own = sum(unicodedata.name(letter, "").startswith(scripts) for letter in letters)
    return own / len(letters) if letters else 0.0


def is_prose(line, language):
    """Whether a line reads as sentences of the language: mostly letters of its script, with an end, and not English."""
    words = line.split()
    long_enough = len(line) >= 20 if language in UNSPACED else len(line) >= 40 and len(words) >= 6
    if not long_enough or "{" in line or not SENTENCE_END.search(line):
        return False
    if sum(character.isalpha() or character.isspace() for character in line) < 0.8 * len(line):
        return False
    if in_script(line, SCRIPTS.get(language, ("LATIN",))) < (0.5 if language in SCRIPTS else 0.9):
        return False
    english = sum(word.lower() in ENGLISH for word in words) * 7 >= len(words)
    return language in SCRIPTS or english == (language == "en")


def find_pages(downloads, language):
    """[(url, path)] of the language's pages, in an order that only their names decide."""
    pages = []
    for package, folder in folders_of(language).items():
        root = downloads / package / folder
        names = {path.relative_to(root).as_posix() for path in root.rglob("*.html*") if path.is_file()}
        for name in names:
            path = root / name
            page = re.fullmatch(r"(.+?)(\.[a-z]{2}([-_][a-z]{2})?)?\.html(\.[a-z]{2}([-_][a-z]{2})?)?", name)
            if page and not path.is_symlink() and path.name not in make_sample.SKIPPED_PAGES and is_own(page, language):
                pages.append((f"file:///{folder}/{name}", path))
    if not pages:
        sys.exit(f"make_languages.py: no pages of {language} under {downloads}: run data/make_languages.sh")
    return sorted(pages, key=lambda page: hashlib.sha256(page[0].encode()).digest())


def is_own(page, language):
    """Whether the name of a page names no other language."""
    named = (page[2] or page[4] or "").lstrip(".").lower().replace("_", "-")
    return named in ("", language, LANGUAGES[language][2], LANGUAGES[language][0].lower())


def lines_of(path, language):
    page = make_sample.Page()
    page.feed(path.read_text(encoding="utf-8", errors="replace"))
    page.close()
    page.end_block()
    return [text for heading, text in page.blocks if not heading and is_prose(text, language)]


def make_documents(pages, language):
    """[(url, text)]: a line that an earlier document had is dropped."""
    documents = []
    seen = set()
    for url, path in pages:
        kept = []
        lines = [line for line in lines_of(path, language) if line not in seen and not seen.add(line)]
        for number, line in enumerate(lines):
            kept.append(line)
            whole = sum(map(len, kept)) >= LONGEST_DOCUMENT or number == len(lines) - 1
            if whole and sum(map(len, kept)) >= SHORTEST_DOCUMENT:
                documents.append((f"{url}#{len(documents)}", "\n".join(kept)))
                kept = []
    return documents


def write_language(output, language, documents):
    train = [document for i, document in enumerate(documents) if i % VALIDATION_EVERY]
    size = 0
    for i in range(TRAIN_SHARDS):
        name = f"c4-{language}.tfrecord-{i:05d}-of-{TRAIN_SHARDS:05d}.json.gz"
        size += make_sample.write_shard(output / name, train[i::TRAIN_SHARDS])
    name = f"c4-{language}-validation.tfrecord-00000-of-00001.json.gz"
    return size + make_sample.write_shard(output / name, documents[::VALIDATION_EVERY])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    downloads, output = Path(sys.argv[1]), Path(sys.argv[2])
    output.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        documents = make_documents(find_pages(downloads, language), language)
        size = write_language(output, language, documents)
        print(f"{language}: {len(documents)} documents, {size / 1e6:.2f} MB of text")


if __name__ == "__main__":
    main()
