"""Where the plans of campaigns lie, and who may read them."""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowException, ObjectStoragePath

from sinch_provider.sms.campaign.plan import PlanError, read_plan, write_plan
from sinch_provider.sms.errors import Fault, SinchNotSentError, SinchValidationError
from sinch_provider.sms.masking import mask_text

if TYPE_CHECKING:
    from sinch_provider.sms.campaign.audience import Audience

log = logging.getLogger(__name__)

#: What a plan is for that one task checks, and another one sends.
_CHECKED: Final = "checked"
_LOCAL: Final = frozenset({"", "file", "local"})


class Plan:
    """
    The plan of a campaign, in a file of a folder.

    :param path: The file, as ``ObjectStoragePath`` takes it.
    :param secret: The account's.
    :param seal: As :meth:`write` returned it to the task that checked; None: this task checks.
    """

    def __init__(self, path: str, secret: str, seal: str | None = None) -> None:
        self.path = path
        self.seal = seal
        self._secret = secret

    @classmethod
    def inside(cls, folder: str, reference: str, secret: str) -> Plan:
        """
        Return the plan of a campaign.

        :param folder: Where plans lie.
        :param reference: The campaign's.
        """
        return cls(f"{folder.rstrip('/')}/{reference}.plan", secret)

    def write(self, audience: Audience, purpose: str = _CHECKED) -> str:
        """
        Write it anew, and return its seal.

        :param purpose: What it is for; by default, that another task sends it.
        :raises AirflowException: It cannot be written.
        """
        try:
            place = ObjectStoragePath(self.path)
            with place.open("wb") as file:
                if place.protocol in _LOCAL:
                    # Nobody else on this machine may read who is texted what.
                    os.chmod(place.path, 0o600)
                return write_plan(file, audience, purpose, self._secret)
        except Exception as error:
            reason = f"{type(error).__name__}: {mask_text(str(error))}"
        raise AirflowException(f"The plan cannot be written to {self} ({reason}). This attempt sent nothing.")

    def kept(self, purpose: str, *, first: bool) -> Audience | None:
        """
        Return who was checked by an earlier attempt; None: there is no plan for this.

        :param purpose: As it was written.
        :param first: Whether there is no earlier attempt.
        :raises SinchNotSentError: The plan cannot be read now.
        """
        try:
            with ObjectStoragePath(self.path).open("rb") as file:
                return read_plan(iter(file.readline, b""), purpose, self._secret)
        except FileNotFoundError:
            if not first:
                log.warning("The plan in %s is not there. The source is read again.", self)
            return None
        except PlanError as error:
            log.warning("The plan in %s %s. The source is read again.", self, error)
            return None
        except Exception as error:
            # It may be there all the same, so the source must not be read again.
            advice = "A retry reads it again. To read the source again, delete the plan."
            raise self._unreadable(error, advice) from None

    def checked(self) -> Audience:
        """
        Return who was checked by another task.

        :raises SinchNotSentError: It cannot be read now.
        :raises SinchValidationError: It is not there, or is another one.
        """
        try:
            with ObjectStoragePath(self.path).open("rb") as file:
                return read_plan(iter(file.readline, b""), _CHECKED, self._secret, self.seal)
        except FileNotFoundError:
            rule = (
                "is not there: a campaign that has ended removes it, so everybody may be texted already. To "
                "text those of a new check, clear the task that checks"
            )
        except PlanError as error:
            rule = str(error)
        except Exception as error:
            raise self._unreadable(error) from None
        raise SinchValidationError([Fault("plan", rule, str(self))], "send")

    def _unreadable(self, error: Exception, advice: str | None = None) -> SinchNotSentError:
        what = f"The plan in {self} cannot be read ({type(error).__name__})"
        return SinchNotSentError(what, operation="send", advice=advice)

    def remove(self) -> None:
        """Remove it, if it is there: it holds numbers and texts."""
        with suppress(FileNotFoundError):
            try:
                ObjectStoragePath(self.path).unlink()
            except FileNotFoundError:
                raise
            except Exception as error:
                log.warning(
                    "The plan in %s, with numbers and texts, cannot be removed (%s). Remove it.",
                    self,
                    type(error).__name__,
                )

    def __str__(self) -> str:
        return mask_text(self.path)


def purpose_of(*asked: Any) -> str:
    """Write what a campaign was asked to do, to notice when that changes."""
    return json.dumps(asked, default=repr, sort_keys=True)
