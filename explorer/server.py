"""The model server: an Engine over HTTP. Requests are JSON recipes; arrays travel as safetensors, never inside JSON."""

import gc
import json
import os
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import uvicorn
from anyio import CapacityLimiter, to_thread
from fastapi import Body, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explorer import errors
from explorer.child import tell_address, wait_until_left
from explorer.connection import Connection
from explorer.errors import ExplorerError, InvalidInput
from explorer.messages import RECIPES, AnyRecipe, Entry, JobState, Moment, Recipe, UploadState, check_hash
from explorer.readings import Options
from explorer.tokens import opens
from explorer.uploads import LIMIT_BYTES as UPLOAD_LIMIT_BYTES

if TYPE_CHECKING:
    from explorer.local import LocalEngine

JSON_LIMIT_BYTES = 2 * 2**20
JSON_LIMIT_PARTS = 50_000
"""Lists and objects in one request: each is made, whatever becomes of it, while nobody else is answered."""

WRITTEN_AT_ONCE_BYTES = 2**21
LISTENERS = 256
"""Threads that only wait for jobs, apart from those that answer; whoever comes after so many hears of a job later."""
ARTIFACT_TYPE = "application/vnd.safetensors"

_STATUS = {
    errors.NotFound: 404,
    errors.InvalidInput: 422,
    errors.MissingExtra: 422,
    errors.Unauthorized: 401,
    errors.Cancelled: 409,
    errors.StoreError: 507,
    errors.OutOfMemory: 507,
}


def _refusal(error: ExplorerError, status: int | None = None) -> JSONResponse:
    code = status or next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
    return JSONResponse({"error": type(error).__name__, "message": str(error)}, code)


class Guard:
    """Before any route: the token, and the size of the body, counted as it arrives."""

    def __init__(self, app: ASGIApp, token: str):
        self.app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return  # there are no websockets here
        scheme, _, given = dict(scope["headers"]).get(b"authorization", b"").partition(b" ")
        if scheme != b"Bearer" or not opens(given, self._token):
            error = errors.Unauthorized(
                "This model server asks for its token, or a pass that still holds; set EXPLORER_TOKEN or pass token=."
            )
            return await _refusal(error)(scope, receive, send)
        is_json = not scope["path"].startswith(("/v1/artifacts/", "/v1/uploads/"))
        limit = JSON_LIMIT_BYTES if is_json or scope["method"] == "POST" else UPLOAD_LIMIT_BYTES
        received = parts = 0

        def excess() -> str:
            if received > limit:
                return f"a body of more than {limit / 2**20:.0f} MiB"
            return f"more than {JSON_LIMIT_PARTS:,} lists and objects" if parts > JSON_LIMIT_PARTS else ""

        async def counted() -> Message:
            nonlocal received, parts
            message = await receive()
            body = message.get("body", b"")
            received += len(body)
            parts += body.count(b"[") + body.count(b"{") if is_json else 0
            if excess():
                raise ClientDisconnect  # to the route the body ends here
            return message

        async def unless_too_large(message: Message) -> None:
            if not excess():
                await send(message)

        try:
            await self.app(scope, counted, unless_too_large)
        except ClientDisconnect:
            pass
        if excess():
            await _refusal(InvalidInput(f"Got {excess()}; expected less. Send less at once."), 413)(
                scope, receive, send
            )


def make_server(engine: "LocalEngine", token: str) -> ASGIApp:
    """An ASGI application that serves an engine to those who know the token."""
    app = FastAPI(title="Explorer model server", version="1", docs_url=None, redoc_url=None, redirect_slashes=False)
    _refuse_in_words(app)
    _serve_recipes(app, engine)
    _serve_artifacts(app, engine)
    _serve_uploads(app, engine)
    _serve_jobs(app, engine)
    return Guard(app, token)


