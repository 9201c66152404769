"""The error tree: every refusal has a stable code, an HTTP status, a sentence and details."""

from __future__ import annotations

from typing import Any, ClassVar


class HomepotError(Exception):
    """A refusal that the caller can act on; `docs/errors.md` lists every code."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 400
    default_message: ClassVar[str] = "The request cannot be carried out."
    # The entity tag of the present version, where the refusal is about one.
    etag: str | None = None

    def __init__(
        self,
        message: str | None = None,
        *,
        details: dict[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        self.message = message or self.default_message
        self.details = details or {}
        self.retry_after = retry_after
        super().__init__(self.message)


class ValidationFailed(HomepotError):
    """The input is wrong; `details` maps each field to what is wrong with it."""

    code = "validation_error"
    default_message = "The input is not valid."


class NotAuthenticated(HomepotError):
    """No credential was presented, or it is not valid any more."""

    code = "not_authenticated"
    status = 401
    default_message = "Sign in, or send a valid access token."


class InvalidCredentials(HomepotError):
    """The presented credential is wrong; never says which part."""

    code = "invalid_credentials"
    status = 401
    default_message = "The credentials are not valid."


class PermissionDenied(HomepotError):
    """The caller is known and may not do this."""

    code = "permission_denied"
    status = 403
    default_message = "You may not do this."


class NotFound(HomepotError):
    """There is no such object, or it is not the caller's: the answer is the same."""

    code = "not_found"
    status = 404
    default_message = "There is no such object."


class MethodNotAllowed(HomepotError):
    """The address exists, the method does not."""

    code = "method_not_allowed"
    status = 405
    default_message = "This address does not take that method."


class NotAcceptable(HomepotError):
    """None of the media types in Accept can be produced."""

    code = "not_acceptable"
    status = 406
    default_message = "None of the accepted media types can be produced."


class RequestTimeout(HomepotError):
    """The body did not arrive in time; nothing was done."""

    code = "request_timeout"
    status = 408
    default_message = "The request did not arrive in time. Send it again."


class Conflict(HomepotError):
    """The state of the object forbids it now."""

    code = "conflict"
    status = 409
    default_message = "The present state does not allow this."


class IdempotencyConflict(Conflict):
    """The same Idempotency-Key came with another request."""

    code = "idempotency_conflict"
    default_message = "This Idempotency-Key was used with another request."


class IdempotencyInProgress(Conflict):
    """The first request with this Idempotency-Key has not ended."""

    code = "idempotency_in_progress"
    default_message = "The first request with this Idempotency-Key is still running."


class PreconditionFailed(HomepotError):
    """If-Match names another version than the present one, which `details` has with its tag."""

    code = "precondition_failed"
    status = 412
    default_message = "This has changed since you read it. Look at the present version."

    def __init__(self, *, etag: str, current: Any) -> None:
        super().__init__(details={"etag": etag, "current": current})
        self.etag = etag


class PayloadTooLarge(HomepotError):
    """The body is larger than this address takes."""

    code = "payload_too_large"
    status = 413
    default_message = "The body is too large."


class UnsupportedMediaType(HomepotError):
    """The Content-Type is not one this address takes."""

    code = "unsupported_media_type"
    status = 415
    default_message = "Send JSON with Content-Type: application/json."


class HttpsRequired(HomepotError):
    """Plain HTTP is refused (RFC 9110, 15.5.22)."""

    code = "https_required"
    status = 426
    default_message = "Use HTTPS."


class PreconditionRequired(HomepotError):
    """The change must name the version it is made to (RFC 6585)."""

    code = "precondition_required"
    status = 428
    default_message = "Send If-Match with the ETag of the version you read."


class RateLimited(HomepotError):
    """Too many tries; `retry_after` says when to come back."""

    code = "rate_limited"
    status = 429
    default_message = "Too many requests. Try again later."


class InternalError(HomepotError):
    """Something failed that should not have; the log has it under the request id."""

    code = "internal_error"
    status = 500
    default_message = "Something went wrong on our side."


class Unavailable(HomepotError):
    """A part the request needs is down; nothing was done."""

    code = "unavailable"
    status = 503
    default_message = "The service is not available right now. Try again shortly."
