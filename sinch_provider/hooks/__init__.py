"""The hook: a client from an Airflow connection."""

from typing import Final

#: The connection of those who name none.
DEFAULT_CONN_ID: Final = "sinch_default"
