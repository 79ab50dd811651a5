"""Serves the models of a folder over HTTP, with the Open Inference Protocol (version 2).

docs/variants.md of the project describes how it is used, and every setting. The server listens on
all interfaces of its container, and demands a token for all but its health.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hmac
import os
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import uvicorn
from serving_connections import BoundedConnection, OneLength
from serving_models import LoadedModel, UnusableModel, select_outputs
from serving_protocol import BadRequest, read_request, write_answer
from serving_workers import ModelFailed, ModelFolder, ModelWorkers
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

PORT = 8000
BODY_S = 60
"""How long a client may take to send a body."""

DISCARDED = 4
"""How many times the limit of a body is read, at most, before the connection is closed."""

CLOSE = {"Connection": "close"}
DRAIN_S = 30
"""How long requests that run may take after SIGTERM."""

JSON_LENGTH = "Inference-Header-Content-Length"
USAGE = 2
"""The exit code for settings that are wrong."""

Endpoint = Callable[[Request], Awaitable[Response]]


class WrongSettings(Exception):
    """A setting that cannot be used; the text is one line that says which and why."""


@dataclass(frozen=True)
class Settings:
    """The settings of this server. `max_bytes` are those of a body, `max_requests` run at once.

    `max_rows` is the most rows of a batch that requests share; 1: they share none.
    """

    folder: Path
    token: str
    devices: tuple[torch.device, ...]
    max_bytes: int
    max_requests: int
    max_rows: int


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings in the variables of the environment. Raises WrongSettings."""
    folder = Path(environ.get("SERVING_MODELS") or "/models")
    if not folder.is_dir():
        raise WrongSettings(
            f"no folder {folder}: start the container with --volume FOLDER:{folder}:ro"
        )
    return Settings(
        folder,
        read_token(environ),
        find_devices(environ.get("SERVING_DEVICE") or "auto"),
        _read_number(environ, "SERVING_MAX_MEGABYTES", 64) * 1_000_000,
        _read_number(environ, "SERVING_MAX_REQUESTS", 64),
        _read_number(environ, "SERVING_BATCH", 1),
    )


def read_token(environ: Mapping[str, str]) -> str:
    """Return the token of the variables; a new one, which is printed, if there is none."""
    token, file = environ.get("SERVING_TOKEN", "").strip(), environ.get("SERVING_TOKEN_FILE", "")
    if file and not token:
        try:
            token = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise WrongSettings(f"SERVING_TOKEN_FILE: {file} cannot be read: {error}") from None
        if not token:
            raise WrongSettings(f"SERVING_TOKEN_FILE: {file} is empty")
    if not token:
        token = secrets.token_hex(24)
        print(f"serving: the token of this start is {token}", flush=True)
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise WrongSettings("the token has a blank, or a sign that is not printable ASCII")
    return token


