"""Signals over two or three axes through several checkpoints, as rows of tiles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape

import numpy as np

from explorer.dashboard.comparison import Figures, Rival
from explorer.dashboard.subject import Subject
from explorer.dashboard.views.images import ERROR_SHARE
from explorer.dashboard.views.pixels import differences, dots, png_uri, shades
from explorer.dashboard.views.sample import name_of
from explorer.dashboard.views.tiles import Tile
from explorer.dashboard.views.words import short
from explorer.grids import resample

QUANTITIES = ("values", "slope", "Laplacian")
"""What is drawn of a function; the latter two where it has derivatives."""
LENS_SIZE, LENS_SHARE = 72, 0.3


@dataclass(frozen=True)
class Scene:
    """What is compared, and how it is drawn.

    Args:
        subject: the signals as they are observed.
        rivals: those with codes.
        rows: the signals.
        size: samples of a tile along its longer axis.
        quantity: one of ``QUANTITIES``.
        position: over three axes, where on the first one the slice lies, from 0 to 1.
        error: whether the error maps are shown too.
    """

    subject: Subject
    rivals: tuple[Rival, ...]
    rows: tuple[int, ...]
    size: int = 128
    quantity: str = "values"
    position: float = 0.5
    error: bool = True
    dark: bool = False

    @property
    def native(self) -> tuple[int, ...]:
        return self.subject.signals.reference_shape

    @property
    def shape(self) -> tuple[int, int]:
        """Samples of a tile, [H, W]."""
        height, width = self.native[-2:]
        scale = self.size / max(height, width)
        return max(1, round(height * scale)), max(1, round(width * scale))

    @property
    def slab(self) -> tuple[tuple[float, float], ...]:
        """Over three axes the part of the first one that the slice stands for; else nothing."""
        if self.subject.signals.d == 2:
            return ()
        index = min(int(self.position * self.native[0]), self.native[0] - 1)
        low = 2 * index / self.native[0] - 1
        return ((low, low + 2 / self.native[0]),)

    def flat(self, grid: np.ndarray) -> np.ndarray:
        """The slice [H, W, m] of a whole signal's grid [*S, m]."""
        return grid if grid.ndim == 3 else grid[min(int(self.position * len(grid)), len(grid) - 1)]


def rows_of(scene: Scene) -> list[tuple[str, list[Tile]]]:
    """All tiles: for each signal what was observed, interpolated, is true, and what each rival makes of it; the errors
    on a line of their own, all on one scale."""
    signals = scene.subject.signals
    renders = [_rendered(scene, rival, scene.shape, None) for rival in scene.rivals]
    exact = [_exact(scene, rival) for rival in scene.rivals] if scene.error and signals.shapes is not None else []
    limits = [_limits(scene, values) for values in renders]
    low, high = signals.value_range
    largest = (high - low) * ERROR_SHARE
    lines: list[tuple[str, list[Tile]]] = []
    for i, row in enumerate(scene.rows):
        truth = scene.flat(signals.grid(row)) if signals.shapes is not None else None
        tiles = _plain(scene, row, truth)
        for rival, values, span in zip(scene.rivals, renders, limits, strict=True):
            size = f"{scene.quantity}, " if scene.quantity != "values" and rival.differentiable else ""
            tiles.append(Tile(rival.name, size + _size(values[i]), png_uri(shades(values[i], span)), fine=True))
        lines.append((name_of(signals, row), tiles))
        if scene.error and truth is not None:
            errors = []
            for name, values in _estimates(scene, row, truth, [e[i] for e in exact]):
                error = values - truth
                shown = png_uri(differences(error, largest, scene.dark))
                errors.append(Tile(f"{name}, error", f"±{largest:.3g}, rms {np.sqrt(np.mean(error**2)):.3f}", shown))
            lines.append((f"{name_of(signals, row)}: estimate − truth", errors))
    return lines


