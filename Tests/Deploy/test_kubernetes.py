"""The manifests: valid, whole, of one piece, and as the runbook's commands expect them."""
import copy
import imaplib
import json
import os
import pathlib
import re
import shutil
import smtplib
import subprocess
import urllib.request

import pytest
import yaml
from conftest import ROOT
from manifest_lint import findings, template
from platform_process import ADMIN, EXECUTABLE, PASSWORD, any_certificate, free_port, wait_until

SERVICES = ("auth", "smtp", "imap", "storage", "domain-manager")
# Kinds whose schema is not part of Kubernetes.
CUSTOM = {"Certificate", "ExternalSecret", "SecretStore"}

pytestmark = pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """The manifests with the secrets that an operator fills in."""
    folder = tmp_path_factory.mktemp("tree")
    ignored = shutil.ignore_patterns("secrets.env", "master.key")
    shutil.copytree(ROOT / "deploy/k8s", folder / "deploy/k8s", ignore=ignored)
    for path in ROOT.glob("services/*/k8s"):
        shutil.copytree(path, folder / path.relative_to(ROOT))
    plain = folder / "deploy/k8s/secrets/plain"
    example = (plain / "secrets.env.example").read_text()
    (plain / "secrets.env").write_text(re.sub(r"=$", "=value", example, flags=re.M))
    (plain / "master.key").write_text("key\n")
    return folder


@pytest.fixture(scope="session", params=["staging", "production"])
def overlay(request, tree):
    return tree / "deploy/k8s/overlays" / request.param


@pytest.fixture(scope="session")
def text(overlay):
    done = subprocess.run(["kubectl", "kustomize", overlay], text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def documents(text):
    """Shared by the tests: who changes them copies them first."""
    return list(yaml.load_all(text, Loader=yaml.CSafeLoader))


def test_every_field_is_one_of_kubernetes(text, tmp_path):
    file = tmp_path / "all.yaml"
    file.write_text(text)
    done = subprocess.run(["kubernetes-validate", "--strict", "-k", "1.33", file], text=True, capture_output=True)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("INFO")]
    unknown = [line for line in lines if not any(f"kind {kind} " in line for kind in CUSTOM)]
    assert done.returncode == 0 and unknown == []


def test_every_name_leads_somewhere(documents):
    assert findings(documents) == []


def test_the_vault_component_is_valid_too(tree, tmp_path):
    copied = tmp_path / "tree"
    shutil.copytree(tree, copied)
    file = copied / "deploy/k8s/overlays/production/kustomization.yaml"
    file.write_text(file.read_text().replace("secrets/aws", "secrets/vault"))
    done = subprocess.run(["kubectl", "kustomize", file.parent], text=True, capture_output=True, check=True)
    documents = list(yaml.safe_load_all(done.stdout))
    assert findings(documents) == [] and any("vault" in one["spec"]["provider"] for one in documents if one["kind"] == "SecretStore")


def by(documents, kind, name):
    return next(one for one in documents if one["kind"] == kind and re.fullmatch(name + r"(-\w{10})?", one["metadata"]["name"]))


# Seeded defects: what is changed, and what the finding says.
def _set(path, value):
    def change(document):
        for key in path[:-1]:
            document = document[key]
        if value is None:
            del document[path[-1]]
        else:
            document[path[-1]] = value

    return change


