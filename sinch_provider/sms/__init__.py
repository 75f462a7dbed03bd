"""
The Sinch SMS batch API, without Airflow.

``SinchClient`` (requests) and ``AsyncSinchClient`` (aiohttp) live in :mod:`~sinch_provider.sms.client` and
:mod:`~sinch_provider.sms.aio`; this package imports neither, so that it costs nothing where only the models
or the error classes are needed.
"""