def fine_of(scene: Scene, view: Sequence[float]) -> dict[str, dict]:
    """For the part in sight, what can be drawn finer than by magnifying: interpolations and renders."""
    y0, y1, x0, x1 = view
    window = ((y0, y1), (x0, x1))
    renders = [_rendered(scene, rival, scene.shape, window) for rival in scene.rivals]
    limits = [_limits(scene, values) for values in renders]
    found: dict[str, dict] = {}
    step = 2 if scene.error and scene.subject.signals.shapes is not None else 1
    for i, row in enumerate(scene.rows):
        plain = _plain_names(scene)
        if "cubic" in plain:
            cubic = resample(_observed(scene, row)[None], scene.shape, "cubic", window)[0]
            uri = png_uri(shades(cubic, scene.subject.signals.value_range))
            found[f"{step * i},{plain.index('cubic')}"] = {"uri": uri, "view": list(view)}
        for column, (values, span) in enumerate(zip(renders, limits, strict=True), len(plain)):
            found[f"{step * i},{column}"] = {"uri": png_uri(shades(values[i], span)), "view": list(view)}
    return found


def lenses_of(scene: Scene, pointed: Sequence[float], view: Sequence[float]) -> list[str]:
    """What is seen through the loupe in each tile of a line, magnified: data addresses."""
    line, y, x = int(pointed[0]), pointed[1], pointed[2]
    step = 2 if scene.error and scene.subject.signals.shapes is not None else 1
    if line % step or line // step >= len(scene.rows):
        return []
    row = scene.rows[line // step]
    half = (LENS_SHARE / 4) * min(view[1] - view[0], view[3] - view[2])
    lows = np.clip([y - half, x - half], -1, 1 - 2 * half).tolist()
    window = tuple((low, min(low + 2 * half, 1.0)) for low in lows)
    one, size, span = replace(scene, rows=(row,)), (LENS_SIZE, LENS_SIZE), scene.subject.signals.value_range
    seen: list[str] = []
    for name in _plain_names(scene):
        if name == "observed" and not scene.subject.sampling.is_grid:
            seen.append("")
            continue
        source = scene.flat(scene.subject.signals.grid(row)) if name == "truth" else _observed(scene, row)
        method = "cubic" if name == "cubic" else "nearest"
        seen.append(png_uri(shades(resample(source[None], size, method, window)[0], span)))
    for rival in scene.rivals:
        values = _rendered(one, rival, size, window)
        seen.append(png_uri(shades(values[0], _limits(scene, values))))
    return seen


def _plain_names(scene: Scene) -> list[str]:
    """What stands before the rivals."""
    names = ["observed"]
    if scene.subject.signals.shapes is not None:
        names.append("truth")
    if scene.subject.sampling.is_grid and scene.subject.signals.shape is not None:
        names += ["nearest", "cubic"]
    return names


def _plain(scene: Scene, row: int, truth: np.ndarray | None) -> list[Tile]:
    span = scene.subject.signals.value_range
    tiles = []
    for name in _plain_names(scene):
        if name == "truth" and truth is not None:
            tiles.append(Tile("truth", _size(truth), png_uri(shades(truth, span))))
        elif name == "observed" and not scene.subject.sampling.is_grid:
            batch = scene.subject.observed([row])
            coords = batch.coords if batch.coords.ndim == 2 else batch.coords[0]
            seen = np.ones(len(coords), bool) if batch.mask is None else batch.mask[0]
            pixels = dots(coords[seen][:, -2:], batch.values[0][seen], span, scene.size)
            tiles.append(Tile("observed", f"{int(seen.sum())} points", png_uri(pixels)))
        elif name == "cubic":
            values = resample(_observed(scene, row)[None], scene.shape, "cubic")[0]
            tiles.append(Tile("cubic", f"to {_size(values)}", png_uri(shades(values, span)), fine=True))
        else:
            values = _observed(scene, row)
            caption = _size(values) if name == "observed" else "magnified"
            tiles.append(Tile(name, caption, png_uri(shades(values, span))))
    return tiles


def _observed(scene: Scene, row: int) -> np.ndarray:
    batch = scene.subject.observed([row])
    return scene.flat(batch.values[0].reshape(*scene.subject.sampling.size, scene.subject.signals.m))


def _rendered(
    scene: Scene, rival: Rival, shape: Sequence[int], window: Sequence[tuple[float, float]] | None
) -> np.ndarray:
    """What a rival makes of all rows: [n, H, W, m], or what is asked of its derivatives [n, H, W, 1]."""
    subject = rival.subject
    assert subject is not None
    codes, engine = subject.codes[list(scene.rows)], subject.library.engine
    whole = ((-1.0, 1.0), (-1.0, 1.0))
    box = None if window is None and not scene.slab else (*scene.slab, *(window or whole))
    asked = (*(1 for _ in scene.slab), *shape)

    def values(*orders: int) -> np.ndarray:
        derivative = (*(0 for _ in scene.slab), *orders) if any(orders) else ()
        return engine.render(codes, asked, box, derivative).reshape(len(scene.rows), *shape, -1)

    if scene.quantity == "values" or not rival.differentiable:
        return values(0, 0)
    if scene.quantity == "slope":
        return np.sqrt(values(1, 0) ** 2 + values(0, 1) ** 2).mean(-1, keepdims=True)
    return (values(2, 0) + values(0, 2)).mean(-1, keepdims=True)


def _exact(scene: Scene, rival: Rival) -> list[np.ndarray]:
    """A rival's values on each truth's own grid, [H, W, m] each; those of one shape are asked for at once."""
    signals = scene.subject.signals
    found: dict[int, np.ndarray] = {}
    shapes = {row: tuple(int(s) for s in signals.grid(row).shape[-3:-1]) for row in scene.rows}
    for shape in set(shapes.values()):
        rows = tuple(row for row in scene.rows if shapes[row] == shape)
        values = _rendered(replace(scene, rows=rows, quantity="values"), rival, shape, None)
        found.update(zip(rows, values, strict=True))
    return [found[row] for row in scene.rows]


def _estimates(scene: Scene, row: int, truth: np.ndarray, exact: Sequence[np.ndarray]) -> list[tuple[str, np.ndarray]]:
    found = []
    for name in _plain_names(scene):
        if name in ("nearest", "cubic"):
            found.append((name, resample(_observed(scene, row)[None], truth.shape[:2], name)[0]))
    return found + [(rival.name, values) for rival, values in zip(scene.rivals, exact, strict=True)]


def _limits(scene: Scene, values: np.ndarray) -> tuple[float, float]:
    """The scale of a tile: the field's own range, and that of the derivatives where they are shown."""
    if scene.quantity == "values" or values.shape[-1] != 1:
        return scene.subject.signals.value_range
    largest = float(np.percentile(np.abs(values), 99)) or 1.0
    return (0.0, largest) if scene.quantity == "slope" else (-largest, largest)


def _size(grid: np.ndarray) -> str:
    return "×".join(map(str, grid.shape[:2]))


def figures_html(figures: Sequence[Figures], controls: Mapping[str, Mapping], count: int) -> str:
    """All figures as a table."""
    heads = ("", "PSNR<br>dB", "SSIM", "code<br>kB", "share<br>kB", "encode<br>ms", "render<br>ms")
    head = "<tr>" + "".join(f"<th>{text}</th>" for text in heads) + "</tr>"
    lines = []
    for name, control in controls.items():
        ssim = f"{np.mean(control['ssim']):.3f}" if "ssim" in control else "–"
        known = f"<td>{escape(name)}</td><td>{_db(control['psnr_db'])}</td><td>{ssim}</td>"
        lines.append(f"<tr>{known}{'<td>–</td>' * 4}</tr>")
    for each in figures:
        ssim = "–" if each.ssim is None else f"{each.ssim:.3f}"
        encode = "fits" if each.encode_s is None else short(1000 * each.encode_s)
        sizes = short(each.code_bytes / 1000), short(each.share_bytes / 1000)
        cells = (_db(each.psnr_db), ssim, *sizes, encode, short(1000 * each.render_s))
        lines.append(f"<tr><td><b>{escape(each.name)}</b></td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    note = f"means of {count} signal{'s' * (count != 1)}; share: the checkpoint over all signals of the set"
    return f'<table class="table">{head}{"".join(lines)}</table><div class="quiet">{note}</div>'


def _db(values: Sequence[float] | np.ndarray) -> str:
    """A mean PSNR; float32 cannot tell more than 144 dB from equality."""
    mean = float(np.mean(values))
    return "exact" if mean > 140 else f"{mean:.1f}"