def find_devices(wanted: str) -> tuple[torch.device, ...]:
    """Return the devices that models run on: `auto` is every GPU, or the CPU if there is none."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "cpu" or (wanted == "auto" and not count):
        return (torch.device("cpu"),)
    if wanted not in ("auto", "cuda"):
        raise WrongSettings("SERVING_DEVICE is not auto, cpu or cuda")
    if not count:
        raise WrongSettings("SERVING_DEVICE is cuda, and torch sees no GPU: start with --gpus all")
    return tuple(torch.device("cuda", place) for place in range(count))


def _read_number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= 6 and int(text) > 0):
        raise WrongSettings(f"{name} is not a number from 1 to 999999")
    return int(text)


class Server:
    """The endpoints of the protocol, over the models of a folder."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.workers = ModelWorkers(settings.devices, settings.max_rows)
        self.folder = ModelFolder(settings.folder, settings.devices)
        self._running = 0

    def make_app(self) -> Starlette:
        """Return the application. Only the two routes of its health need no token."""
        endpoints: dict[str, Endpoint] = {
            "/v2": self.describe_server,
            "/v2/models": self.list_models,
            "/v2/models/{name}": self.describe_model,
            "/v2/models/{name}/ready": self.describe_model,
        }
        routes = [Route(path, self.guard(endpoint)) for path, endpoint in endpoints.items()]
        routes.append(Route("/v2/models/{name}/infer", self.guard(self.infer), methods=["POST"]))
        routes.append(Route("/v2/health/live", self.tell_life))
        routes.append(Route("/v2/health/ready", self.tell_readiness))
        handlers = {HTTPException: tell_refusal, Exception: tell_fault}
        made = Starlette(
            routes=routes,
            exception_handlers=handlers,
            lifespan=self.run_beside,
            middleware=[Middleware(OneLength)],
        )
        made.router.redirect_slashes = False  # it would lead to the host that the request names
        return made

    @contextlib.asynccontextmanager
    async def run_beside(self, _: Starlette) -> AsyncIterator[None]:
        """Run the models, and watch their folder, while requests are served."""
        tasks = [asyncio.create_task(self.folder.watch()), *self.workers.start()]
        for task in tasks:
            task.add_done_callback(_end_with_task)
        yield
        for task in tasks:
            task.remove_done_callback(_end_with_task)
            task.cancel()

    def guard(self, endpoint: Endpoint) -> Endpoint:
        """Return an endpoint that refuses requests without the token."""
        right = f"Bearer {self.settings.token}".encode()

        @functools.wraps(endpoint)
        async def guarded(request: Request) -> Response:
            given = request.headers.get("authorization", "").encode("latin-1", "replace")
            if not hmac.compare_digest(given, right):
                headers = {"WWW-Authenticate": "Bearer"}
                raise HTTPException(401, "send the header `Authorization: Bearer TOKEN`", headers)
            return await endpoint(request)

        return guarded

    async def tell_life(self, _: Request) -> Response:
        """Answer that the server runs."""
        return JSONResponse({"live": True})

    async def tell_readiness(self, _: Request) -> Response:
        """Answer whether every model that was there at the start has been looked at."""
        ready = self.folder.is_read
        return JSONResponse({"ready": ready}, 200 if ready else 503)

    async def describe_server(self, _: Request) -> Response:
        """Answer the server's metadata."""
        extensions = ["binary_tensor_data"]
        facts = {"name": "pytorch-cuda-images", "version": torch.__version__}
        return JSONResponse({**facts, "extensions": extensions})

    async def list_models(self, _: Request) -> Response:
        """Answer the metadata of every model, and why an archive is not served."""
        served = [self.folder.models[name].describe() for name in sorted(self.folder.models)]
        return JSONResponse({"models": served, "unusable": self.folder.unusable})

    async def describe_model(self, request: Request) -> Response:
        """Answer the metadata of one model."""
        return JSONResponse(self._model_of(request).describe())

    async def infer(self, request: Request) -> Response:
        """Answer the outputs of a model for the inputs in the body."""
        if self._running >= self.settings.max_requests:
            raise HTTPException(503, "too many requests run: try again", {"Retry-After": "1"})
        self._running += 1
        try:
            return await self._answer_request(request)
        except BadRequest as error:
            raise HTTPException(400, str(error)) from None
        except (ModelFailed, UnusableModel) as error:
            status = error.status if isinstance(error, ModelFailed) else 500
            raise HTTPException(status, str(error)) from None
        finally:
            self._running -= 1

    async def _answer_request(self, request: Request) -> Response:
        model = self._model_of(request)
        body = await self._read_body(request)
        query = await run_in_threadpool(read_request, body, request.headers.get(JSON_LENGTH))
        inputs = await run_in_threadpool(model.order_inputs, query.inputs)
        outputs = await self.workers.run_model(model, inputs)
        head = {"model_name": model.name, "model_version": model.version}
        chosen = select_outputs(outputs, query.wanted)
        answer, length = await run_in_threadpool(write_answer, head, chosen, query)
        if length is None:
            return Response(answer, media_type="application/json")
        headers = {JSON_LENGTH: str(length)}
        return Response(answer, media_type="application/octet-stream", headers=headers)

    def _model_of(self, request: Request) -> LoadedModel:
        name = request.path_params["name"]
        if name in self.folder.models:
            return self.folder.models[name]
        if name in self.folder.unusable:
            raise HTTPException(
                503, f"model {name} could not be loaded: {self.folder.unusable[name]}"
            )
        raise HTTPException(404, "there is no such model: GET /v2/models lists them")

    async def _read_body(self, request: Request) -> bytes:
        """Return the body. Of one that is too long, some more is read and forgotten.

        A client that still sends would find its connection broken, and not see the answer.
        """
        limit, stated = self.settings.max_bytes, request.headers.get("content-length", "0")
        most = DISCARDED * limit
        size = int(stated) if stated.isdigit() and len(stated) < 16 else most + 1
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_S):
                if size <= most:
                    size = 0
                    async for chunk in request.stream():
                        size += len(chunk)
                        if size <= limit:
                            body += chunk
                        if size > most:
                            break
        except TimeoutError:
            raise HTTPException(408, f"the body took more than {BODY_S} s", CLOSE) from None
        except ClientDisconnect:
            raise HTTPException(400, "the body ended early") from None
        if size > limit:
            raise HTTPException(413, f"the body has more than {limit} bytes", CLOSE)
        return bytes(body)


async def tell_refusal(_: Request, error: HTTPException) -> Response:
    """Answer a refusal: one line of JSON."""
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def tell_fault(_: Request, __: Exception) -> Response:
    """Answer a fault of this server, without a word about its inside; the log has it."""
    return JSONResponse({"error": "the server failed: its log says why"}, 500)


def _end_with_task(task: asyncio.Task[None]) -> None:
    """End the server if a task that it needs has ended: the engine starts it again."""
    print(f"serving: a part of the server ended: {task}", file=sys.stderr, flush=True)
    os._exit(1)


def main() -> int:
    """Serve until SIGTERM."""
    try:
        settings = read_settings(os.environ)
    except WrongSettings as error:
        print(f"serving: {error}", file=sys.stderr)
        return USAGE
    places = ", ".join(map(str, settings.devices))
    print(f"serving: models of {settings.folder} on {places}, port {PORT}", flush=True)
    uvicorn.run(
        Server(settings).make_app(),
        host="0.0.0.0",  # noqa: S104 - `docker run --publish` reaches no other address
        port=PORT,
        http=BoundedConnection,
        timeout_graceful_shutdown=DRAIN_S,
        proxy_headers=False,
        server_header=False,
        log_level="warning",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