POD = ("spec", "template", "spec")
BOX = (*POD, "containers", 0)
DEFECTS = [
    ("Deployment", "smtp", _set(("spec", "selector", "matchLabels", "app"), "other"), "its selector does not match"),
    ("Deployment", "smtp", _set((*POD, "serviceAccountName"), "nobody"), "no service account nobody"),
    ("Deployment", "smtp", _set((*POD, "automountServiceAccountToken"), True), "token"),
    ("Deployment", "smtp", _set((*POD, "terminationGracePeriodSeconds"), -1), "no time to end"),
    ("Deployment", "smtp", _set((*BOX, "envFrom", 0, "configMapRef", "name"), "nothing"), "no ConfigMap nothing"),
    ("Deployment", "smtp", _set((*BOX, "envFrom", 1, "secretRef", "name"), "nothing"), "no Secret nothing"),
    ("Deployment", "smtp", _set((*POD, "volumes", 2, "secret", "secretName"), "nothing"), "no Secret nothing"),
    ("Deployment", "smtp", _set((*BOX, "volumeMounts", 0, "name"), "nothing"), "which is no volume"),
    ("Deployment", "smtp", _set((*BOX, "readinessProbe", "httpGet", "port"), "web"), "a probe names port web"),
    ("Deployment", "smtp", _set((*BOX, "readinessProbe"), None), "no readiness probe"),
    ("Deployment", "smtp", _set((*BOX, "ports", 1, "name"), "a-very-long-name-of-a-port"), "longer than 15"),
    ("Deployment", "smtp", _set((*BOX, "resources", "limits", "memory"), "256MB"), "is not a quantity"),
    ("Deployment", "smtp", _set((*BOX, "resources", "limits", "memory"), "1Mi"), "more memory than its limit"),
    ("Deployment", "smtp", _set((*BOX, "resources", "limits", "memory"), None), "no limit of memory"),
    ("Deployment", "smtp", _set((*BOX, "image"), "email-platform/smtp:latest"), "has no version"),
    ("Deployment", "smtp", _set((*BOX, "securityContext", "readOnlyRootFilesystem"), None), "readOnlyRootFilesystem"),
    ("Deployment", "smtp", _set((*BOX, "securityContext", "capabilities"), None), "keeps capabilities"),
    ("Deployment", "smtp", _set((*POD, "securityContext", "seccompProfile"), None), "no seccomp profile"),
    ("Deployment", "smtp", _set((*POD, "securityContext", "runAsNonRoot"), None), "runAsNonRoot"),
    ("Deployment", "smtp", _set(("spec", "strategy", "rollingUpdate", "maxSurge"), 0), "are both 0"),
    ("Service", "smtp", _set(("spec", "selector", "app"), "other"), "matches no pods"),
    ("Service", "smtp", _set(("spec", "ports", 0, "targetPort"), "web"), "targetPort web"),
    ("Service", "smtp", _set(("spec", "ports", 0, "protocol"), None), "has no protocol"),
    ("Ingress", "api", _set(("spec", "rules", 0, "http", "paths", 0, "backend", "service", "name"), "web"), "no service web"),
    ("Ingress", "api", _set(("spec", "rules", 0, "host"), "other.test"), "has no certificate"),
    ("HorizontalPodAutoscaler", "imap", _set(("spec", "scaleTargetRef", "name"), "other"), "no Deployment other"),
    ("HorizontalPodAutoscaler", "imap", _set(("spec", "minReplicas"), 99), "over maxReplicas"),
    ("PodDisruptionBudget", "imap", _set(("spec", "selector", "matchLabels", "app"), "other"), "matches no pods"),
    ("PodDisruptionBudget", "imap", _set(("spec", "maxUnavailable"), 0), "lets no pod"),
    ("NetworkPolicy", "imap", _set(("spec", "podSelector", "matchLabels", "app"), "other"), "matches no pods"),
    ("NetworkPolicy", "imap", _set(("spec", "ingress", 1, "from", 0, "podSelector", "matchLabels", "app"), "x"), "matches no pods"),
    ("RoleBinding", "viewers", _set(("roleRef", "name"), "other"), "no Role other"),
    ("Role", "viewer", _set(("rules", 0, "resources", 0), "secrets"), "reading secrets"),
    ("CronJob", "backup", _set(("spec", "jobTemplate", "spec", "template", "spec", "volumes", 0, "persistentVolumeClaim", "claimName"), "x"), "no claim x"),
]


