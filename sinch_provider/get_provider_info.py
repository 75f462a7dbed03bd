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
                    "sinch_provider.operators.dry_run",
                    "sinch_provider.operators.send",
                ],
            }
        ],
        "sensors": [{"integration-name": integration, "python-modules": ["sinch_provider.sensors.batches"]}],
        "triggers": [
            {"integration-name": integration, "python-modules": ["sinch_provider.triggers.batches"]}
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
                "ui-field-behaviour": {
                    "hidden-fields": ["host", "schema", "port"],
                    "relabeling": {
                        "login": "Service plan id or key id",
                        "password": "API token or key secret",
                    },
                    "placeholders": {},
                },
                "conn-fields": {
                    "region": {
                        "label": "Region",
                        "description": "The region of the account. Projects: us or eu.",
                        "schema": {
                            "type": ["string", "null"],
                            "enum": ["us", "eu", "au", "br", "ca"],
                            "default": "us",
                        },
                    },
                    "project_id": {
                        "label": "Project id",
                        "description": "For an access key. Leave it empty for a service plan.",
                        "schema": {"type": ["string", "null"]},
                    },
                    "from": {
                        "label": "Default sender",
                        "description": "Sender of batches that name none: number, short code or name.",
                        "schema": {"type": ["string", "null"]},
                    },
                    "timeout": {
                        "label": "Timeout",
                        "description": "Seconds for a connection and for each read; three times that in all.",
                        "schema": {"type": ["number", "null"], "default": 30},
                    },
                    "base_url": {
                        "label": "Base URL",
                        "description": "Scheme and host of the API, instead of the region's.",
                        "schema": {"type": ["string", "null"]},
                    },
                    "auth_url": {
                        "label": "Token URL",
                        "description": "Scheme and host of the token endpoint, instead of Sinch's own.",
                        "schema": {"type": ["string", "null"]},
                    },
                    "namespace": {
                        "label": "Namespace",
                        "description": "Distinguishes installations that share an account, such as staging.",
                        "schema": {"type": ["string", "null"], "maxLength": 64},
                    },
                    "only_to": {
                        "label": "Only to",
                        "description": "Prefixes of the numbers that may be texted: +44770090, +46.",
                        "schema": {"type": ["string", "null"]},
                    },
                    "alert_to": {
                        "label": "Alerts to",
                        "description": "Numbers that get alerts which name nobody: +447700900222, +46...",
                        "schema": {"type": ["string", "null"]},
                    },
                    "dashboard_url": {
                        "label": "Dashboard",
                        "description": "A page that shows a batch, for links: https://.../{batch_id}",
                        "schema": {"type": ["string", "null"]},
                    },
                    "allow_insecure": {
                        "label": "Allow http://",
                        "description": "Permit unencrypted connections to other machines.",
                        "schema": {"type": ["boolean", "null"], "default": False},
                    },
                },
            }
        ],
    }
