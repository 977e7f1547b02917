"""Where the checkout is, and the binary that is tested."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Optimised like a release, with debug assertions and overflow checks.
BINARY = ROOT / "target" / "checked" / "blotter"