@pytest.mark.parametrize("kind, name, change, finding", DEFECTS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_seeded_defect_is_found(documents, kind, name, change, finding):
    damaged = copy.deepcopy(documents)
    change(by(damaged, kind, name))
    assert any(finding in line for line in findings(damaged)), findings(damaged)


def test_the_images_are_those_of_the_overlay(documents):
    images = {
        container["image"] for one in documents if one["kind"] in {"Deployment", "Job", "CronJob"}
        for container in template(one)["spec"]["containers"]
    }
    ours = {image for image in images if "email-platform" in image}
    assert ours == {f"registry.example.test/email-platform/{name}:v1.0.0" for name in (*SERVICES, "oonrumail", "operations")}


@pytest.mark.parametrize("name", SERVICES)
def test_the_runbook_sets_an_image(documents, tmp_path, name):
    file = tmp_path / "deployment.yaml"
    file.write_text(yaml.safe_dump(by(documents, "Deployment", name)))
    done = subprocess.run(
        ["kubectl", "set", "image", "--local", "-f", file, f"{name}=email-platform/{name}:v2.0.0", "-o", "json"],
        text=True, capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    deployment = json.loads(done.stdout)
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == f"email-platform/{name}:v2.0.0"
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_the_services_accept_their_settings(documents, tmp_path):
    settings = by(documents, "ConfigMap", "oonrumail-settings")["data"]
    listed = subprocess.run([EXECUTABLE, "config", "list", "--json"], text=True, capture_output=True, check=True, cwd=tmp_path)
    known = {row["name"] for row in json.loads(listed.stdout)}
    secret = {key for key in ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY", "OPENSEARCH_PASSWORD", "SENTRY_DSN")}
    assert set(settings) | secret <= known
    base = {key: value for key, value in os.environ.items() if not key.startswith(("OONRUMAIL_", "POSTGRES_", "REDIS_", "S3_"))}
    done = subprocess.run(
        [EXECUTABLE, "config", "check"], text=True, capture_output=True, cwd=tmp_path,
        env={
            **base, **settings, **{key: "value" for key in secret}, "SENTRY_DSN": "https://key@errors.example.test/1",
            "OONRUMAIL_DATA": str(tmp_path), "OONRUMAIL_MASTER_KEY_FILE": "/k",
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_migrates_can_be_applied_alone(documents):
    alone = [one for one in documents if one["metadata"].get("labels", {}).get("phase") == "migrate"]
    kinds = {one["kind"] for one in alone}
    assert {"Namespace", "Job", "ConfigMap", "ServiceAccount", "NetworkPolicy"} <= kinds and "Deployment" not in kinds
    made_by_cert_manager = ("mail-tls", "api-tls")
    given = [one["metadata"]["name"] for one in alone if one["kind"] == "Secret"]
    jobs = [line for line in findings(alone, given=[*given, *made_by_cert_manager]) if line.startswith("Job/")]
    assert jobs == []


def test_the_gateway_reads_its_configuration():
    done = subprocess.run(["haproxy", "-c", "-f", ROOT / "deploy/k8s/base/haproxy.cfg"], text=True, capture_output=True)
    # The names are those of the cluster, which is not here.
    wrong = [line for line in done.stderr.splitlines() if "[WARNING]" in line and "could not resolve" not in line]
    assert done.returncode == 0 and wrong == []


def test_the_gateway_passes_mail_on_and_says_who_the_client_is(platform, tmp_path):
    """The configuration of the cluster with the addresses of a replica that is here."""
    text = (ROOT / "deploy/k8s/base/haproxy.cfg").read_text()
    replica = {**platform.cluster.places["smtp-server", 0], **platform.cluster.places["imap-server", 0]}
    inside = {"smtp:25": "smtp", "smtp:587": "submission", "smtp:465": "submissions", "imap:143": "imap", "imap:993": "imaps"}
    for name, port in inside.items():
        text = re.sub(rf"{name}\b(?= send)", f"127.0.0.1:{replica[port]}", text)
    ports = {}
    for number in (8404, 2525, 2587, 2465, 2143, 2993):
        ports[number] = free_port()
        text = text.replace(f"bind :{number}", f"bind 127.0.0.1:{ports[number]}")
    (tmp_path / "haproxy.cfg").write_text(text)
    gateway = subprocess.Popen(["haproxy", "-db", "-f", tmp_path / "haproxy.cfg"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        def is_healthy():
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{ports[8404]}/health", timeout=5).status == 200
            except OSError:
                return False

        wait_until(is_healthy)
        assert b"haproxy_process" in urllib.request.urlopen(f"http://127.0.0.1:{ports[8404]}/metrics", timeout=5).read()
        with smtplib.SMTP("127.0.0.1", ports[2525], timeout=20) as client:
            assert client.noop()[0] == 250
        with smtplib.SMTP_SSL("127.0.0.1", ports[2465], timeout=20, context=any_certificate()) as client:
            assert client.noop()[0] == 250
        with imaplib.IMAP4_SSL("127.0.0.1", ports[2993], ssl_context=any_certificate(), timeout=20) as client:
            assert client.login(ADMIN, PASSWORD)[0] == "OK"
    finally:
        gateway.terminate()
        gateway.wait(timeout=20)


def test_the_scripts_of_the_jobs_are_there(documents):
    for name in ("backup", "verify-backup"):
        [argument] = template(by(documents, "CronJob", name))["spec"]["containers"][0]["args"]
        script = re.search(r"/opt/oonrumail/(\S+)", argument)[1]
        assert os.access(ROOT / script, os.X_OK)


def test_no_secret_is_in_the_repository():
    listed = subprocess.run(["git", "ls-files", "deploy"], cwd=ROOT, text=True, capture_output=True, check=True).stdout
    assert not [name for name in listed.splitlines() if pathlib.Path(name).name in ("secrets.env", "master.key")]
