"""`PagePath`: the path of a page, which a notebook shows as the page itself."""

from __future__ import annotations

import sys
from html import escape

if sys.platform == "win32":
    from pathlib import WindowsPath as OwnPath
else:
    from pathlib import PosixPath as OwnPath

_MOST_BYTES = 5_000_000  # of a page in a notebook, which keeps it in its file
_STYLE = "width: 100%; height: 760px; border: 1px solid color-mix(in srgb, currentColor 25%, transparent)"


class PagePath(OwnPath):
    """The path of a page; a notebook shows the page, in a frame of its own, so that no style leaks."""

    def _repr_html_(self) -> str:
        """The page in a frame, or its name if it is gone or too large for a notebook."""
        if not self.is_file() or self.stat().st_size > _MOST_BYTES:
            return f"<code>{escape(str(self))}</code>"
        page = escape(self.read_text(encoding="utf-8"))
        return f'<iframe title="{escape(self.name)}" style="{_STYLE}" srcdoc="{page}"></iframe>'
