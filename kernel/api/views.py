"""The base of every API view: the actor, Idempotency-Key, errors in our shape."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

from django.db import connection
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kernel import idempotency, row_security, tokens
from kernel.actors import Actor
from kernel.api.permissions import actor_of
from kernel.deferral import Deferral
from kernel.unit_of_work import unit_of_work

MUTATING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_SECRETS = ("Authorization", "X-API-Key", "X-Device-ID", "X-Provision-Key", "X-Report-Token")
_KEPT_HEADERS = ("Location", "Content-Type", "Content-Disposition", "Cache-Control", "ETag")


class ApiRequest(Request):
    """A DRF request whose authentication found an actor."""

    actor: Actor


class ApiView(APIView):
    """Base of all API views.

    `commits_on_refusal` marks views whose service must keep what it wrote although it refuses
    (a counted try, a revoked token family): their effect and the stored answer to an
    Idempotency-Key are then two transactions instead of one. One that may not be interrupted
    between the two has its service call `keep_answer` with the answer, in its unit of work.
    `reads_idempotency_key` marks views whose service makes a repeat harmless by itself: for them
    no answer is stored.
    """

    commits_on_refusal = False
    reads_idempotency_key = False

    def keep_answer(self, response: HttpResponse) -> None:
        """Store the answer for the request's Idempotency-Key; without one there is nothing to."""

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Answer; what a reading request looks at, it looks at in one transaction."""
        if request.method in MUTATING:
            return super().dispatch(request, *args, **kwargs)
        with row_security.reading(connection):
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, then put the actor on the request."""
        super().initial(request, *args, **kwargs)
        actor = actor_of(request) or anonymous_actor(request)
        request.actor = actor
        row_security.enter_for(actor)
        handler = getattr(self, (request.method or "").lower(), None)
        if request.method in MUTATING and handler is not None and not self.reads_idempotency_key:
            key = request.headers.get("Idempotency-Key")
            if key is not None:
                setattr(self, request.method.lower(), _Once(self, handler, key))


def anonymous_actor(request: Request) -> Actor:
    """Nobody in particular, calling from an address."""
    address = request.META.get("REMOTE_ADDR") or None
    return Actor(
        kind="user",
        id="anonymous",
        label="anonymous",
        address=address,
        request_id=getattr(request, "request_id", ""),
        via="api",
    )


class _Once:
    """Runs a handler at most once for its Idempotency-Key."""

    def __init__(self, view: ApiView, handler: Any, key: str) -> None:
        self._view = view
        self._handler = handler
        self._key = key

    def __call__(self, request: ApiRequest, *args: Any, **kwargs: Any) -> Any:
        caller = _caller(request)
        body = request._request.body
        found = idempotency.reserve(
            caller=caller,
            key=self._key,
            fingerprint=idempotency.fingerprint_of(request.method or "", _addressed(request), body),
            now=timezone.now(),
        )
        if isinstance(found, idempotency.StoredAnswer):
            return _replay(found)
        view: Any = self._view
        view.keep_answer = lambda answer: idempotency.complete(
            found, self._answer_of(request, answer)
        )
        try:
            with nullcontext() if self._view.commits_on_refusal else unit_of_work():
                response = self._handler(request, *args, **kwargs)
                idempotency.complete(found, self._answer_of(request, response))
        except BaseException:
            idempotency.release(found)
            raise
        _complete_later(found, response)
        return response

    def _answer_of(self, request: ApiRequest, response: Any) -> idempotency.StoredAnswer:
        rendered = self._view.finalize_response(request, response)
        if isinstance(rendered, Response):
            rendered = rendered.render()
        return _answer(rendered)


def _caller(request: ApiRequest) -> str:
    """Whose key it is. Strangers are told apart by the secrets they show: without the same one,
    nobody is given an answer that was given for it.
    """
    actor = request.actor
    if actor.user_id is not None:
        return f"user:{actor.user_id}"
    if actor.device_id is not None:
        return f"device:{actor.device_id}"
    shown = [request.headers.get(name, "") for name in _SECRETS]
    return f"address:{actor.address}:{tokens.digest(json.dumps(shown))[:32]}"


def _addressed(request: ApiRequest) -> str:
    """The path and, where the caller has chosen one, the tenant: elsewhere it is another request."""
    actor = request.actor
    chosen = f" in {sorted(actor.roles)}" if actor.member_tenants else ""
    return f"{request.get_full_path()}{chosen}"


def _answer(response: HttpResponse) -> idempotency.StoredAnswer:
    headers = {name: response[name] for name in _KEPT_HEADERS if response.has_header(name)}
    return idempotency.StoredAnswer(
        status=response.status_code, content=bytes(response.content), headers=headers
    )


def _replay(answer: idempotency.StoredAnswer) -> HttpResponse:
    response = HttpResponse(answer.content, status=answer.status, headers=answer.headers)
    response["idempotency-replayed"] = "true"
    return response


def _complete_later(reservation: idempotency.Reservation, response: Any) -> None:
    """Have a deferred answer replace the provisional one once it is known."""
    deferral: Deferral | None = getattr(response, "deferral", None)
    if deferral is None:
        return

    def resolve(message: Any) -> HttpResponse:
        final = deferral.resolve(message)
        idempotency.complete(reservation, _answer(final))
        return final

    response.deferral = Deferral(
        topic=deferral.topic,
        timeout_s=deferral.timeout_s,
        accept=deferral.accept,
        resolve=resolve,
    )


def json_response(data: Any, *, status: int = 200) -> HttpResponse:
    """A plain JSON answer, for what is rendered outside DRF's cycle."""
    return HttpResponse(
        json.dumps(data, separators=(",", ":"), default=str),
        status=status,
        content_type="application/json",
    )
