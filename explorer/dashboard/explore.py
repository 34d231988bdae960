"""The Explore page: what is shown of a state, and what is asked of the engine when the state changes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import param

from explorer.dashboard.calls import Call, Calls
from explorer.dashboard.library import Library, Menu
from explorer.dashboard.state import State
from explorer.dashboard.subject import Subject
from explorer.dashboard.views import export
from explorer.dashboard.views.gallery import Gallery
from explorer.dashboard.views.map import Map
from explorer.dashboard.views.pixels import Picture, Pictures, picture, png_uri
from explorer.dashboard.views.resolution import Stop, nearest_stop, stops
from explorer.dashboard.views.sample import SamplePane, forms_of, name_of, numbers_of
from explorer.dashboard.views.scores import Scores
from explorer.dashboard.views.sidebar import Sidebar
from explorer.dashboard.views.thumbnails import thumbnails
from explorer.messages import RAW, Entry
from explorer.observations import Sampling
from explorer.signals import SignalSet

NEIGHBORS = 7
NEIGHBOR_SIZE, CARD_SIZE, TILE_SIZE = 48, 64, 24
MEMBERS, CHOSEN = 4, 8
"""How many of each cluster, and of the selection, a line of the gallery shows."""


Lines = dict[str, Any]


class Explore(param.Parameterized):
    """The parts of the page, and the calls that fill them.

    A change of the state asks anew for what depends on it; each part has a slot of its own in ``calls``, so that a
    slow one never holds up the others. When a resolution has settled, its neighbours are asked for ahead.
    """

    state = param.ClassSelector(class_=State, constant=True)
    loaded = param.ClassSelector(class_=Subject, default=None, doc="Signals and checkpoint; None while there are none.")
    menu = param.ClassSelector(class_=Menu, default=None, doc="What can be chosen.")
    spaces = param.List([], item_type=str, doc="In what distances can be taken, the representation's own first.")

    def __init__(self, library: Library, state: State, **params: Any):
        super().__init__(state=state, **params)
        self.library, self.calls = library, Calls()
        self.sidebar = Sidebar(state)
        self.map = Map(thumbnails=self._thumbnails, empty="loading …", dark=state.dark)
        self.gallery = Gallery(tile=TILE_SIZE, dark=state.dark)
        self.sample = SamplePane(dark=state.dark, truth=state.truth, error=state.error)
        self.neighbors = Pictures(box=NEIGHBOR_SIZE, captions=False)
        self.scores = Scores(dark=state.dark)
        self.signals: SignalSet | None = None
        self.stops: tuple[Stop, ...] = ()
        self._era = 0
        self._labels: np.ndarray | None = None
        self._psnr: np.ndarray | None = None
        self._shown: tuple[str, str] | None = None  # projection and space of the map
        follow = self.calls.follow
        follow(state, self._load, "signals", "checkpoint")
        follow(state, self._look, "resolution", "uneven", "space", "method", "k")
        follow(state, self._look_at_map, "projection")
        follow(state, self._color, "color")
        follow(state, self._look_at_one, "selection")
        follow(state, self._look_around, "neighbors")
        follow(state, self._dress, "dark", "truth", "error")
        follow(self.neighbors, self._go_to, "clicked")
        for view in (self.map, self.gallery):
            follow(view, lambda event: state.param.update(selection=event.new), "selection")
        follow(self.gallery, lambda event: self.map.param.update(hovered=event.new), "hovered")

    @property
    def stop(self) -> Stop:
        """Where the slider stands."""
        return self.stops[nearest_stop(self.stops, self.state.resolution)]

    @property
    def row(self) -> int:
        """The one signal that is shown: the first of the selection."""
        return self.state.selection[0] if self.state.selection else 0

    @property
    def subject(self) -> Subject | None:
        """What the state wants to be looked at."""
        if self.loaded is None:
            return None
        state = self.state
        return replace(
            self.loaded,
            sampling=self.stop.sampling(state.uneven),
            space=state.space if state.space in self.spaces else "",
            method=state.method,
            k=state.k,
        )

    # -- choosing

    def start(self) -> None:
        """Ask for what the state names."""
        self._load()

    def _load(self, *events: param.parameterized.Event) -> None:
        name, checkpoint = self.state.signals, self.state.checkpoint
        self._era += 1
        self._ask(
            "load",
            "loading signals",
            lambda: _opened(self.library, name, checkpoint),
            self._show_loaded,
            then=self._explain,
        )

    def _explain(self) -> None:
        """Where loading failed: the names that there are, so that another can be chosen."""
        if "load" in self.calls.errors:
            self.map.empty = "nothing is loaded"
            self._ask("names", "listing signals", self.library.names, self.sidebar.offer)

    def _show_loaded(self, opened: tuple[SignalSet, Subject | None, Menu, Entry | None]) -> None:
        signals, subject, menu, entry = opened
        self.signals = signals
        self._labels = self._psnr = self._shown = None
        self.stops = stops(subject.signals, subject.checkpoint) if subject else ()
        self.sidebar.fill(menu, entry, self.stops, subject.clusters_wanted if subject else None)
        self.spaces = [*subject.reference.spaces, RAW] if subject else []
        self.param.update(loaded=subject, menu=menu)
        selection = [row for row in self.state.selection if subject and row < len(subject.signals)]
        self.state.selection = self.map.selection = self.gallery.selection = selection
        self.scores.param.update(sizes=[stop.size for stop in self.stops], ours={}, control={})
        if subject is None:
            self.map.param.update(
                layout=np.zeros((0, 2), np.float32),
                values=np.zeros(0, int),
                empty="no checkpoint for these signals yet: train one",
            )
            return
        self._look()

    def train(self) -> None:
        """Ask for a checkpoint of the signals that have none."""
        signals = self.signals
        if signals is not None:
            work = partial(self.library.engine.train, "hypernetwork", signals, split="all", wait=False)
            self._ask("train", "asking for a training", work, lambda job: None)

    def table(self) -> str:
        """The map as CSV; empty while there is none."""
        if self.loaded is None or self._labels is None or len(self._labels) != len(self.map.layout):
            return ""
        return export.table(self.loaded.signals, self.map.layout, self._labels, self.state.selection)

    # -- looking

    def _look(self, *events: param.parameterized.Event) -> None:
        """Ask for all that depends on how signals are observed: first the picture, which the hand waits for."""
        subject = self.subject
        if subject is None:
            return
        if {event.name for event in events} & {"space", "method", "k", "uneven"}:
            self.scores.param.update(ours={}, control={})
        self._ask_for_one(then=self._look_at_all)

    def _look_at_all(self) -> None:
        subject = self.subject
        if subject is None:
            return
        self._ask("clusters", "clustering", subject.clusters, self._show_clusters)
        self._look_at_map()
        self.scores.param.update(size=self.stop.size, how=how(subject))
        self._look_around()
        if self.state.color == "psnr_db":
            self._ask("quality", "comparing", subject.psnr_db, self._show_psnr)
        self._ask_gallery()
        self._ask_ahead()

    def _ask_gallery(self) -> None:
        """The gallery's lines: the coarsest and the finest resolution that are computed, and between them this one."""
        subject = self.subject
        if subject is None:
            return
        there = [stop for stop in self.stops if stop.size in self.scores.control]
        lines = {stop.size: stop for stop in [*there[:1], self.stop, *there[-1:]]}
        subjects = {lines[size].label: subject.at(lines[size].sampling(self.state.uneven)) for size in sorted(lines)}
        chosen, current = self.state.selection[:CHOSEN], self.stop.label
        self._ask(
            "gallery",
            "filling the gallery",
            lambda: gallery_of(subjects, chosen),
            lambda parts: self.gallery.param.update(
                images=parts[0], chosen=parts[1], values=parts[2][current], current=current
            ),
        )

    def _look_at_one(self, *events: param.parameterized.Event) -> None:
        for view in (self.map, self.gallery):
            if view.selection != self.state.selection:
                view.selection = self.state.selection
        self._ask_for_one(then=self._look_around)
        self._ask_gallery()

    def _ask_for_one(self, then: Callable[[], None]) -> None:
        """Ask for the forms of the one signal, and for the rest once they are there."""
        subject, row = self.subject, self.row
        if subject is not None:
            self._ask("picture", "rendering", lambda: forms_of(subject, row), self._show_forms, then=then)

    def _look_around(self, *events: param.parameterized.Event) -> None:
        """Ask how good the one signal's code is, and which others are like it."""
        subject, row = self.subject, self.row
        if subject is None:
            return
        space = self.state.neighbors if self.state.neighbors in self.spaces else subject.space
        self._ask("numbers", "comparing", lambda: numbers_of(subject, row), self._show_numbers)
        self._ask("neighbors", "looking around", lambda: neighbors_of(subject, row, space), self.neighbors.show)

    def _look_at_map(self, *events: param.parameterized.Event) -> None:
        """PCA at once; UMAP as soon as it is there, and from then on."""
        subject, projection = self.subject, self.state.projection
        if subject is None:
            return
        kind = (projection, subject.space)
        if projection == "pca" or self._shown != kind:
            self._ask("map", "projecting", lambda: subject.layout("pca"), lambda layout: self._show_early(layout, kind))
        if projection != "pca":
            word = f"making the {projection.upper()} map"
            self._ask(
                "umap",
                word,
                lambda: subject.layout(projection),
                lambda layout: self._show_layout(layout, kind),
                long=True,
            )

    def _ask(
        self,
        slot: str,
        word: str,
        work: Callable[[], Any],
        show: Callable[[Any], None],
        *,
        long: bool = False,
        then: Callable[[], None] | None = None,
    ) -> None:
        """Ask in a slot; an answer about other signals than those that are loaded by then is not shown."""
        era = self._era
        self.calls.latest(slot, Call(word, work, lambda result: show(result) if era == self._era else None, long, then))

    # -- showing

    def _show_forms(self, forms: Any) -> None:
        self.sample.forms = forms

    def _show_numbers(self, numbers: dict[str, Any]) -> None:
        self.sample.numbers = numbers

    def _show_clusters(self, labels: np.ndarray) -> None:
        self._labels = labels
        self._color()

    def _show_psnr(self, psnr_db: np.ndarray) -> None:
        self._psnr = psnr_db
        self._color()

    def _show_early(self, layout: np.ndarray, kind: tuple[str, str]) -> None:
        """A PCA map, unless what it stands in for has come meanwhile."""
        if kind[0] == "pca" or self._shown != kind:
            self._show_layout(layout, ("pca", kind[1]))

    def _show_layout(self, layout: np.ndarray, kind: tuple[str, str]) -> None:
        before = self.map.layout if self._shown == kind and len(self.map.layout) == len(layout) else None
        self._shown = kind
        self.map.param.update(layout=layout, moved_from=before, **self._values(len(layout)))

    def _color(self, *events: param.parameterized.Event) -> None:
        subject = self.subject
        if subject is None:
            return
        if self.state.color == "psnr_db" and self._psnr is None:
            self._ask("quality", "comparing", subject.psnr_db, self._show_psnr)
        if len(self.map.layout):
            self.map.param.update(**self._values(len(self.map.layout)))

    def _values(self, n: int) -> dict[str, Any]:
        """What colours the map: labels, clusters or a metric, as far as it is known; else nothing does."""
        signals = self.loaded.signals
        if self.state.color == "label" and signals.labels is not None:
            return {"values": signals.labels, "names": signals.class_names, "values_label": "label"}
        if self.state.color == "psnr_db" and self._psnr is not None:
            return {"values": self._psnr, "names": (), "values_label": "PSNR [dB]"}
        if self.state.color == "cluster" and self._labels is not None:
            names = tuple(map(str, range(int(self._labels.max(initial=-1)) + 1)))
            return {"values": self._labels, "names": names, "values_label": "cluster"}
        return {"values": np.full(n, -1), "names": (), "values_label": ""}

    def _thumbnails(self, rows: Sequence[int]) -> list[str]:
        if self.loaded is None:
            return []
        return [png_uri(image) for image in thumbnails(self.loaded.signals, rows, CARD_SIZE)]

    def _go_to(self, event: param.parameterized.Event) -> None:
        if event.new >= 0:
            self.state.selection = [event.new]

    def _dress(self, *events: param.parameterized.Event) -> None:
        self.map.dark = self.gallery.dark = self.scores.dark = self.state.dark
        self.sample.param.update(dark=self.state.dark, truth=self.state.truth, error=self.state.error)

    # -- computing ahead

    def _ask_ahead(self) -> None:
        """Ask for the next resolution, the closest first, that has no scores yet."""
        subject, here = self.subject, nearest_stop(self.stops, self.state.resolution)
        waiting = [i for i, stop in enumerate(self.stops) if stop.size not in self.scores.control]
        if subject is None or not waiting:
            return
        stop = self.stops[min(waiting, key=lambda i: abs(i - here))]
        other, row = subject.at(stop.sampling(self.state.uneven)), self.row
        projection = self._shown[0] if self._shown else "pca"

        def work() -> tuple[str, int, Any, Any]:
            score = other.score()
            other.clusters()
            other.layout(projection)
            forms_of(other, row)
            neighbors_of(other, row, other.space)
            return how(subject), stop.size, score, other.control()

        self._ask("ahead", "computing ahead", work, self._show_scores, long=True)

    def _show_scores(self, scored: tuple[str, int, Any, Any]) -> None:
        what, size, ours, control = scored
        if what == self.scores.how:
            self.scores.param.update(
                ours=self.scores.ours | {size: ours}, control=self.scores.control | {size: control}
            )
        self._ask_gallery()
        self._ask_ahead()


