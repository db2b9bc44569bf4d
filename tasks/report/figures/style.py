"""One style for all figures: matplotlib objects without global state, imported only when a figure is drawn."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

INK, SOFT, RULE = "#1b1e24", "#5c626d", "#e4e1da"
PALETTE = ("#0067b5", "#c4421a", "#00806a", "#a94890", "#b87400", "#6d727c")
STYLE = {
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": SOFT,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titlepad": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.8,
    "figure.dpi": 110,
    "savefig.facecolor": "white",
}


def figure_style():
    import matplotlib

    return matplotlib.rc_context(STYLE)


def new_figure(width: float, height: float, rows: int = 1, columns: int = 1, polar: bool = False, share: bool = False):
    """Return a figure, in inches, and its axes: a single one, or a flat list of rows · columns."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12))
    FigureCanvasAgg(figure)
    subplot = {"projection": "polar"} if polar else {}
    grid = figure.subplots(rows, columns, squeeze=False, sharex=share, sharey=share, subplot_kw=subplot).ravel()
    return figure, (grid[0] if rows == columns == 1 and not share else list(grid))


def whole_number_ticks(count: int):
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(count, integer=True)
