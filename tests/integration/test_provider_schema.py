"""What Airflow's own schemas say about the description of this package."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest

from sinch_provider.get_provider_info import get_provider_info


@pytest.mark.parametrize("file", ["provider_info.schema.json", "provider.yaml.schema.json"])
def test_the_schemas_of_airflow_know_everything_in_the_provider_info(file: str) -> None:
    schema = json.loads(files("airflow").joinpath(file).read_text())
    # The second one is for the files in Airflow's repository, which have a release more.
    schema["required"] = [name for name in schema["required"] if name in get_provider_info()]
    jsonschema.validate(get_provider_info(), schema)
