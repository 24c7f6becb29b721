"""That promtool likes every name that the code has, also those of services that need engines to run."""

import unittest

from lint import LISTED, complaints
from metrics import instruments


def exposition():
    """One sample of each metric."""
    for name, kind in instruments().items():
        yield f"# HELP {name} What it is\n# TYPE {name} {kind}\n"
        if kind == "histogram":
            yield f'{name}_bucket{{le="+Inf"}} 1\n{name}_sum 1\n{name}_count 1\n'
        else:
            yield f"{name} 1\n"


class Lint(unittest.TestCase):
    def test_promtool_complains_of_nothing_but_what_is_listed(self):
        self.assertEqual(complaints("".join(exposition())), LISTED)

    def test_a_bad_name_and_a_text_that_is_none_are_noticed(self):
        bad = "# HELP kudos_likes Likes\n# TYPE kudos_likes counter\nkudos_likes 1\n"
        self.assertEqual(complaints(bad), {'kudos_likes counter metrics should have "_total" suffix'})
        self.assertTrue(complaints("kudos likes\n"))


if __name__ == "__main__":
    unittest.main()
