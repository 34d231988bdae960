"""A button, and the dialog in which a visitor chooses what to take along of what the page shows."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
from panel.viewable import Viewable, Viewer

from explorer.dashboard.calls import Call, change
from explorer.dashboard.exports import SUFFIX, Export, file_name
from explorer.dashboard.views.later import Later
from explorer.dashboard.views.notices import notice, tell
from explorer.dashboard.views.save import Saver
from explorer.dashboard.views.words import words
from explorer.dashboard.workspace import Workspace
from explorer.errors import ExplorerError

WIDTH, WIDTHS = 72, {"safetensors": 104}
"""Of the formats, which stand in columns."""
_SMALL: dict[str, Any] = {"size": "small", "margin": 0}


class ExportMenu(Viewer):
    """What there is to take along, and the formats in which it comes.

    Args:
        workspace: of the visit.
        offer: what there is, of all signals or only of the selected ones; nothing while nothing is shown.
    """

    def __init__(self, workspace: Workspace, offer: Callable[[bool], Sequence[Export]], **params: Any):
        super().__init__(**params)
        self._workspace, self._offer = workspace, offer
        self.saver = Saver()
        self._lines = pn.Column(margin=0, sizing_mode="stretch_width")
        self._only = pmui.Switch(label="", visible=False, margin=(0, 0, 8, 0))
        self._said = words(margin=(8, 0, 0, 0))
        self._wrong = notice(margin=(8, 0), sizing_mode="stretch_width")
        self.dialog = pmui.Dialog(
            pn.Column(self._only, self._lines, self._said, self._wrong, margin=0, sizing_mode="stretch_width"),
            title="export", title_variant="h6", close_on_click=True, show_close_button=True, width_option="md",
        )  # fmt: skip
        self.button = pmui.Button(label="export", icon="download", variant="outlined", **_SMALL)
        self.button.on_click(lambda event: change(pn.state.curdoc, self.open))
        self._only.param.watch(lambda event: change(pn.state.curdoc, self._fill), "value")

    def open(self) -> None:
        """Show what there is now."""
        chosen = self._workspace.state.selection
        self._only.param.update(
            visible=bool(chosen), value=self._only.value and bool(chosen), label=f"only the {len(chosen):,} selected"
        )
        self._fill()
        self.dialog.open = True

    def _fill(self) -> None:
        lines = self._offer(self._only.value)
        self._wrong.visible = False
        self._said.object = "" if lines else '<span class="quiet">Nothing is shown yet that could be exported.</span>'
        self._lines[:] = [self._line(export) for export in lines]

    def _line(self, export: Export) -> Viewable:
        buttons = [
            self._button(export, name) if name in export.makers else pn.Spacer(width=WIDTHS.get(name, WIDTH))
            for name in SUFFIX
        ]
        return pn.Row(
            words(
                f"<b>{escape(export.name)}</b><br><span class='quiet'>{escape(export.about)}</span>",
                margin=(6, 16, 6, 0),
            ),
            pn.Row(*buttons, margin=0, align="center"),
            sizing_mode="stretch_width",
            margin=0,
            styles={"border-bottom": "1px solid rgba(128, 128, 128, 0.25)"},
        )

    def _button(self, export: Export, file_format: str) -> pmui.Button:
        button = pmui.Button(
            label=file_format,
            variant="text",
            description=f"{export.name} as {file_format}",
            width=WIDTHS.get(file_format, WIDTH),
            **_SMALL,
        )
        button.on_click(lambda event: change(pn.state.curdoc, lambda: self._make(export, file_format)))
        return button

    def _make(self, export: Export, file_format: str) -> None:
        """Have it made, off the page, and hand it over; what goes wrong is said here."""
        signals = self._workspace.signals
        name = file_name(signals.name if signals else "", export.name, file_format)

        def work() -> tuple[bytes, str]:
            try:
                return export.makers[file_format](), ""
            except ExplorerError as error:
                return b"", str(error)

        def hand_over(made: tuple[bytes, str]) -> None:
            data, fault = made
            tell(self._wrong, fault)
            self._said.object = f'<span class="quiet">{"" if fault else _saved(name, data)}</span>'
            if not fault:
                self.saver.save(name, data)

        self._said.object = f'<span class="quiet">making {escape(name)} …</span>'
        self._workspace.calls.latest("export", Call("exporting", work, hand_over, long=True))

    def __panel__(self) -> Viewable:
        unseen = pn.Row(Later(self.dialog, width=0, height=0), self.saver, width=0, height=0, margin=0)
        return pn.Row(self.button, unseen, margin=0)


def _saved(name: str, data: bytes) -> str:
    size = f"{len(data) / 1000:,.0f} kB" if len(data) >= 1000 else f"{len(data)} bytes"
    return f"{escape(name)}, {size}, is among your downloads."
