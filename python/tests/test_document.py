# SPDX-License-Identifier: MIT
"""The examples in the documents print what the documents show."""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re

from support import Case

PAGE = os.path.join(os.path.dirname(__file__), "..", "python.md")
README = "/opt/moddb/pages/README.md"


class Document(Case):
    def test_examples(self) -> None:
        with open(PAGE, encoding="utf-8") as file:
            # An empty line ends the output of an example.
            text = re.sub(r"^```.*$", "", file.read(), flags=re.M)
        test = doctest.DocTestParser().get_doctest(text, {}, "python.md", PAGE, 0)
        self.assertGreater(len(test.examples), 20)
        self.assertEqual(doctest.DocTestRunner().run(test).failed, 0)

    def test_example_of_the_readme(self) -> None:
        with open(README, encoding="utf-8") as file:
            example = re.search(r"^```python\n(.*?)^```$", file.read(), flags=re.M | re.S)
        assert example is not None
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(example[1], {})
        self.assertEqual(output.getvalue(), "hello\n")
