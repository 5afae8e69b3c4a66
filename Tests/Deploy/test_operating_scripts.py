"""Health checks, notifications, rollbacks and the canary, against the running cluster."""
import json
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import canary_metrics
import pytest
from conftest import ROOT
from platform_process import ADMIN, PASSWORD, wait_until

SCRIPTS = sorted(str(path.relative_to(ROOT / "scripts")) for path in (ROOT / "scripts").rglob("*.sh") if path.stat().st_mode & 0o100)


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_tells_how_it_is_used(name):
    done = subprocess.run([ROOT / "scripts" / name, "--help"], text=True, capture_output=True, cwd="/", timeout=20)
    assert done.returncode == 0 and done.stdout.startswith(("usage:", f"usage: scripts/{name}"))
    assert f"scripts/{name}" in done.stdout


def test_health_names_what_is_broken(platform, script):
    done = script("health-check-all.sh")
    assert done.stdout.count("✓") == 8 and "all 8 checks passed" in done.stdout
    for number in range(platform.cluster.replicas):
        platform.cluster.kill("imap-server", number)
    try:
        broken = script("health-check-all.sh", check=False)
        assert broken.returncode == 1
        assert re.findall(r"✗ (imap|IMAP)", broken.stdout) == ["imap", "IMAP"] and broken.stdout.count("✗") == 2
    finally:
        for number in range(platform.cluster.replicas):
            platform.cluster.start_process("imap-server", number)
            platform.cluster.wait_ready("imap-server", number)
    wait_until(lambda: script("health-check-all.sh", check=False).returncode == 0)


def test_a_dead_redis_is_named(platform, script):
    def is_named():
        done = script("health-check-all.sh", check=False)
        return done.returncode == 1 and "redis is" in done.stdout

    def is_well():
        return script("health-check-all.sh", check=False).returncode == 0

    platform.cluster.backends.redis.kill()
    try:
        wait_until(is_named)
        assert script("health-check-all.sh", "--allow-degraded").returncode == 0
    finally:
        platform.cluster.backends.redis.start()
    # Each replica finds Redis again by itself, and the balancer asks them in turn.
    wait_until(lambda: all(is_well() for _ in range(platform.cluster.replicas)))


def test_the_whole_verification_after_a_deployment(platform, script, tmp_path):
    password = tmp_path / "password"
    password.write_text(PASSWORD + "\n")
    platform.cli("alias", "add", "checks@example.test", ADMIN)
    before = len(platform.messages(ADMIN))
    done = script("post-deploy-verify.sh", VERIFY_USER=ADMIN, VERIFY_PASSWORD_FILE=password, VERIFY_ALIAS="checks@example.test", check=False)
    assert done.returncode == 0 and "✗" not in done.stdout, done.stdout
    for name in ("PostgreSQL", "Redis", "S3", "signed by DKIM", "search finds", "forwarding", "sign-in", "domain management"):
        assert re.search(f"✓ [^\n]*{name}", done.stdout), done.stdout
    assert len(platform.messages(ADMIN)) == before
    password.write_text("wrong\n")
    done = script("post-deploy-verify.sh", VERIFY_USER=ADMIN, VERIFY_PASSWORD_FILE=password, check=False, REDIS_PASSWORD="wrong", S3_SECRET_ACCESS_KEY="wrong")
    assert done.returncode == 1
    for name in ("Redis", "S3", "sign-in", "submission takes"):
        assert re.search(f"✗ [^\n]*{name}", done.stdout), done.stdout
    assert PASSWORD not in done.stdout + done.stderr


