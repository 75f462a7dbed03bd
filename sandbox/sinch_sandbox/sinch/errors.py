"""Sinch's error answers."""

from __future__ import annotations

INVALID_JSON = "syntax_invalid_json"
BAD_FORMAT = "syntax_invalid_parameter_format"
CONSTRAINT = "syntax_constraint_violation"
UNKNOWN_GROUP = "unknown_group"
CONFLICT_GROUP_NAME = "conflict_group_name"
MISSING_CALLBACK_URL = "missing_callback_url"
ALREADY_DISPATCHED = "batch_already_dispatched"


class Refusal(Exception):  # noqa: N818 - it is a reply, not a failure
    """A request that ends in an error status; ``code`` None means an empty body."""

    def __init__(
        self, status: int, code: str | None = None, text: str = "", headers: dict[str, str] | None = None
    ):
        super().__init__(f"{status} {code or ''} {text}".strip())
        self.status = status
        self.code = code
        self.text = text
        self.headers = headers


def unauthorized(error: str | None = None) -> Refusal:
    """Sinch's 401 has no body; ``expired`` in the header asks the client to fetch a new token."""
    challenge = f'Bearer error="{error}"' if error else "Bearer"
    return Refusal(401, headers={"www-authenticate": challenge})


def not_found() -> Refusal:
    """Sinch documents no body for 404, so clients must cope with an empty one."""
    return Refusal(404)


def unknown_group(group_id: str) -> Refusal:
    return Refusal(403, UNKNOWN_GROUP, f"Group '{group_id}' is unknown or deleted.")


def already_dispatched() -> Refusal:
    return Refusal(403, ALREADY_DISPATCHED, "The batch has been dispatched and can no longer be changed.")


class Problems:
    """Collects the problems of a request and keeps the one that Sinch would name.

    Malformed values come before missing fields, lengths and ranges, independent of their order in the body.
    """

    def __init__(self) -> None:
        self._format: Refusal | None = None
        self._constraint: Refusal | None = None

    def bad_format(self, path: str, value: object, expected: str) -> None:
        if self._format is None:
            shown = repr(value[:60]) if isinstance(value, str) else type(value).__name__
            if len(shown) > 60:
                shown = shown[:57] + "..."
            self._format = Refusal(
                400, BAD_FORMAT, f"Parameter '{path}' has a bad format: {shown} is not {expected}."
            )

    def constraint(self, path: str, rule: str) -> None:
        if self._constraint is None:
            self._constraint = Refusal(400, CONSTRAINT, f"Parameter '{path}' {rule}.")

    def raise_first(self) -> None:
        first = self._format or self._constraint
        if first is not None:
            raise first
