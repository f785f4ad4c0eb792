# SPDX-License-Identifier: MIT
"""A line plot as SVG text: a few series over one axis, scales logarithmic where asked. Standard library alone.

Colours are those of a palette that colour-blind readers can tell apart; a peer's line is dashed.
"""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 76, 220, 44, 56
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
INK, GRID = "#333333", "#dddddd"


def nice_ticks(low, high, log):
    """Values worth a grid line: powers of ten (with 2 and 5 between them where there are few), or even steps from 0."""
    if log:
        exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        factors = (1,) if len(exponents) > 4 else (1, 2, 5)
        return [f * 10.0**e for e in exponents for f in factors if low <= f * 10.0**e <= high * 1.0001]
    step = 10.0 ** math.floor(math.log10(high / 4))
    step = next(step * f for f in (1, 2, 5, 10) if high / (step * f) <= 6)
    return [i * step for i in range(int(high / step) + 1)]


def label(value):
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


class Axis:
    """Maps values to pixels."""

    def __init__(self, values, log, start, end):
        self.log = log
        self.low, self.high = (min(values) / 1.25, max(values) * 1.25) if log else (0, max(values) * 1.1)
        self.start, self.end = start, end

    def __call__(self, value):
        scale = math.log if self.log else float
        share = (scale(value) - (scale(self.low))) / (scale(self.high) - scale(self.low))
        return self.start + share * (self.end - self.start)


def line_plot(title, x_title, y_title, series, x_log=False, y_log=False, x_ticks=None):
    """series: [(name, {x: y}, is_peer, group)]; those of one group share a colour."""
    xs = sorted({x for _, points, _, _ in series for x in points})
    ys = [y for _, points, _, _ in series for y in points.values()]
    right = WIDTH - RIGHT
    x_axis, y_axis = Axis(xs, x_log, LEFT, right), Axis(ys, y_log, HEIGHT - BOTTOM, TOP)
    if not x_log:
        x_axis.low, x_axis.high = min(xs) - 0.25, max(xs) + 0.25
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-size="16" fill="{INK}">{escape(title)}</text>',
        f'<text x="{(LEFT + right) / 2:.0f}" y="{HEIGHT - 14}" text-anchor="middle" fill="{INK}">'
        f"{escape(x_title)}</text>",
        f'<text transform="translate(18 {HEIGHT / 2:.0f}) rotate(-90)" text-anchor="middle" fill="{INK}">'
        f"{escape(y_title)}</text>",
    ]
    for tick in nice_ticks(y_axis.low, y_axis.high, y_log):
        y = y_axis(tick)
        out.append(f'<path d="M{LEFT} {y:.1f}H{right}" stroke="{GRID}"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="{INK}">{label(tick)}</text>')
    for tick in x_ticks or xs:
        x = x_axis(tick)
        out.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="{GRID}"/>')
        y = HEIGHT - BOTTOM + 20
        out.append(f'<text x="{x:.1f}" y="{y}" text-anchor="middle" fill="{INK}">{label(tick)}</text>')
    for row, (name, points, is_peer, group) in enumerate(series):
        colour, dash = COLOURS[group % len(COLOURS)], ' stroke-dasharray="6 4"' if is_peer else ""
        path = "L".join(f"{x_axis(x):.1f} {y_axis(y):.1f}" for x, y in sorted(points.items()))
        out.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        for x, y in sorted(points.items()):
            out.append(f'<circle cx="{x_axis(x):.1f}" cy="{y_axis(y):.1f}" r="3" fill="{colour}"/>')
        y = TOP + 12 + 22 * row
        out.append(f'<path d="M{right + 14} {y - 4}h28" stroke="{colour}" stroke-width="2"{dash}/>')
        out.append(f'<text x="{right + 48}" y="{y}" fill="{INK}">{escape(name)}</text>')
    out.append("</svg>\n")
    return "\n".join(out)