def gallery_of(subjects: Mapping[str, Subject], chosen: Sequence[int]) -> tuple[Lines, Lines, dict[str, np.ndarray]]:
    """Pictures of the first members of each cluster, and of chosen signals, as each subject observes them.

    Returns:
        By title: cluster -> [(row, data URI)]; [(row, data URI)] of the chosen; the clusters' numbers [n].
    """
    members: Lines = {}
    picked: Lines = {}
    labels = {title: subject.clusters() for title, subject in subjects.items()}
    for title, subject in subjects.items():
        clusters = {int(c): np.flatnonzero(labels[title] == c)[:MEMBERS] for c in np.unique(labels[title])}
        rows = np.concatenate([*clusters.values(), np.array(chosen, np.int64)])
        images = thumbnails(subject.signals, rows, TILE_SIZE, subject.sampling)
        pairs = iter([(int(row), png_uri(image)) for row, image in zip(rows, images, strict=True)])
        members[title] = {cluster: list(islice(pairs, len(rows))) for cluster, rows in clusters.items()}
        picked[title] = list(pairs)
    return members, picked, labels


def neighbors_of(subject: Subject, row: int, space: str) -> list[Picture]:
    """Pictures of the signals that are most like one."""
    rows, distances = subject.nearest(row, space, NEIGHBORS)
    return [
        picture(image, NEIGHBOR_SIZE, name_of(subject.signals, int(other)), f"distance {distance:.3g}", int(other))
        for image, other, distance in zip(
            thumbnails(subject.signals, rows, NEIGHBOR_SIZE), rows, distances, strict=True
        )
    ]


def how(subject: Subject) -> str:
    """How the clusters were found, in words."""
    k = f", K {subject.clusters_wanted}" if subject.clusters_wanted and subject.method != "hdbscan" else ""
    uneven = "" if subject.sampling.is_grid else ", uneven samples"
    return f"{subject.method}{k}, seed 0, space {subject.space or subject.reference.spaces[0]}{uneven}"


def _opened(library: Library, name: str, checkpoint: str) -> tuple[SignalSet, Subject | None, Menu, Entry | None]:
    """The signals, what can be chosen for them, and the checkpoint: the one that is wished or the best that fits."""
    signals = library.signals(name)
    menu = library.menu(signals)
    wished = [entry for entry in menu.checkpoints if checkpoint and entry.id.startswith(checkpoint)]
    entry = next(iter([*wished, *menu.checkpoints]), None)
    if entry is None:
        return signals, None, menu, None
    subject = Subject(library, signals, library.checkpoint(entry.id), Sampling().on(signals))
    subject.reference  # noqa: B018  fetched here, in a thread, since the page reads its spaces
    return signals, subject, menu, entry
