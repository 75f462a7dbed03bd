"""``python -m tests.crash.campaign``: what ``python -m tests.crash`` does for sends, for campaigns."""

from __future__ import annotations

import sys

from tests.crash.__main__ import main

if __name__ == "__main__":
    sys.exit(main("campaigns", "python -m tests.crash.campaign", 10_000))
