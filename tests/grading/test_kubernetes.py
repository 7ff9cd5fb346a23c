"""The Kubernetes manifest of the documentation, held against the schema that the Dask operator installs."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from distributed.cli.dask_scheduler import main as dask_scheduler
from distributed.cli.dask_worker import main as dask_worker

DOCUMENT = Path(__file__).parents[2] / "exercises" / "GRADING.md"
DEFINITION = "operator/deployment/helm/dask-kubernetes-operator/crds/daskcluster.yaml"


def read_manifest() -> dict[str, Any]:
    (text,) = re.findall(r"^```yaml\n(apiVersion: .*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    manifest: dict[str, Any] = yaml.safe_load(text)
    return manifest


@pytest.fixture(scope="module")
def definition() -> dict[str, Any]:
    text = files("dask_kubernetes").joinpath(DEFINITION).read_text()
    found: dict[str, Any] = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return found


def make_strict(schema: Any) -> Any:
    """The same schema, which refuses a field that it does not know: Kubernetes itself drops such a field silently."""
    if isinstance(schema, list):
        return [make_strict(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {name: make_strict(inner) for name, inner in schema.items()}
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and not open_ended:
        strict["additionalProperties"] = False
    return strict


def problems(manifest: dict[str, Any], definition: dict[str, Any]) -> list[str]:
    (version,) = [one for one in definition["spec"]["versions"] if one["served"]]
    schema = make_strict(version["schema"]["openAPIV3Schema"])
    schema["properties"] |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {}}
    names = definition["spec"]
    expected = (f"{names['group']}/{version['name']}", names["names"]["kind"])
    found = [] if (manifest["apiVersion"], manifest["kind"]) == expected else [f"it is no {expected}"]
    return found + [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(manifest)]


def test_the_manifest_is_what_the_operator_expects(definition: dict[str, Any]) -> None:
    assert not problems(read_manifest(), definition)


def misspell_the_image(spec: dict[str, Any]) -> None:
    container = spec["worker"]["spec"]["containers"][0]
    container["imgae"] = container.pop("image")


def write_a_number_as_a_text(spec: dict[str, Any]) -> None:
    spec["worker"]["replicas"] = "ten"


def name_a_port_by_its_number(spec: dict[str, Any]) -> None:
    spec["scheduler"]["service"]["ports"][0]["targetPort"] = 8786


def misplace_the_profile(spec: dict[str, Any]) -> None:
    spec["worker"]["spec"]["seccompProfile"] = {"type": "Unconfined"}


@pytest.mark.parametrize(
    "spoil",
    [misspell_the_image, write_a_number_as_a_text, name_a_port_by_its_number, misplace_the_profile],
    ids=lambda spoil: spoil.__name__,
)
def test_a_mistake_in_the_manifest_is_found(definition: dict[str, Any], spoil: Callable[[Any], None]) -> None:
    manifest = copy.deepcopy(read_manifest())
    spoil(manifest["spec"])
    assert problems(manifest, definition)


def test_its_service_leads_to_ports_that_the_scheduler_has() -> None:
    scheduler = read_manifest()["spec"]["scheduler"]
    (container,) = scheduler["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert {port["targetPort"]: port["port"] for port in scheduler["service"]["ports"]} == ports
    assert ports == {"tcp-comm": 8786, "http-dashboard": 8787}
    assert scheduler["service"]["selector"] == {"dask.org/cluster-name": "grading", "dask.org/component": "scheduler"}


@pytest.mark.parametrize("part", ["worker", "scheduler"])
def test_its_commands_are_dasks_own(part: str) -> None:
    (container,) = read_manifest()["spec"][part]["spec"]["containers"]
    program, verb, *options = container["args"]
    known = {"worker": dask_worker, "scheduler": dask_scheduler}[verb]
    assert program == "dask"
    assert known.make_context(verb, [*options, *(["tcp://first:8786"] if verb == "worker" else [])])
