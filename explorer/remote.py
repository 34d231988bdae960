"""RemoteEngine: the Engine over HTTP."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from explorer import errors
from explorer.artifacts import Artifact, canonical_json
from explorer.engine import Engine, Job, OnProgress
from explorer.errors import ExplorerError, ServerUnavailable
from explorer.memo import Memo
from explorer.messages import Entry, JobState, Moment, Progress, Recipe, UploadState
from explorer.readings import Options, Reading


class RemoteEngine(Engine):
    """An engine on a model server.

    Args:
        url: for instance ``http://gpu-machine:8765``.
        token: what the server asks for.
        memory_bytes: how much of what came over the wire stays at hand.
    """

    def __init__(self, url: str, token: str | None = None, memory_bytes: int = 2**28):
        self._http = client(url, token)
        self._results: Memo[Artifact] = Memo(memory_bytes, lambda artifact: artifact.nbytes)

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        with _reaching(self._http) as http:
            response = http.request(method, path, **options)
        _raise_for(response)
        return response

    # -- recipes

    def run(self, recipe: Recipe, report: OnProgress | None = None) -> Artifact:
        return self._results(recipe.key, lambda: self._fetched(recipe, report))

    def _fetched(self, recipe: Recipe, report: OnProgress | None) -> Artifact:
        return Artifact.from_bytes(self._made(recipe, report, arrays=True).content)

    def ensure(self, recipe: Recipe, report: OnProgress | None = None) -> Mapping[str, Any]:
        return self._made(recipe, report, arrays=False).json()

    def _made(self, recipe: Recipe, report: OnProgress | None, arrays: bool) -> httpx.Response:
        """The answer, after the jobs that the server says have to end first."""
        while True:
            response = self._ask(
                "POST",
                f"/v1/run/{type(recipe).__name__.lower()}",
                params={"arrays": arrays},
                content=canonical_json(recipe.to_json()),
                headers={"Content-Type": "application/json"},
            )
            if response.status_code != httpx.codes.ACCEPTED:
                return response
            Job(self, _job_state(response.json())).until_done(report)

    # -- keeping

    def put(self, artifact: Artifact, name: str) -> str:
        return self._ask(
            "PUT", f"/v1/artifacts/{artifact.id}", params={"name": name}, content=artifact.to_bytes()
        ).json()["id"]

    def artifact(self, id: str) -> Artifact:
        return self._results(id, lambda: Artifact.from_bytes(self._ask("GET", f"/v1/artifacts/{id}").content))

    def has(self, id: str) -> bool:
        try:
            self._ask("HEAD", f"/v1/artifacts/{id}")
        except errors.NotFound:
            return False
        return True

    def result_id(self, key: str) -> str:
        return self._ask("GET", f"/v1/results/{key}").json()["id"]

    def entries(self, kind: str) -> list[Entry]:
        return [Entry(**entry) for entry in self._ask("GET", f"/v1/entries/{kind}").json()]

    def rename(self, id: str, name: str, note: str | None = None) -> None:
        self._ask("PATCH", f"/v1/entries/{id}", json={"name": name, "note": note})

    def delete(self, id: str) -> None:
        self._ask("DELETE", f"/v1/entries/{id}")

    def restore(self, id: str) -> None:
        self._ask("POST", f"/v1/entries/{id}/restore")

    # -- uploads

    def start_upload(self, name: str, size: int, owner: str = "") -> UploadState:
        wish = {"name": name, "size": size, "owner": owner}
        return UploadState(**self._ask("POST", "/v1/uploads", json=wish).json())

    def send(self, upload: str, offset: int, pieces: Iterable[bytes]) -> UploadState:
        # An iterator lets go of what it has given; a list would be held until the garbage of httpx is collected.
        answer = self._ask("PATCH", f"/v1/uploads/{upload}", params={"offset": offset}, content=iter(pieces))
        return UploadState(**answer.json())

    def upload_state(self, upload: str) -> UploadState:
        return UploadState(**self._ask("GET", f"/v1/uploads/{upload}").json())

    def drop_upload(self, upload: str) -> None:
        self._ask("DELETE", f"/v1/uploads/{upload}")

    def look_at(self, upload: str, options: Options) -> Reading:
        answer = self._ask("POST", f"/v1/uploads/{upload}/reading", json=options.to_json())
        return Reading.from_artifact(Artifact.from_bytes(answer.content))

    def take(self, upload: str, options: Options, into: str = "") -> str:
        where = {"into": into} if into else {}
        answer = self._ask("POST", f"/v1/uploads/{upload}/take", params=where, json=options.to_json())
        return answer.json()["id"]

    def original(self, id: str) -> tuple[str, Iterator[bytes]]:
        name = self._ask("GET", f"/v1/originals/{id}").json()["name"]

        def pieces() -> Iterator[bytes]:
            with self._http.stream("GET", f"/v1/originals/{id}/bytes") as response:
                if response.is_error:
                    response.read()
                _raise_for(response)
                yield from response.iter_bytes(2**20)

        return name, pieces()

    # -- jobs

    def submit(self, recipe: Recipe) -> Job:
        return Job(self, _job_state(self._ask("POST", "/v1/jobs", json=recipe.to_json()).json()))

    def jobs(self) -> list[JobState]:
        return [_job_state(job) for job in self._ask("GET", "/v1/jobs").json()]

    def job(self, id: str) -> JobState:
        return _job_state(self._ask("GET", f"/v1/jobs/{id}").json())

    def job_events(self, id: str) -> Iterator[JobState]:
        with _reaching(self._http) as http, http.stream("GET", f"/v1/jobs/{id}/events") as response:
            if response.is_error:
                response.read()
            _raise_for(response)
            for line in response.iter_lines():
                yield _job_state(json.loads(line))

    def cancel_job(self, id: str) -> None:
        self._ask("DELETE", f"/v1/jobs/{id}")

    def pause_job(self, id: str) -> None:
        self._ask("POST", f"/v1/jobs/{id}/pause")

    def resume_job(self, id: str) -> None:
        self._ask("POST", f"/v1/jobs/{id}/resume")

    def job_history(self, id: str) -> list[Moment]:
        moments = self._ask("GET", f"/v1/jobs/{id}/history").json()
        return [Moment(seconds=m["seconds"], progress=Progress(**m["progress"])) for m in moments]

    # -- itself

    def describe(self) -> Mapping[str, Any]:
        return self._ask("GET", "/v1/engine").json()

    def close(self) -> None:
        self._http.close()


def client(url: str, token: str | None) -> httpx.Client:
    """What speaks to a model server."""
    return httpx.Client(
        base_url=url.rstrip("/"),
        headers={"Authorization": f"Bearer {token}"} if token else {},
        # Work may take as long as it takes; only connecting may not.
        timeout=httpx.Timeout(None, connect=5),
        limits=httpx.Limits(max_connections=64),
        trust_env=False,
    )


@contextmanager
def _reaching(http: httpx.Client) -> Iterator[httpx.Client]:
    """Raises ServerUnavailable where nobody answers, or stops in the middle."""
    try:
        yield http
    except httpx.TransportError as error:
        raise ServerUnavailable(
            f"No answer from the model server at {http.base_url} ({type(error).__name__}). Is `explorer serve` running?"
        ) from None


def _raise_for(response: httpx.Response) -> None:
    """The server's error as the exception that it was there."""
    if response.is_success:
        return
    if response.status_code == 404 and response.request.method == "HEAD":
        raise errors.NotFound("Got an id that is not here.")
    try:
        body = response.json()
        kind, message = getattr(errors, body["error"]), body["message"]
    except (ValueError, KeyError, TypeError, AttributeError):
        kind, message = ExplorerError, f"The model server answered {response.status_code}; see its log."
    raise kind(message)


def _job_state(fields: Mapping[str, Any]) -> JobState:
    progress = fields.get("progress")
    return JobState(**{**fields, "progress": Progress(**progress) if progress else None})
