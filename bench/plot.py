# SPDX-License-Identifier: Apache-2.0
"""Ratios as an SVG: a row for each model, a mark for each peer, on an axis of halves and doubles."""
import html
import math

COLOURS = {"litert": "#c25b12", "openvino": "#2b5fa8"}
NAMES = {"litert": "LiteRT", "openvino": "OpenVINO"}
LEFT, WIDTH, ROW, HEAD, FOOT, MARGIN = 250, 460, 20, 52, 30, 16
LONGEST_NAME = 32


def axis_of(rows):
    """Whole powers of two around all ratios of a panel, a half and a double among them."""
    logs = [math.log2(ratio) for _, ratios, _ in rows for ratio in ratios.values()]
    return min([-1, *map(math.floor, logs)]), max([1, *map(math.ceil, logs)])


def placing(least, most):
    """Ratio -> x."""
    return lambda ratio: LEFT + min(max(math.log2(ratio) - least, 0), most - least) * WIDTH / (most - least)


def label(tick):
    return f"1/{2**-tick}" if tick < 0 else str(2**tick)


def short(name):
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def text(x, y, what, anchor="start", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{html.escape(what)}</text>'


def mark(peer, x, y):
    """A disc and a square: told apart without colours, too."""
    if peer == "litert":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{COLOURS[peer]}"/>'
    return f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" fill="{COLOURS[peer]}"/>'


def panel(top, title, rows):
    least, most = axis_of(rows)
    place, bottom = placing(least, most), top + HEAD + ROW * len(rows)
    parts = [text(MARGIN, top + 18, title, extra=' font-weight="bold"')]
    for tick in range(least, most + 1):
        x, heavy = place(2.0**tick), tick == 0
        parts.append(f'<line x1="{x:.1f}" y1="{top + HEAD - 8}" x2="{x:.1f}" y2="{bottom}" '
                     f'stroke="{"#333" if heavy else "#ccc"}" stroke-width="{1.5 if heavy else 1}"/>')
        parts.append(text(x, top + HEAD - 12, label(tick), "middle"))
    for r, (model, ratios, spread) in enumerate(rows):
        y = top + HEAD + ROW * (r + 0.5)
        low, high = place(1 - min(spread, 0.9)), place(1 + spread)
        parts.append(f'<rect x="{low:.1f}" y="{y - 7:.1f}" width="{high - low:.1f}" height="14" fill="#ddd"/>')
        parts.append(text(LEFT - 10, y + 4, short(model), "end"))
        parts += [mark(peer, place(ratio), y) for peer, ratio in ratios.items()]
    return parts, bottom + FOOT


def svg(panels, note):
    """panels: [(title, [(model, {peer: ratio}, spread of the control)])]; the note breaks at semicolons."""
    parts, y = [], 34
    for title, rows in panels:
        drawn, y = panel(y, title, rows)
        parts += drawn
    legend = [mark(peer, MARGIN + 5 + 90 * k, 18) + text(MARGIN + 15 + 90 * k, 22, name)
              for k, (peer, name) in enumerate(NAMES.items())]
    legend.append(text(MARGIN + 200, 22, "Heddle's over the peer's: left of 1 is Heddle's side; grey: Heddle over Heddle"))
    for line in note.split("; "):
        parts.append(text(MARGIN, y, line, extra=' fill="#555"'))
        y += MARGIN
    width = LEFT + WIDTH + 2 * MARGIN
    body = "\n".join([*legend, *parts])
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" viewBox="0 0 {width} {y}" '
            f'font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n')
