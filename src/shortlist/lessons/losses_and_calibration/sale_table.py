"""Two sales of one page side by side: who stands in each slot, and what a click costs there."""

from __future__ import annotations

from markupsafe import Markup

from shortlist.core.arrays import Float64
from shortlist.core.money import format_micros
from shortlist.lessons.losses_and_calibration.sold_page import Sale, SoldPage

__all__ = ["sale_table"]

_HEAD = ("slot", "calibrated: ad", "p", "price", "now: ad", "p", "bid", "price")
_NAME, _NUMBER = Markup("<td>{}</td>"), Markup('<td class="num">{}</td>')
_CELLS = (Markup('<th scope="row">{}</th>'), _NAME, _NUMBER, _NUMBER, _NAME, _NUMBER, _NUMBER, _NUMBER)
_TOP_NAME, _TOP_NUMBER = Markup('<th scope="col">{}</th>'), Markup('<th scope="col" class="num">{}</th>')
_TOP_CELLS = tuple(_TOP_NUMBER if cell is _NUMBER else _TOP_NAME for cell in _CELLS)


def sale_table(page: SoldPage, right: Sale, wrong: Sale, said: Float64) -> Markup:
    """A row a slot.

    Args:
        page: what was sold.
        right: the sale by the calibrated probabilities.
        wrong: the sale by what the model says.
        said: what it says of each ad, ``(n,)``.
    """

    def ad(number: int) -> str:
        return f"{page.titles[number]} (campaign {page.campaign[number]})"

    rows = [
        (
            str(slot + 1),
            ad(before),
            f"{page.p_click_1[before]:.3f}",
            format_micros(right.price[slot]),
            ad(now),
            f"{said[now]:.3f}",
            format_micros(page.bid[now]),
            format_micros(wrong.price[slot]),
        )
        for slot, (before, now) in enumerate(zip(right.ad, wrong.ad, strict=True))
    ]
    return Markup(
        '<div class="scroll" tabindex="0" role="group" aria-label="The page as it is sold"><table>'
        "<caption>Who stands where, and what a click costs</caption>"
        "<thead>{}</thead><tbody>{}</tbody></table></div>"
    ).format(_row(_TOP_CELLS, _HEAD), Markup().join(_row(_CELLS, row) for row in rows))


def _row(cells: tuple[Markup, ...], texts: tuple[str, ...]) -> Markup:
    return Markup("<tr>{}</tr>").format(
        Markup().join(cell.format(text) for cell, text in zip(cells, texts, strict=True))
    )
