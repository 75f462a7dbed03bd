"""One text, sent with what there is: as its documentation shows it, with the defaults it comes with."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow.sdk import task
from gateways import Gateway

from sinch_provider.operators.batches import SinchSendBatchOperator
from sinch_sandbox.client import SandboxClient

TEXT = "Doors open at 19:00."
SENDER = "+447700900111"

Numbers = list[str]


@dataclass(frozen=True)
class Contender:
    """Something that sends texts from an Airflow task."""

    name: str
    package: str
    """The distribution whose version counts."""
    gateway: Gateway
    put: Callable[[Numbers], Any]
    """Put the task into the Dag that is being made."""


def operator(to: Numbers) -> None:
    SinchSendBatchOperator(task_id="send", to=to, body=TEXT)


def official_sdk(sandbox: SandboxClient) -> Callable[[Numbers], Any]:
    @task
    def send(to: Numbers) -> None:
        from sinch import SinchClient

        credentials = sandbox.credentials
        client = SinchClient(
            service_plan_id=credentials.service_plan_id,
            sms_api_token=credentials.api_token,
            sms_region="eu",
        )
        client.configuration.sms_domain_with_service_plan_id = sandbox.url
        client.sms.batches.send_sms(to=to, from_=SENDER, body=TEXT)

    return send


def boto3(port: int) -> Callable[[Numbers], Any]:
    @task
    def send(to: Numbers) -> None:
        import boto3

        sns = boto3.client(
            "sns",
            region_name="eu-west-1",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )
        for number in to:
            sns.publish(PhoneNumber=number, Message=TEXT)

    return send


def vonage(port: int) -> Callable[[Numbers], Any]:
    @task
    def send(to: Numbers) -> None:
        from vonage import Auth, HttpClientOptions, Vonage
        from vonage_sms import SmsMessage

        options = HttpClientOptions(rest_host=f"localhost:{port}")
        client = Vonage(Auth(api_key="key", api_secret="secret"), options)
        for number in to:
            client.sms.send(SmsMessage(to=number.removeprefix("+"), from_="Bistro", text=TEXT))

    return send


def apprise_hook(sandbox: SandboxClient) -> Callable[[Numbers], Any]:
    @task
    def send(to: Numbers) -> None:
        from airflow.providers.apprise.hooks.apprise import AppriseHook

        extra = {"config": {"path": _apprise_url(sandbox, to)}}
        os.environ["AIRFLOW_CONN_APPRISE_DEFAULT"] = json.dumps({"conn_type": "apprise", "extra": extra})
        AppriseHook().notify(body=TEXT)

    return send


def apprise_itself(sandbox: SandboxClient) -> Callable[[Numbers], Any]:
    @task
    def send(to: Numbers) -> None:
        import apprise

        sender = apprise.Apprise()
        sender.add(_apprise_url(sandbox, to))
        if not sender.notify(body=TEXT):
            raise RuntimeError("Apprise says that not everyone was notified.")

    return send


def _apprise_url(sandbox: SandboxClient, to: Numbers) -> str:
    from apprise.plugins.sinch import NotifySinch

    # There is no option for the address. The pause between two requests would only make it take longer.
    NotifySinch.notify_url = f"{sandbox.url}/xms/v1/{{spi}}/batches"
    NotifySinch.request_rate_per_sec = 0
    credentials = sandbox.credentials
    return f"sinch://{credentials.service_plan_id}:{credentials.api_token}@{SENDER}/{'/'.join(to)}"
