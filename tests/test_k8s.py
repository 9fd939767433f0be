"""The kustomize base is valid for Kubernetes and fits the settings and the image."""

import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from app import __version__
from app.settings import Settings, read_settings

ROOT = Path(__file__).parents[1]
BASE = ROOT / "k8s/base"
KUSTOMIZATION = yaml.safe_load((BASE / "kustomization.yaml").read_text())
DOCUMENTS = {
    f"{document['kind']} in {name}": document
    for name in KUSTOMIZATION["resources"]
    for document in yaml.safe_load_all((BASE / name).read_text())
}
KUBERNETES = ("1.31", "1.34", kubernetes_validate.latest_version())
STOP_SECONDS = 15  # within which a worker that is told to stop has committed and flushed


def only(kind: str) -> dict:
    [document] = [document for document in DOCUMENTS.values() if document["kind"] == kind]
    return document


STATEFUL_SET = only("StatefulSet")
POD = STATEFUL_SET["spec"]["template"]
WORKER = POD["spec"]["containers"][0]
PODS = {"worker": POD["spec"], "topics": only("Job")["spec"]["template"]["spec"]}


def configured() -> dict[str, str]:
    """The variables that the ConfigMap will hold."""
    lines = (BASE / "settings.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def environment() -> dict[str, str]:
    """What a worker pod gives its process besides the ConfigMap."""
    return {entry["name"]: entry.get("value", "") for entry in WORKER["env"]}


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_valid(name, version):
    kubernetes_validate.validate(DOCUMENTS[name], version, strict=True)


def test_an_unknown_field_would_be_refused():
    wrong = {**only("Service"), "unknown": 1}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES[-1], strict=True)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_what_kustomize_builds_is_valid():
    built = subprocess.run(
        ["kubectl", "kustomize", str(BASE)], check=True, capture_output=True, text=True
    ).stdout
    documents = list(yaml.safe_load_all(built))
    assert len(documents) == len(DOCUMENTS) + 1
    for document in documents:
        kubernetes_validate.validate(document, KUBERNETES[-1], strict=True)


def test_every_file_of_the_base_is_used():
    files = {path.name for path in BASE.iterdir()} - {"kustomization.yaml"}
    [generator] = KUSTOMIZATION["configMapGenerator"]
    assert files == {*KUSTOMIZATION["resources"], *generator["envs"]}


@pytest.mark.parametrize(
    "variable", sorted({*configured(), *environment()} - {"POD_NAME", "POD_NAMESPACE"})
)
def test_a_variable_is_a_setting(variable):
    assert variable.removeprefix("WEIR_").lower() in Settings.model_fields


def test_the_values_are_ones_that_weir_reads(monkeypatch):
    for name, value in {**configured(), **environment()}.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    assert settings.replication == 3
    assert settings.web_host == "0.0.0.0"
    assert str(settings.data_dir) in {mount["mountPath"] for mount in WORKER["volumeMounts"]}


def test_a_worker_is_the_same_member_at_the_same_address_after_a_restart():
    variables = environment()
    port = configured()["WEIR_WEB_PORT"]
    service = STATEFUL_SET["spec"]["serviceName"]
    assert variables["WEIR_INSTANCE_ID"] == "$(POD_NAME)"
    assert variables["WEIR_ADVERTISED_URL"] == (
        f"http://$(POD_NAME).{service}.$(POD_NAMESPACE).svc:{port}"
    )
    # Kubernetes only fills in variables that stand above.
    names = list(variables)
    assert max(names.index("POD_NAME"), names.index("POD_NAMESPACE")) < names.index(
        "WEIR_INSTANCE_ID"
    )


def test_one_port_goes_by_one_name():
    port = int(configured()["WEIR_WEB_PORT"])
    assert WORKER["ports"] == [{"name": "web", "containerPort": port}]
    assert only("Service")["spec"]["ports"] == [{"name": "web", "port": port, "targetPort": "web"}]


def test_the_service_is_headless_and_finds_the_workers():
    service = only("Service")
    assert service["metadata"]["name"] == STATEFUL_SET["spec"]["serviceName"]
    assert service["spec"]["clusterIP"] == "None"
    for selector in (
        service["spec"]["selector"],
        STATEFUL_SET["spec"]["selector"]["matchLabels"],
        only("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
    ):
        assert selector == POD["metadata"]["labels"]


@pytest.mark.parametrize(
    ("probe", "path"),
    [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")],
    ids=lambda value: value.strip("/"),
)
def test_a_probe_asks_the_right_page(probe, path):
    assert WORKER[probe]["httpGet"] == {"path": path, "port": "web"}


def test_a_stop_has_time_to_commit():
    assert POD["spec"]["terminationGracePeriodSeconds"] > STOP_SECONDS


@pytest.mark.parametrize("name", PODS)
def test_a_pod_has_no_rights_it_does_not_need(name):
    pod = PODS[name]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"requests", "limits"} <= container["resources"].keys()


@pytest.mark.parametrize("name", PODS)
def test_a_pod_runs_the_image_of_this_version_with_the_shared_settings(name):
    [image] = KUSTOMIZATION["images"]
    [generator] = KUSTOMIZATION["configMapGenerator"]
    [container] = PODS[name]["containers"]
    assert container["image"] == image["name"]
    assert image["newTag"] == __version__
    assert container["envFrom"] == [{"configMapRef": {"name": generator["name"]}}]
