# SPDX-License-Identifier: Apache-2.0
"""What stands in pages is what the results say; drops by another count; and what a page takes in."""

import itertools
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "studies"))
import document  # noqa: E402
import drops  # noqa: E402


class Documents(unittest.TestCase):
    def test_pages_are_up_to_date(self):
        for name in ("studies.md", "fidelity.md"):
            before, after = document.written(ROOT / "docs" / name)
            self.assertEqual(before, after, f"run studies/document.py docs/{name}")

    def test_a_page_takes_in_what_is_there(self):
        with tempfile.TemporaryDirectory() as folder:
            results = Path(folder) / "results/made"
            results.mkdir(parents=True)
            (results / "table.md").write_text("| 1 |\n", encoding="utf-8")
            (results / "plot.svg").write_text("", encoding="utf-8")
            (Path(folder) / "written.yaml").write_text('title: "W: x"\n', encoding="utf-8")
            page = Path(folder) / "page.md"
            block = "<!-- results: {} -->\nold\n<!-- end -->\n"
            page.write_text("a\n" + block.format("made") + "b\n" + block.format("written") + block.format("absent"))
            with unittest.mock.patch.object(document, "STUDIES", Path(folder)):
                text = document.written(page)[1]
            self.assertIn("a\n<!-- results: made -->\n| 1 |\n\n![", text)
            self.assertIn("](results/made/plot.svg)\n<!-- end -->\nb\n", text)
            self.assertIn("written -->\n## W: x\n\nNot measured yet.\n<!-- end -->", text)
            self.assertIn("absent -->\n<!-- end -->", text)

    # Every way in which 6 tokens choose among 3 experts, with room for 2 each.
    def test_drops_by_enumeration(self):
        dropped = 0
        for choice in itertools.product(range(3), repeat=6):
            dropped += sum(max(0, choice.count(expert) - 2) for expert in range(3))
        self.assertEqual(drops.capacity(6, 3, 1.0, 1), 2)
        self.assertAlmostEqual(drops.dropped_share(6, 3, 1.0, 1), dropped / 3**6 / 6, places=12)
        self.assertEqual(drops.capacity(512, 256, 1.25, 4), 4)
        self.assertEqual(drops.capacity(3, 8, 1.25, 4), 4)


if __name__ == "__main__":
    unittest.main()
