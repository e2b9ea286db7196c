"""Characters that must never reach a terminal or a page as they are, and where what is shown is read back."""

import io
import sys
import unicodedata

BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
HARMFUL = [
    chr(code)
    for code in range(sys.maxunicode + 1)
    if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Zl", "Zp") or unicodedata.bidirectional(chr(code)) in BIDI
]


class Tty(io.StringIO):
    """A terminal."""

    def isatty(self):
        return True
