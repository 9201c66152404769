"""Every refusal in one shape: `{"code", "message", "details", "request_id"}`."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions as drf
from rest_framework.response import Response

from kernel import errors
from kernel.logs import current_request_id

_BY_STATUS: dict[int, type[errors.HomepotError]] = {
    401: errors.NotAuthenticated,
    403: errors.PermissionDenied,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    406: errors.NotAcceptable,
    413: errors.PayloadTooLarge,
    415: errors.UnsupportedMediaType,
    429: errors.RateLimited,
}


def handle(exception: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: translate to a HomepotError, then to its response."""
    error = translate(exception)
    if error is None:
        return None
    response = Response(body_of(error), status=error.status)
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    if error.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="homepot"'
    if error.etag is not None:
        response["ETag"] = error.etag
    if isinstance(error, errors.HttpsRequired):
        response["Upgrade"] = "TLS/1.2, HTTP/1.1"
    return response


def body_of(error: errors.HomepotError) -> dict[str, Any]:
    """The error as the body that every door answers with."""
    return {
        "code": error.code,
        "message": error.message,
        "details": error.details,
        "request_id": current_request_id(),
    }


def translate(exception: Exception) -> errors.HomepotError | None:
    """The HomepotError that tells the caller what happened; None for what is a bug."""
    if isinstance(exception, errors.HomepotError):
        return exception
    if isinstance(exception, drf.ValidationError):
        return errors.ValidationFailed(details=_by_field(exception.detail))
    if isinstance(exception, drf.ParseError):
        return errors.ValidationFailed(details={"body": [str(exception.detail)]})
    if isinstance(exception, Http404):
        return errors.NotFound()
    if isinstance(exception, PermissionDenied):
        return errors.PermissionDenied()
    if isinstance(exception, drf.APIException):
        return _from_drf(exception)
    if isinstance(exception, (OperationalError, InterfaceError)):
        return errors.Unavailable(retry_after=2)
    return None


def _from_drf(exception: drf.APIException) -> errors.HomepotError:
    error_class = _BY_STATUS.get(exception.status_code, errors.InternalError)
    return error_class()


def _by_field(detail: Any) -> dict[str, Any]:
    if isinstance(detail, dict):
        return {field: _plain(value) for field, value in detail.items()}
    return {"body": _plain(detail)}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value)
