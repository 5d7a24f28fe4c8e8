"""The files of `deploy/`, as far as they can be tried where no image can be fetched: every command line is parsed by
the program that it calls, units by systemd, manifests and the jobs of runs by dagster-k8s."""

from __future__ import annotations

import importlib
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import dagster as dg
import pytest
import yaml

from moderation_pipeline.cli import Session, cli

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
COMPOSE: Mapping[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
DOCUMENTS: list[dict[str, Any]] = list(
    yaml.safe_load_all((DEPLOY / "kubernetes" / "moderation.yaml").read_text("utf-8"))
)
OURS, OURS_FROM_ELSEWHERE = ("moderation", "ray"), ("postgres", "server", "python")


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """Yield every command line of the deployment: where it is, and its words."""
    for name, service in COMPOSE["services"].items():
        yield f"compose {name}", service.get("command", [])
    for path in UNITS:
        for line in re.findall(r"^ExecStart=(.+)$", path.read_text("utf-8"), re.MULTILINE):
            program, *words = shlex.split(line)
            yield path.name, [Path(program).name, *words]
    for document in DOCUMENTS:
        if document["kind"] == "Deployment":
            for container in document["spec"]["template"]["spec"]["containers"]:
                yield f"kubernetes {container['name']}", container["command"]
    image = re.findall(r"^CMD (\[.+\])$", (DEPLOY / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    yield "Dockerfile", yaml.safe_load(image[0])


LINES = list(command_lines())


def parsed(program: click.Command, words: list[str], **more: object) -> None:
    """Have a program of Click's read a command line, down to its last option, and do nothing."""
    if isinstance(program, click.Group):
        named = next(n for n, word in enumerate(words) if word in program.commands)
        program.make_context(program.name, [*words[: named + 1]], **more)  # type: ignore[arg-type]
        command = program.commands[words[named]]
        command.make_context(words[named], words[named + 1 :])
    else:
        program.make_context(program.name, list(words))


@pytest.mark.parametrize(("where", "words"), LINES, ids=[where for where, _ in LINES])
def test_the_program_that_a_command_line_calls_understands_it(where: str, words: list[str]) -> None:
    assert words[0] in (*OURS, *OURS_FROM_ELSEWHERE), where
    if words[0] == "moderation":
        parsed(cli, words[1:], obj=Session())
    if words[0] == "ray":
        ray = pytest.importorskip("ray.scripts.scripts", reason="needs the extra fleet")
        parsed(ray.cli, words[1:])


def test_every_service_has_its_image_and_knows_where_the_store_is() -> None:
    for name, service in COMPOSE["services"].items():
        assert service["image"], name
        if service["image"] == "moderation-pipeline":
            environment = service["environment"]
            assert environment["MODERATION_STORE"].startswith("postgresql://"), name
            assert environment["MODERATION_WAREHOUSE"].startswith("s3://"), name
    assert set(COMPOSE["services"]) >= {"webserver", "daemon", "worker", "postgres", "objects"}


def test_no_secret_is_in_a_file_and_every_one_that_is_wanted_is_in_the_example() -> None:
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    example = (DEPLOY / "compose.env.example").read_text("utf-8")
    for name in re.findall(r"\$\{(\w+)", text):
        assert re.search(rf"^(# )?{name}=", example, re.MULTILINE), name
    assert re.findall(r"^(?!#)\w+=\S+", example, re.MULTILINE) == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_understands_the_units(path: Path, tmp_path: Path) -> None:
    """With programs in place of ours: systemd also looks whether they are there."""
    unit = tmp_path / path.name
    unit.write_text(re.sub(r"/srv/moderation/\.venv/bin/\w+", "/bin/true", path.read_text("utf-8")), "utf-8")
    if path.suffix == ".timer":
        (tmp_path / f"{path.stem}.service").write_text("[Service]\nExecStart=/bin/true\n")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_image_is_built_from_files_that_there_are() -> None:
    lines = (DEPLOY / "Dockerfile").read_text("utf-8").splitlines()
    copied = [
        word
        for line in lines
        if line.startswith("COPY") and "--from" not in line
        for word in line.split()[1:-1]
    ]
    kept = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()}
    for name in copied:
        assert (ROOT / name).exists(), name
        assert name in kept, name


def of_kind(kind: str, name: str) -> dict[str, Any]:
    (found,) = [each for each in DOCUMENTS if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def test_the_manifests_are_what_kubernetes_takes() -> None:
    pytest.importorskip("dagster_k8s", reason="needs the extra fleet")
    k8s = importlib.import_module("kubernetes.client")
    from dagster_k8s.models import k8s_model_from_dict, k8s_snake_case_dict

    kinds = {each["kind"] for each in DOCUMENTS}
    assert kinds == {"ServiceAccount", "Role", "RoleBinding", "ConfigMap", "Deployment", "Service"}
    for document in DOCUMENTS:
        model = getattr(k8s, f"V1{document['kind']}")
        renamed = {"api_version" if key == "apiVersion" else key: value for key, value in document.items()}
        made = k8s_model_from_dict(model, k8s_snake_case_dict(model, renamed))
        assert made.metadata.name == document["metadata"]["name"]


def kubeconfig(folder: Path) -> Path:
    """Return the address of a cluster that is asked nothing."""
    path = folder / "kubeconfig"
    cluster = {"name": "none", "cluster": {"server": "http://127.0.0.1:9"}}
    context = {"name": "none", "context": {"cluster": "none", "user": "none"}}
    said = {
        "clusters": [cluster],
        "contexts": [context],
        "current-context": "none",
        "users": [{"name": "none", "user": {}}],
    }
    path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", **said}))
    return path


def test_a_run_becomes_a_job_that_knows_its_secrets_by_name_alone(tmp_path: Path) -> None:
    pytest.importorskip("dagster_k8s", reason="needs the extra fleet")
    from dagster._config import process_config, resolve_to_config_type
    from dagster_k8s.container_context import K8sContainerContext
    from dagster_k8s.job import construct_dagster_k8s_job

    settings = yaml.safe_load(of_kind("ConfigMap", "moderation-instance")["data"]["dagster.yaml"])
    launcher = settings["run_launcher"]
    launcher_class = importlib.import_module(launcher["module"]).K8sRunLauncher
    assert (launcher["module"], launcher["class"]) == ("dagster_k8s", "K8sRunLauncher")
    checked = process_config(resolve_to_config_type(launcher_class.config_type()), launcher["config"])
    assert checked.success, checked.errors
    config = dict(checked.value or {})
    here = {**config, "load_incluster_config": False, "kubeconfig_file": str(kubeconfig(tmp_path))}
    run = dg.DagsterRun(job_name="moderate")
    context = K8sContainerContext.create_for_run(run, launcher_class(**here), include_run_tags=True)
    job = construct_dagster_k8s_job(
        context.get_k8s_job_config(config["job_image"], launcher_class(**here)),
        args=["dagster", "api", "execute_run"],
        job_name="dagster-run-1",
        user_defined_k8s_config=context.run_k8s_config,
    ).to_dict()
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert (
        container["image"]
        == of_kind("Deployment", "moderation-ui")["spec"]["template"]["spec"]["containers"][0]["image"]
    )
    assert [each["secret_ref"]["name"] for each in container["env_from"]] == ["moderation"]
    assert {each["name"] for each in container["env"]} >= {"MODERATION_DATA", "DAGSTER_HOME"}
    assert {each["name"]: each["mount_path"] for each in container["volume_mounts"]}["data"] == "/data"
    assert job["spec"]["backoff_limit"] == 0
    assert pod["security_context"]["run_as_user"] == 10001


def test_the_settings_of_the_instance_are_dagsters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dagster._core.instance.config import dagster_instance_config

    pytest.importorskip("dagster_k8s", reason="needs the extra fleet")
    monkeypatch.delenv("MODERATION_STORE", raising=False)
    (tmp_path / "dagster.yaml").write_text(
        of_kind("ConfigMap", "moderation-instance")["data"]["dagster.yaml"]
    )
    config, _ = dagster_instance_config(str(tmp_path))
    assert config["storage"]["custom"]["class"] == "SharedStorage"
