"""What all tests share."""

# Installed, the package brings its fixture itself; named here, it is also there in a bare checkout.
pytest_plugins = ["sinch_sandbox.pytest_plugin", "pytester"]
