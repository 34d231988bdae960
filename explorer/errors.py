"""What can go wrong, in words for the person in front of it: what was got, what was expected, what to do."""


class ExplorerError(Exception):
    """The family of all errors that are meant to be read by a person."""


class InvalidInput(ExplorerError, ValueError):
    """A value, file or request that cannot be used as it is."""


class NotFound(ExplorerError, LookupError):
    """A name or id that nothing here answers to."""


class MissingExtra(ExplorerError, ImportError):
    """A feature whose optional packages are not installed."""


class Unauthorized(ExplorerError):
    """A request without the token that the model server asks for."""


class ServerUnavailable(ExplorerError, ConnectionError):
    """A model server that does not answer."""


class StoreError(ExplorerError, OSError):
    """A store that cannot be read or written: full, damaged or forbidden."""


class JobFailed(ExplorerError):
    """A job that ended without a result."""


class Cancelled(ExplorerError):
    """Work that was stopped because somebody asked for it."""


class Paused(Cancelled):
    """Work that was stopped so that it can go on later from where it was."""


class OutOfMemory(ExplorerError, MemoryError):
    """Work that did not fit, even in its smallest pieces."""
