"""The hook: a client from an Airflow connection."""
