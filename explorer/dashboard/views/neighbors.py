"""Pictures of the signals that are most like one."""

from explorer.dashboard.subject import Subject
from explorer.dashboard.views.pixels import Picture, picture
from explorer.dashboard.views.sample import name_of
from explorer.dashboard.views.thumbnails import thumbnails

COUNT, SIZE = 7, 48


def neighbors_of(subject: Subject, row: int, space: str) -> list[Picture]:
    """Ask for the nearest in a space, the closest first; a click on one selects it."""
    rows, distances = subject.nearest(row, space, COUNT)
    return [
        picture(image, SIZE, name_of(subject.signals, int(other)), f"distance {distance:.3g}", int(other))
        for image, other, distance in zip(thumbnails(subject.signals, rows, SIZE), rows, distances, strict=True)
    ]
