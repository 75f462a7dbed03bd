"""Which failures of a task are expected under which trouble. All other failures are unnecessary."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import AirflowException

from sinch_provider.sms import errors
from sinch_provider.task import failures
from tests.crash.processes import OutOfReachError
from tests.crash.world import TaskInstance, World

_LISTED = 13 * 86_400


def without_need(world: World, ti: TaskInstance) -> str | None:
    """Return why a failure was unnecessary; None if it was expected."""
    error = ti.error
    assert error is not None
    cause = getattr(error, "error", None) or error
    told = f"failed without need: {type(cause).__name__}: {cause}"
    if not world.schedule.events and not world.schedule.faults:
        return told
    if not isinstance(error, failures.SinchTaskFailed) and ti.try_number > ti.max_tries:
        known = (errors.SinchError, OutOfReachError, AirflowException)
        return None if isinstance(error, known) else f"failed with {error!r}"
    if "There is no connection" in str(cause) and "api down" in world.schedule.acts:
        # If the triggerer cannot read the connection several times in a row, it reports it as missing.
        return None
    return None if isinstance(cause, tuple(_allowed(world))) else told


def _allowed(world: World) -> list[type[BaseException]]:
    schedule, acts = world.schedule, world.schedule.acts
    kinds = {each["kind"] for each in schedule.faults}
    allowed: list[type[BaseException]] = []
    if _asked_for_something_else(world):
        allowed.append(errors.SinchPayloadChangedError)
    if "cancel" in acts or (schedule.cancel_on_kill and acts & {"term", "clear"}):
        allowed += [errors.SinchBatchCanceledError, failures.SinchDeliveryFailed]
    if world.clock.elapsed > _LISTED or schedule.label:
        # A batch with the same label, recipients and time may be somebody else's; the task says so.
        allowed.append(errors.SinchUncertainError)
    if schedule.on_clear == "resend" and acts & {"redeploy", "garble journal", "move", "change"}:
        # It is unknown whether the task was cleared.
        allowed.append(errors.SinchUncertainError)
    if "other account" in acts:
        allowed.append(errors.SinchAccountChangedError)
    if kinds & {"unknown_token", "expired_token"}:
        # The token of a service plan cannot be renewed, and that of a project is renewed once.
        allowed += [errors.SinchAuthError, errors.SinchUncertainError, failures.SinchTaskFailed]
    if kinds & {"redirect", "refused_by_proxy"}:
        allowed += [errors.SinchUncertainError, errors.SinchForbiddenError, errors.SinchUnexpectedAnswerError]
    return allowed


def _asked_for_something_else(world: World) -> bool:
    """Whether the batches may differ from the request, or cannot be distinguished from other sends."""
    schedule, acts = world.schedule, world.schedule.acts
    if acts & {"move", "others send"} or any(each.get("to") == "recipients" for each in schedule.events):
        return True
    if not schedule.shares_reference:
        return False
    # Several sends to the same people can only be distinguished by their texts.
    return (
        schedule.clock_text or bool(acts & {"change", "replace", "update"}) or schedule.items == "one phone"
    )