def test_shellcheck_finds_nothing():
    files = [path for path in (ROOT / "scripts").rglob("*.sh")]
    done = subprocess.run(["shellcheck", *files], cwd=ROOT, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout


@pytest.fixture
def listener():
    """An HTTP server that answers as told, and keeps what it was sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.received.append((self.path, self.headers["Content-Type"], body))
            self.send_response(self.server.codes.pop(0) if self.server.codes else 200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.received, server.codes = [], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def test_slack_is_told_again_when_it_is_busy(script, listener):
    listener.codes = [500, 503]
    script(
        "notify-slack.sh", "--channel=#incidents", stdin='Rolled back: "a" & <!channel>\nnow\n', SLACK_RETRY_DELAY=0,
        SLACK_WEBHOOK_URL=f"http://127.0.0.1:{listener.server_port}/services/T/B/secret",
    )
    assert len(listener.received) == 3
    path, kind, body = listener.received[-1]
    assert (path, kind) == ("/services/T/B/secret", "application/json")
    assert json.loads(body) == {"channel": "#incidents", "text": 'Rolled back: "a" &amp; &lt;!channel&gt;\nnow'}


def test_slack_refuses(script, listener):
    listener.codes = [404] * 9
    done = script(
        "notify-slack.sh", stdin="x", check=False, SLACK_WEBHOOK_URL=f"http://127.0.0.1:{listener.server_port}/secret"
    )
    assert done.returncode == 1 and "404" in done.stderr and "secret" not in done.stderr
    assert "nothing to send" in script("notify-slack.sh", "--dry-run", check=False).stderr
    assert "is set" in script("notify-slack.sh", stdin="x", check=False).stderr


# A cluster's deployments in a file: what the scripts ask and do, and no more.
KUBECTL = '''#!/usr/bin/env python3
import json, pathlib, sys
words = sys.argv[1:]
folder = pathlib.Path(__file__).parent
state = folder / "state.json"
cluster = json.loads(state.read_text())
with open(folder / "calls", "a") as calls:
    calls.write(" ".join(words) + "\\n")
if words[:1] == ["-n"]:
    words = words[2:] + words[:2]
deployments = cluster["deployments"]
def option(name):
    return next((w.split("=", 1)[1] for w in words if w.startswith(name + "=")), None)
named = next((w.split("/")[1] for w in words if w.startswith("deployment/")), None)
verb = words[0]
if verb == "get" and words[1] == "deployment":
    print(json.dumps(deployments[words[2]])) if words[2] in deployments else sys.exit(1)
elif verb == "get" and words[1] == "deployments":
    for name, one in deployments.items():
        print(name, one["spec"]["replicas"])
elif verb == "get" and words[1] == "pods" and "name" in words:
    # Pods end when they are looked at for the second time.
    cluster["looks"] = cluster.get("looks", 0) + 1
    if cluster["looks"] < 2 or any(one["spec"]["replicas"] for one in deployments.values()):
        print("pod/smtp-1")
elif verb == "get" and words[1] == "pods":
    print(json.dumps({"items": [{"status": {"containerStatuses": [{"restartCount": cluster.get("restarts", 0)}]}}]}))
elif verb == "get":
    sys.exit(1)
elif verb == "apply":
    one = json.load(sys.stdin)
    deployments[one["metadata"]["name"]] = one
elif verb == "scale":
    for name in [named] if named else list(deployments):
        deployments[name]["spec"]["replicas"] = int(option("--replicas"))
elif words[:2] == ["set", "image"]:
    container, image = next(w for w in words if ":" in w).split("=")
    [one] = [c for c in deployments[named]["spec"]["template"]["spec"]["containers"] if c["name"] == container]
    one["image"] = image
elif verb == "delete":
    deployments.pop(words[2], None)
elif words[:2] == ["rollout", "status"] and named in cluster.get("stuck", []):
    sys.exit("error: timed out waiting for the condition")
state.write_text(json.dumps(cluster))
'''


def deployment(name, replicas):
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "email-platform", "labels": labels},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": f"email-platform/{name}:v0.9.0"}]}},
        },
    }


class Kubernetes:
    def __init__(self, put):
        self.folder = put("kubectl", KUBECTL)
        self.write(deployments={name: deployment(name, 3) for name in ("auth", "smtp", "imap", "storage", "domain-manager")})
        (self.folder / "calls").touch()

    def write(self, **state):
        (self.folder / "state.json").write_text(json.dumps(state))

    @property
    def state(self):
        return json.loads((self.folder / "state.json").read_text())

    @property
    def calls(self):
        return (self.folder / "calls").read_text().splitlines()

    @property
    def replicas(self):
        return {name: one["spec"]["replicas"] for name, one in self.state["deployments"].items()}

    def image(self, name):
        return self.state["deployments"][name]["spec"]["template"]["spec"]["containers"][0]["image"]


@pytest.fixture
def kubernetes(stand_in):
    return Kubernetes(stand_in)


def test_rollback_undoes_all_checks_and_tells(platform, script, kubernetes, listener):
    webhook = f"http://127.0.0.1:{listener.server_port}/x"
    script("rollback.sh", "--reason", "Errors after v1.0.0", SLACK_WEBHOOK_URL=webhook)
    undone = [call for call in kubernetes.calls if call.startswith("rollout undo")]
    assert [re.search(r"deployment/(\S+) -n email-platform", call)[1] for call in undone] == ["auth", "smtp", "imap", "storage", "domain-manager"]
    told = json.loads(listener.received[0][2])
    assert told["channel"] == "#incidents" and told["text"].startswith("Errors after v1.0.0")
    kubernetes.write(**{**kubernetes.state, "stuck": ["imap"]})
    done = script("rollback.sh", "imap", check=False, SLACK_WEBHOOK_URL=webhook)
    assert done.returncode == 1 and "imap: does not come up" in done.stderr
    assert "FAILED" in json.loads(listener.received[1][2])["text"]


def test_a_dry_run_of_the_rollback_calls_nobody(script, kubernetes):
    done = script("rollback.sh", "--dry-run")
    assert kubernetes.calls == [] and done.stdout.count("would run: kubectl rollout undo") == 5


def test_the_database_goes_back_with_the_services(platform, script, kubernetes, tmp_path):
    script("backups/backup-postgres.sh", "--pre-deploy")
    tried = script("db-rollback.sh", "--version", "v0.9.0", "--dry-run")
    assert [call for call in kubernetes.calls if not call.startswith("get deployments")] == [] and "--replicas=0" in tried.stdout
    # Damaged: nothing is scaled.
    latest = tmp_path / "backups/pre-deploy/latest.sql.gz"
    whole = latest.read_bytes()
    latest.write_bytes(whole[:-1])
    refused = script("db-rollback.sh", "--version", "v0.9.0", "--yes", check=False)
    assert refused.returncode == 1 and not any("scale" in call for call in kubernetes.calls)
    latest.write_bytes(whole)
    # Not confirmed: the services come back.
    refused = script("db-rollback.sh", "--version", "v0.8.0", check=False)
    assert refused.returncode == 1 and set(kubernetes.replicas.values()) == {3} and kubernetes.image("smtp").endswith("v0.9.0")
    platform.stop()
    try:
        done = script("db-rollback.sh", "--version", "v0.8.0", "--yes", "--drop-old")
        assert "restored in" in done.stderr and re.search(r"^\d+ \S+$", done.stdout, re.M)
    finally:
        platform.start()
    assert set(kubernetes.replicas.values()) == {3} and kubernetes.image("smtp") == "email-platform/smtp:v0.8.0"
    verbs = [call.split()[0:2] for call in kubernetes.calls if not call.startswith("get deployment")][-18:]
    assert verbs.index(["scale", "deployment"]) < verbs.index(["get", "pods"]) < verbs.index(["set", "image"])
    # The first time it looked again, because a pod was still there.
    assert len([call for call in kubernetes.calls if call.startswith("get pods")]) == 3


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """A real Prometheus that looks at services of which some do badly."""
    running = canary_metrics.Prometheus(tmp_path_factory.mktemp("prometheus"))
    running.wait_for_data()
    yield running
    running.end()


@pytest.mark.parametrize(
    "service, state, reason",
    [
        ("imap", {}, "over 0.01"), ("storage", {}, "s over 0.5"), ("auth", {"restarts": 2}, "restarted 2 times"),
        ("auth", {"stuck": ["auth-canary"]}, "does not come up"), ("smtp", {}, "no data"),
    ],
)
def test_a_canary_that_does_badly_goes_back(script, kubernetes, prometheus, service, state, reason):
    kubernetes.write(**kubernetes.state, **state)
    done = script("canary.sh", service, "v1.0.0", "--watch", "0s", check=False, PROMETHEUS_URL=prometheus.url, CANARY_WINDOW="5s")
    assert done.returncode == 1 and reason in done.stderr
    assert kubernetes.image(service) == f"email-platform/{service}:v0.9.0"
    assert kubernetes.replicas == {name: 3 for name in ("auth", "smtp", "imap", "storage", "domain-manager")}


def test_a_canary_that_does_well_takes_over(script, kubernetes, prometheus):
    done = script(
        "canary.sh", "auth", "v1.0.0", "--watch", "1s", "--interval", "1s", "--replicas", 10, PROMETHEUS_URL=prometheus.url,
        CANARY_WINDOW="5s",
    )
    assert kubernetes.image("auth") == "email-platform/auth:v1.0.0" and kubernetes.replicas["auth"] == 3
    assert "auth-canary" not in kubernetes.replicas and done.stdout.count("✓") == 5
    scaled = [re.search(r"auth-canary --replicas=(\d+)", call) for call in kubernetes.calls]
    assert [int(one[1]) for one in scaled if one] == [1, 3, 5, 8]


def test_a_canary_needs_eyes(script, kubernetes):
    done = script("canary.sh", "smtp", "v1.0.0", check=False)
    assert done.returncode == 1 and "PROMETHEUS_URL" in done.stderr and kubernetes.calls == []


def test_a_dry_run_of_the_canary_changes_nothing(script, kubernetes):
    before = kubernetes.state
    done = script("canary.sh", "imap", "v1.0.0", "--dry-run", PROMETHEUS_URL="http://127.0.0.1:1")
    assert kubernetes.state == before and done.stdout.count("→") == 5 and "kube " not in done.stdout