def _refuse_in_words(app: FastAPI) -> None:
    """On the loop itself: a thread for each refusal, while many are refused, keeps everybody else waiting."""

    @app.exception_handler(ExplorerError)
    async def _(request: Request, error: ExplorerError) -> Response:
        return _refusal(error)

    @app.exception_handler(RequestValidationError)
    async def _(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return _refusal(InvalidInput(f"Got a request that does not fit at {where}: {first['msg']}."))

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> Response:
        kind = errors.NotFound if error.status_code == 404 else InvalidInput
        return _refusal(kind(f"{request.method} {request.url.path}: {error.detail}."), error.status_code)


async def _received(engine: "LocalEngine", state: UploadState, request: Request) -> UploadState:
    """A body, written to its upload as it comes."""
    held: list[bytes] = []

    async def flush() -> UploadState:
        pieces, held[:] = held[:], []
        return await run_in_threadpool(engine.send, state.id, state.received, pieces)

    async for piece in request.stream():
        held.append(piece)
        if sum(map(len, held)) >= WRITTEN_AT_ONCE_BYTES:
            state = await flush()
    return await flush()


def _serve_recipes(app: FastAPI, engine: "LocalEngine") -> None:
    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/v1/engine")
    def describe() -> dict[str, Any]:
        return dict(engine.describe())

    def serve(kind: type[Recipe]) -> None:
        name = kind.__name__.lower()

        def answer(recipe: Any, arrays: Annotated[bool, Query()] = True) -> Response:
            if job := engine.job_before(recipe):
                return JSONResponse(asdict(job.state), 202)
            if not arrays:
                return JSONResponse(dict(engine.ensure(recipe)))
            return Response(engine.run(recipe).to_bytes(), media_type=ARTIFACT_TYPE)

        answer.__annotations__["recipe"] = kind
        waits: dict[int | str, dict[str, Any]] = {
            202: {"model": JobState, "description": "A job that has to end first; ask again after it."}
        }
        app.post(f"/v1/run/{name}", summary=kind.__doc__, name=name, response_class=Response, responses=waits)(answer)

    for kind in RECIPES:
        serve(kind)

    @app.get("/v1/results/{key}")
    def result(key: str) -> dict[str, str]:
        return {"id": engine.result_id(key)}


def _serve_artifacts(app: FastAPI, engine: "LocalEngine") -> None:
    @app.get("/v1/artifacts/{id}", response_class=Response)
    def artifact(id: str) -> Response:
        return Response(engine.artifact(id).to_bytes(), media_type=ARTIFACT_TYPE)

    @app.head("/v1/artifacts/{id}", response_class=Response)
    def has(id: str) -> Response:
        return Response(status_code=200 if engine.has(id) else 404)

    @app.put("/v1/artifacts/{id}")
    async def put(id: str, request: Request, name: Annotated[str, Query(max_length=200)]) -> dict[str, str]:
        """An upload in one go, of bytes that are an artifact already."""
        check_hash(id)
        length = request.headers.get("content-length")
        if length is None:
            raise InvalidInput("Got a body of unknown length; expected a Content-Length. Say how many bytes come.")
        upload = await run_in_threadpool(engine.start_upload, name, int(length))
        try:
            await _received(engine, upload, request)
            return {"id": await run_in_threadpool(engine.keep, upload.id, id, name)}
        finally:
            with suppress(errors.NotFound):
                await run_in_threadpool(engine.drop_upload, upload.id)

    @app.get("/v1/entries/{kind}")
    def entries(kind: str) -> list[Entry]:
        return engine.entries(kind)

    @app.patch("/v1/entries/{id}")
    def rename(
        id: str,
        name: Annotated[str, Body(min_length=1, max_length=200)],
        note: Annotated[str | None, Body(max_length=10_000)] = None,
    ) -> None:
        engine.rename(id, name, note)

    @app.delete("/v1/entries/{id}")
    def delete(id: str) -> None:
        engine.delete(id)

    @app.post("/v1/entries/{id}/restore")
    def restore(id: str) -> None:
        engine.restore(id)


def _serve_uploads(app: FastAPI, engine: "LocalEngine") -> None:
    @app.post("/v1/uploads")
    def start_upload(
        name: Annotated[str, Body(min_length=1, max_length=1000)],
        size: Annotated[int, Body(ge=0, le=2**53)],
        owner: Annotated[str, Body(max_length=200)] = "",
    ) -> UploadState:
        return engine.start_upload(name, size, owner)

    @app.get("/v1/uploads/{id}")
    def upload_state(id: str) -> UploadState:
        return engine.upload_state(id)

    @app.patch("/v1/uploads/{id}")
    async def send(id: str, offset: Annotated[int, Query(ge=0)], request: Request) -> UploadState:
        """A broken connection leaves what was there until then."""
        state = await run_in_threadpool(engine.upload_state, id)
        if offset != state.received:  # said in the engine's own words
            return await run_in_threadpool(engine.send, id, offset, [])
        return await _received(engine, state, request)

    @app.delete("/v1/uploads/{id}")
    def drop_upload(id: str) -> None:
        engine.drop_upload(id)

    @app.post("/v1/uploads/{id}/reading", response_class=Response)
    def look_at(id: str, options: Annotated[dict[str, Any], Body()]) -> Response:
        reading = engine.look_at(id, Options.from_json(options))
        return Response(reading.to_artifact().to_bytes(), media_type=ARTIFACT_TYPE)

    @app.post("/v1/uploads/{id}/take")
    def take(
        id: str,
        options: Annotated[dict[str, Any], Body()],
        into: Annotated[str, Query(pattern="^([0-9a-f]{64})?$")] = "",
    ) -> dict[str, str]:
        return {"id": engine.take(id, Options.from_json(options), into)}

    @app.get("/v1/originals/{id}")
    def original(id: str) -> dict[str, str]:
        return {"name": engine.original(id)[0]}

    @app.get("/v1/originals/{id}/bytes", response_class=StreamingResponse)
    def original_bytes(id: str) -> StreamingResponse:
        headers = {"X-Content-Type-Options": "nosniff", "Content-Disposition": "attachment"}
        return StreamingResponse(engine.original(id)[1], media_type="application/octet-stream", headers=headers)


def _serve_jobs(app: FastAPI, engine: "LocalEngine") -> None:
    listening = CapacityLimiter(LISTENERS)

    @app.post("/v1/jobs")
    def submit(recipe: Annotated[AnyRecipe, Body(discriminator="op")]) -> JobState:
        return engine.submit(recipe).state

    @app.get("/v1/jobs")
    def jobs() -> list[JobState]:
        return engine.jobs()

    @app.get("/v1/jobs/{id}")
    def job(id: str) -> JobState:
        return engine.job(id)

    @app.get("/v1/jobs/{id}/events", response_class=StreamingResponse)
    def events(id: str) -> StreamingResponse:
        engine.job(id)

        async def lines() -> AsyncIterator[str]:
            states = engine.job_events(id)
            while state := await to_thread.run_sync(next, states, None, limiter=listening):
                yield json.dumps(asdict(state)) + "\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    @app.delete("/v1/jobs/{id}")
    def cancel(id: str) -> None:
        engine.cancel_job(id)

    @app.post("/v1/jobs/{id}/pause")
    def pause(id: str) -> None:
        engine.pause_job(id)

    @app.post("/v1/jobs/{id}/resume")
    def resume(id: str) -> None:
        engine.resume_job(id)

    @app.get("/v1/jobs/{id}/history")
    def history(id: str) -> list[Moment]:
        return engine.job_history(id)


def serve(engine: "LocalEngine", token: str, host: str = "127.0.0.1", port: int = 8765, *, child: bool = False) -> None:
    """Serve until stopped. Prints one line of JSON with the address when requests are answered.

    Args:
        port: 0 takes a free one.
        child: tell the address to the dashboards of this home, and end when the last of them has: see ``child.py``.
    """
    listener = socket.create_server((host, port))
    # asyncio only does this for sockets made with an explicit protocol; without it each answer waits 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    engine.start()
    app = make_server(engine, token)
    config = uvicorn.Config(app, http=Connection, log_level="warning", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    if child:
        threading.Thread(target=_end_when_left, args=(server,), daemon=True).start()
    url = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
    if child:
        tell_address(url)
    else:
        print(json.dumps({"url": url}), flush=True)
    gc.freeze()  # what was imported is no garbage; to look through it now and then takes 75 ms and keeps all waiting
    try:
        server.run(sockets=[listener])
    finally:
        engine.close()


def _end_when_left(server: uvicorn.Server) -> None:
    wait_until_left()
    server.should_exit = True
    threading.Timer(5, os._exit, args=(0,)).start()
