# SPDX-License-Identifier: Apache-2.0
"""What data/make_languages.py keeps of pages made by hand: sentences of the page's language, each once."""

import gzip
import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "data"))
import make_languages  # noqa: E402

GERMAN = "Dieses Kapitel beschreibt, wie man ein Paket aus den Quellen baut."
ENGLISH = "This chapter describes how a package is built from the sources that you have."
JAPANESE = "この章では、ソースからパッケージを作る方法を説明します。"
RUSSIAN = "В этой главе описано, как собрать пакет из исходного кода программы."
CHINESE = "本章说明如何从源代码构建一个软件包并且安装它。"
TEXTS = {"de": GERMAN, "en": ENGLISH, "ja": JAPANESE, "ru": RUSSIAN, "zh": CHINESE}


class MakeLanguages(unittest.TestCase):
    def test_prose_of_the_language_alone(self):
        for language in ("de", "en"):  # of one script: told apart by common English words
            for other in ("de", "en"):
                kept = make_languages.is_prose(TEXTS[other], language)
                self.assertEqual(kept, language == other, f"{other} in {language}")
        for language in ("ja", "ru", "zh"):
            self.assertTrue(make_languages.is_prose(TEXTS[language], language), language)
            for other in ("de", "en"):
                self.assertFalse(make_languages.is_prose(TEXTS[other], language), f"{other} in {language}")

    def test_lines_that_are_no_sentences(self):
        for line in ("Inhalt", "a = b + c; d[3] = (e << 2) | f; g->h(i), j += 4 * k.", GERMAN[:-1], "int main() { return 0; }."):
            self.assertFalse(make_languages.is_prose(line, "de"), line)

    def test_pages_become_documents_without_repeats(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "debian-handbook/usr/share/doc/debian-handbook/html/de-DE"
            folder.mkdir(parents=True)
            lines = [GERMAN.replace("Kapitel", f"Kapitel {'i' * number}") for number in range(1, 12)]
            body = "".join(f"<p>{line}</p>" for line in [*lines, ENGLISH, lines[0]])
            for page in ("a.html", "b.html", "index.html", "c.fr.html"):
                (folder / page).write_text(f"<html><body><h1>Titel</h1>{body}<pre>{GERMAN}</pre></body></html>")
            pages = make_languages.find_pages(Path(name), "de")
            self.assertEqual({path.name for _, path in pages}, {"a.html", "b.html"})
            documents = make_languages.make_documents(pages, "de")
            self.assertEqual("\n".join(text for _, text in documents).split("\n"), lines)
            written = []
            for output in ("first", "second"):
                (Path(name) / output).mkdir()
                make_languages.write_language(Path(name) / output, "de", documents)
                written.append({path.name: path.read_bytes() for path in (Path(name) / output).iterdir()})
            self.assertEqual(written[0], written[1])
            validation = written[0]["c4-de-validation.tfrecord-00000-of-00001.json.gz"]
            self.assertEqual(json.loads(gzip.decompress(validation))["text"], documents[0][1])


if __name__ == "__main__":
    unittest.main()
