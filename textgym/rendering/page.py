"""An episode as a web page: the render mode "html"."""

from __future__ import annotations

import html

from textgym.rendering.view import View

# no address, script or font from elsewhere: the page shows the same without a network, and may load nothing
HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>textgym</title>
<style>
body { margin: 2rem auto; max-width: 46rem; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; color: #222;
  background: #fff; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .5rem 1.25rem; margin: 0; }
dt { color: #767676; }
dd { margin: 0; overflow-wrap: anywhere; unicode-bidi: isolate; }
.wanted { color: #666; }
.written { color: #0b5394; font-weight: 600; }
.outcome { border-top: 1px solid #ddd; padding-top: .5rem; font-variant-numeric: tabular-nums; }
</style>
</head>
<body>
"""
FOOT = "</body>\n</html>\n"


def as_page(view: View) -> str:
    """Return an episode as a whole page that needs nothing beside it; every text in it is escaped."""
    rows = [_row(row.label, row.text, row.kind) for row in view.rows()]
    rows.append(_row("reward", view.outcome, "outcome"))
    return f"{HEAD}<dl>\n{''.join(rows)}</dl>\n{FOOT}"


def note_page(note: str) -> str:
    """Return a page that says one thing."""
    return f"{HEAD}<p>{html.escape(note)}</p>\n{FOOT}"


def _row(label: str, text: str, kind: str) -> str:
    return f'<dt>{html.escape(label)}</dt><dd class="{kind}" dir="auto">{html.escape(text)}</dd>\n'
