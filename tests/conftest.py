"""What all tests share."""

pytest_plugins = ["sinch_provider.sandbox.pytest_plugin"]
