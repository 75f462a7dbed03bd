"""Apache Airflow provider for Sinch SMS batches."""

__version__ = "0.1.0"
