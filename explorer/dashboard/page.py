"""What a page is: its middle, its right column, and what it asks while it is shown."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import panel as pn
import param
from panel.viewable import Viewable, Viewer

from explorer.dashboard import style
from explorer.dashboard.calls import change
from explorer.dashboard.library import encodings
from explorer.dashboard.views.banner import banner
from explorer.dashboard.views.browser import Browser
from explorer.dashboard.views.lacking import Lacking
from explorer.dashboard.views.names import Names
from explorer.dashboard.views.once import ScriptOnce
from explorer.dashboard.views.sidebar import Sidebar
from explorer.dashboard.views.words import counted
from explorer.dashboard.workspace import Workspace


class Page(Viewer):
    """One page over a workspace, inside the shell or alone.

    A page reacts to parameters by ``follow`` and calls the engine by ``ask``. While it is not shown it does neither:
    what it missed is made up for by ``look`` when it is opened again. ``middle`` and ``side`` are called once.
    """

    keys: ClassVar[Mapping[str, str]] = {}
    """Its own keys, beside the shell's, and what they do."""
    address: ClassVar[Mapping[str, str]] = {}
    """Its parameters that stand in the address, by their short names there."""

    needs_codes: ClassVar[bool] = False
    """Whether there is nothing to show until all signals have codes as the slider has them observed. Where each takes
    a fit, the page offers that, and does not begin it by itself."""

    workspace = param.ClassSelector(class_=Workspace, constant=True)
    shown = param.Boolean(False, doc="Whether it is open: see ``open`` and ``leave``.")
    clipboard = param.String("", doc="Text for the visitor's clipboard.")

    def __init__(self, workspace: Workspace, **params: Any):
        super().__init__(workspace=workspace, **params)
        self._stale = True
        self.follow(workspace, self._look, "opened")

    # -- what a page says

    def middle(self) -> Viewable:
        """The thing itself, which fills the space."""
        raise NotImplementedError

    def side(self) -> Viewable:
        """The right column: the one signal, then numbers."""
        raise NotImplementedError

    def look(self) -> None:
        """Ask for all that it shows. Called when it is opened, and when other signals or codes are; see ``opened``."""
        raise NotImplementedError

    def clear(self) -> None:
        """Drop what it shows of signals before. Called when those that are open now have nothing to show."""

    def missing(self) -> str:
        """What to choose before the page has something to show, in a sentence; empty where nothing is missing."""
        workspace = self.workspace
        if workspace.opened is not None and workspace.opened.subject is None:
            return "These signals have no checkpoint yet: choose others on the left, or train one."
        if self._unfitted:
            uneven = ", from uneven samples," if workspace.state.uneven else ""
            name = workspace.opened.entry.name
            return f"Not fitted at {workspace.stop.label}{uneven} yet: {name} takes a fit for each signal."
        return ""

    def remedy(self) -> tuple[str, Callable[[], None]] | None:
        """What helps where something is missing, in a word, and how it is done; None where only a choice helps."""
        if not self._unfitted:
            return None
        n = len(self.workspace.opened.signals)
        return "fit this signal" if n == 1 else f"fit {counted(n)}", self.fit

    @property
    def _unfitted(self) -> bool:
        return self.needs_codes and self.workspace.loaded is not None and not self.workspace.fitted

    @property
    def filled(self) -> bool:
        """Whether a visitor who has just come has something to look at."""
        return self.workspace.opened is not None

    def fit(self) -> None:
        """Have all signals fitted as the slider shows them, by a job, and look again."""
        workspace, subject = self.workspace, self.workspace.subject
        if subject is None:
            return
        recipe = encodings(subject.checkpoint.id, subject.signals, subject.sampling)[-1]
        work = lambda: workspace.engine.submit(recipe).until_done()  # noqa: E731
        word = f"fitting {counted(len(subject.signals))}"
        workspace.ask(f"fit {recipe.key}", word, work, lambda done: workspace.load(), long=True)

    def help(self) -> None:
        """Do what helps."""
        remedy = self.remedy()
        if remedy is not None:
            remedy[1]()

    def pressed(self, key: str) -> None:
        """One of its keys was pressed."""

    # -- living

    def open(self) -> None:
        """Show it, and ask for what has changed meanwhile."""
        self.shown = True
        if self._stale:
            self._look()

    def leave(self) -> None:
        """Stop asking; what has not come back yet is asked again when it is opened."""
        self.shown = False
        self._stale |= self.workspace.calls.forget(self._slot(""))

    def _look(self, *events: param.parameterized.Event) -> None:
        self._stale = False
        if self.workspace.opened is None:
            return
        if self.missing():
            self.clear()
        else:
            self.look()

    def follow(self, source: param.Parameterized, react: Callable[..., None], *names: str) -> None:
        """React to parameters with something that changes the page, while it is shown."""

        def when_shown(*events: param.parameterized.Event) -> None:
            if self.shown:
                react(*events)
            else:
                self._stale = True

        self.workspace.calls.follow(source, when_shown, *names)

    def ask(self, slot: str, word: str, work: Callable[[], Any], show: Callable[[Any], None], **options: Any) -> None:
        """``Workspace.ask`` in a slot of this page.

        While something is missing nothing is asked, and answers that still come are dropped.
        """
        if not self.shown:
            self._stale = True
        elif not self.missing():
            fitting = lambda answer: None if self.missing() else show(answer)  # noqa: E731
            self.workspace.ask(self._slot(slot), word, work, fitting, **options)

    def errors(self) -> dict[str, str]:
        """What went wrong here, by slot."""
        start = self._slot("")
        return {
            slot.removeprefix(start): text
            for slot, text in self.workspace.calls.errors.items()
            if slot.startswith(start)
        }

    def _slot(self, slot: str) -> str:
        return f"{type(self).__name__}.{slot}"

    def __panel__(self) -> Viewable:
        """The page alone, with its own controls, as in a notebook."""
        browser = Browser()
        self.follow(self, lambda event: browser.copy(event.new), "clipboard")
        if self.workspace.opened is None:
            self.workspace.load()
        change(self.workspace.calls.doc, self.open)
        lacking = Lacking(self.workspace, self.help)
        parts = self.middle(), pn.Column(self.side(), width=style.RIGHT_WIDTH)

        def explain(*events: param.parameterized.Event) -> None:
            missing = self.missing()
            lacking.say(missing, self.remedy())
            for part in parts:
                part.visible = not missing

        explain()
        self.workspace.calls.follow(self.workspace, explain, "opened")
        self.workspace.calls.follow(self.workspace.state, explain, "resolution", "uneven")
        return ScriptOnce(
            pn.Column(banner(self.workspace), Sidebar(self.workspace), browser, Names(), width=style.LEFT_WIDTH),
            lacking,
            *parts,
            sizing_mode="stretch_width",
            height=style.ALONE_HEIGHT,
        )
