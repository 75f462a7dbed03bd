"""Describes this provider to Airflow. It runs inside ``import airflow``, so it imports nothing."""

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Describe this provider in the shape of Airflow's ``provider_info.schema.json``."""
    integration = "Sinch SMS"
    return {
        "package-name": "airflow-provider-sinch",
        "name": "Sinch",
        "description": "Send SMS batches through Sinch and wait for their delivery.",
        "integrations": [
            {
                "integration-name": integration,
                "external-doc-url": "https://developers.sinch.com/docs/sms/",
                "tags": ["service"],
            }
        ],
        "hooks": [{"integration-name": integration, "python-modules": ["sinch_provider.hooks.sinch"]}],
        "operators": [
            {
                "integration-name": integration,
                "python-modules": [
                    "sinch_provider.operators.batches",
                    "sinch_provider.operators.campaign",
                    "sinch_provider.operators.dry_run",
                    "sinch_provider.operators.resend",
                    "sinch_provider.operators.send",
                ],
            }
        ],
        "sensors": [{"integration-name": integration, "python-modules": ["sinch_provider.sensors.batches"]}],
        "triggers": [
            {
                "integration-name": integration,
                "python-modules": ["sinch_provider.triggers.batches", "sinch_provider.triggers.campaign"],
            }
        ],
        "transfers": [
            {
                "source-integration-name": source,
                "target-integration-name": integration,
                "python-module": f"sinch_provider.transfers.{module}",
            }
            for source, module in (
                ("Common SQL", "sql_to_sinch_sms"),
                ("Common IO", "object_storage_to_sinch_sms"),
            )
        ],
        "extra-links": ["sinch_provider.links.SinchBatchLink"],
        "notifications": ["sinch_provider.notifications.sms.SinchSmsNotifier"],
        "task-decorators": [
            {"name": "sinch_sms", "class-name": "sinch_provider.decorators.sms.sinch_sms_task"}
        ],
        "connection-types": [
            {
                "connection-type": "sinch",
                "hook-class-name": "sinch_provider.hooks.sinch.SinchHook",
                "hook-name": "Sinch SMS",
                **_form(),
            }
        ],
    }


def _form() -> dict[str, Any]:
    """
    Describe the connection form. The hook makes that of Airflow before 3.2 from it.

    Where a field of Airflow's has no help, its placeholder says where Sinch's dashboard has the value.
    The form stores defaults. Region has none: Airflow takes extras for secrets, and warns in its logs
    that two letters are too short for one.
    """
    optional_text = {"type": ["string", "null"]}
    account, safeguards, network = (
        {"section": name} for name in ("Account", "Safeguards and alerts", "Network")
    )
    return {
        "ui-field-behaviour": {
            "hidden-fields": ["schema"],
            "relabeling": {
                "host": "Host",
                "login": "Service plan id or key id",
                "password": "API token or key secret",
                "port": "Port (0: Test works)",
            },
            "placeholders": {
                "host": "Empty for Sinch. For a gateway or the sandbox: its URL, such as http://localhost:8026",
                "login": "In dashboard.sinch.com: SMS, APIs; for a project: Settings, Access keys",
                "password": "Beside the id: Show; for a project: shown once, when made",
                "port": "0 lets the Test button of Airflow 3.3 work; it has no other meaning",
                "region": "us",
                "project_id": "Empty for a service plan",
                "from": "Bistro",
                "only_to": "+44770090, +46",
                "alert_to": "+447700900222, +447700900333",
                "namespace": "staging",
                "dashboard_url": "https://sms.example.com/batches/{batch_id}",
                "timeout": "30",
                "auth_url": "https://auth.sinch.com",
            },
        },
        "conn-fields": {
            "region": {
                "label": "Region",
                "description": "Where the account is: us, unless you asked for another. Projects: us or eu.",
                "schema": {
                    "type": ["string", "null"],
                    "enum": ["us", "eu", "au", "br", "ca"],
                    **account,
                },
            },
            "project_id": {
                "label": "Project id",
                "description": "For an access key; the dashboard shows it in Settings, Access keys. "
                "Leave it empty for a service plan.",
                "schema": {**optional_text, **account},
            },
            "from": {
                "label": "Default sender",
                "description": "Sender of batches that name none: number, short code or name. "
                "The dashboard lists your numbers in Numbers, Your numbers.",
                "schema": {**optional_text, **account},
            },
            "only_to": {
                "label": "Only to",
                "description": "Prefixes of the numbers that may be texted: +44770090, +46.",
                "schema": {**optional_text, **safeguards},
            },
            "alert_to": {
                "label": "Alerts to",
                "description": "Numbers that get alerts which name nobody: +447700900222, +46...",
                "schema": {**optional_text, **safeguards},
            },
            "namespace": {
                "label": "Namespace",
                "description": "Distinguishes installations that share an account, such as staging.",
                "schema": {**optional_text, "maxLength": 64, **safeguards},
            },
            "dashboard_url": {
                "label": "Dashboard",
                "description": "A page that shows a batch, for links: https://.../{batch_id}",
                "schema": {**optional_text, **safeguards},
            },
            "timeout": {
                "label": "Timeout",
                "description": "Seconds for a connection and for each read; three times that in all.",
                "schema": {"type": ["number", "null"], "default": 30, **network},
            },
            "auth_url": {
                "label": "Token URL",
                "description": "Scheme and host of the token endpoint, instead of Sinch's own.",
                "schema": {**optional_text, **network},
            },
            "allow_insecure": {
                "label": "Allow http://",
                "description": "Permit unencrypted connections to other machines.",
                "schema": {"type": ["boolean", "null"], "default": False, **network},
            },
        },
    }
