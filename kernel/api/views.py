"""The base of every API view: the actor, Idempotency-Key, errors in our shape."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kernel import idempotency
from kernel.actors import Actor
from kernel.api.permissions import actor_of
from kernel.deferral import Deferral
from kernel.unit_of_work import unit_of_work

MUTATING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_KEPT_HEADERS = ("Location", "Content-Type", "ETag")


class ApiRequest(Request):
    """A DRF request whose authentication found an actor."""

    actor: Actor


class ApiView(APIView):
    """Base of all API views.

    `commits_on_refusal` marks views whose service must keep what it wrote although it refuses
    (a counted try, a revoked token family): their effect and the stored answer to an
    Idempotency-Key are then two transactions instead of one.
    """

    commits_on_refusal = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, then put the actor on the request."""
        super().initial(request, *args, **kwargs)
        actor = actor_of(request) or anonymous_actor(request)
        request.actor = actor
        handler = getattr(self, (request.method or "").lower(), None)
        if request.method in MUTATING and handler is not None:
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
        actor = request.actor
        caller = f"user:{actor.user_id}" if actor.user_id else f"address:{actor.address}"
        body = request._request.body
        found = idempotency.reserve(
            caller=caller,
            key=self._key,
            fingerprint=idempotency.fingerprint_of(
                request.method or "", request.get_full_path(), body
            ),
            now=timezone.now(),
        )
        if isinstance(found, idempotency.StoredAnswer):
            return _replay(found)
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
