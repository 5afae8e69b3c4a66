"""Rules, routes and dashboards: read by the programs that will read them, and asked of metrics that really exist."""
import json
import os
import re
import subprocess
import urllib.parse
import urllib.request

import pytest
import yaml
from conftest import ROOT
from platform_process import ADMIN, PASSWORD, free_port, wait_until

MONITORING = ROOT / "deploy/monitoring"
RULES = sorted((MONITORING / "prometheus/rules").glob("*.yml"))
DASHBOARDS = {path.stem: json.loads(path.read_text()) for path in (MONITORING / "grafana/dashboards").glob("*.json")}
CASES = yaml.safe_load((MONITORING / "prometheus/alerts_test.yml").read_text())["cases"]


def rules():
    return [rule for path in RULES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


def run(*words, **options):
    return subprocess.run([str(word) for word in words], text=True, capture_output=True, timeout=60, **options)


def queries():
    """(where, expression) of everything that Prometheus is asked."""
    for rule in rules():
        yield rule.get("alert") or rule["record"], rule["expr"]
    for name, dashboard in DASHBOARDS.items():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                yield f"{name}: {panel['title']}", target["expr"]


# Words of the query language that look like names of metrics.
WORDS = {
    "sum", "by", "rate", "max", "min", "count", "absent", "time", "vector", "histogram_quantile", "increase", "topk", "and", "or", "on",
    "without", "unless", "le", "app", "track", "route", "status", "method", "outcome", "service", "listener", "state", "database", "command",
}


def metrics_of(expression):
    text = re.sub(r'"[^"]*"', '""', expression)
    text = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(?:by|without)\s*\([^)]*\)", " ", text)
    return {name for name in re.findall(r"[a-zA-Z_:][\w:]*", text) if name not in WORDS}


@pytest.fixture(scope="module")
def exporters(platform, tmp_path_factory):
    """The real exporters, on the real backends; answers the addresses of their metrics."""
    folder = tmp_path_factory.mktemp("exporters")
    backends = platform.cluster.backends
    modules = yaml.safe_load((MONITORING / "blackbox/blackbox.yml").read_text())
    # The certificate of the test is its own authority.
    authority = {"ca_file": platform.settings["OONRUMAIL_TLS_CERTIFICATE"]}
    for name in ("smtp_starttls", "smtps", "imaps"):
        modules["modules"][name]["tcp"]["tls_config"] = authority
    (folder / "blackbox.yml").write_text(yaml.safe_dump(modules))
    commands = {
        "node": ["prometheus-node-exporter"],
        "redis": ["prometheus-redis-exporter", f"-redis.addr=redis://127.0.0.1:{backends.redis.port}"],
        "postgres": ["prometheus-postgres-exporter"],
        "blackbox": ["prometheus-blackbox-exporter", f"--config.file={folder}/blackbox.yml"],
    }
    environment = {
        **os.environ, "REDIS_PASSWORD": backends.redis.password,
        "DATA_SOURCE_NAME": f"postgres://postgres:x@127.0.0.1:{backends.postgres.port}/postgres?sslmode=disable",
    }
    addresses, processes = {}, []
    for name, command in commands.items():
        port = free_port()
        address = f"127.0.0.1:{port}"
        flag = "-web.listen-address=" if name == "redis" else "--web.listen-address="
        with open(folder / f"{name}.log", "wb") as log:
            processes.append(subprocess.Popen([*command, flag + address], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        addresses[name] = f"http://{address}"
    try:
        for address in addresses.values():
            wait_until(lambda: read(address + "/metrics") is not None)
        yield addresses
    finally:
        for process in processes:
            process.terminate()
            process.wait(timeout=20)


def read(url, **headers):
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20).read().decode()
    except OSError:
        return None


def names_in(text):
    return set(re.findall(r"^([a-zA-Z_:][\w:]*)", text, re.M))


def probe(exporters, module, target, seconds=10):
    query = urllib.parse.urlencode({"module": module, "target": target})
    return read(f"{exporters['blackbox']}/probe?{query}", **{"X-Prometheus-Scrape-Timeout-Seconds": str(seconds)})


def test_everything_that_is_asked_exists(platform, exporters):
    platform.messages(ADMIN)
    platform.http("POST", "/api/auth/login", {"email": ADMIN, "password": PASSWORD})
    known = {"up"} | {rule["record"] for rule in rules() if "record" in rule}
    # The first look at certificates comes with a process's second second, the first count of mail soon after.
    wait_until(lambda: platform.metric("oonrumail_certificate_expiry_seconds"), seconds=60)
    wait_until(lambda: any("oonrumail_statistics_lag_seconds" in "".join(platform._metrics(port)) for port in platform.http_ports))
    for port in platform.http_ports:
        known |= names_in(read(f"http://127.0.0.1:{port}/metrics"))
    for name in ("node", "redis", "postgres"):
        known |= names_in(read(exporters[name] + "/metrics"))
    known |= names_in(probe(exporters, "smtp_starttls", f"localhost:{platform.ports['smtp']}"))
    for script in (ROOT / "scripts/backups").glob("*.sh"):
        known |= names_in(script.read_text()) & {name for name in names_in(script.read_text()) if name.startswith("oonrumail_")}
    assert "pg_up" in known and "redis_up" in known
    missing = {(where, name) for where, expression in queries() for name in metrics_of(expression) if name not in known}
    assert missing == set()


@pytest.mark.parametrize("module, port", [("smtp_starttls", "smtp"), ("smtps", "submissions"), ("imaps", "imaps")])
def test_the_probes_speak_the_protocols(platform, exporters, module, port):
    answer = probe(exporters, module, f"localhost:{platform.ports[port]}")
    assert "\nprobe_success 1\n" in answer and "\nprobe_ssl_earliest_cert_expiry " in answer
    wrong = probe(exporters, module, f"localhost:{platform.ports['http']}", seconds=1)
    assert "\nprobe_success 0\n" in wrong


def test_promtool_reads_the_rules():
    done = run("promtool", "check", "rules", *RULES)
    assert done.returncode == 0, done.stderr


def test_promtool_reads_the_queries_of_the_dashboards(tmp_path):
    asked = [
        {"record": f"query:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, (_, expression) in enumerate(queries())
    ]
    (tmp_path / "queries.yml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": asked}]}))
    done = run("promtool", "check", "rules", tmp_path / "queries.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_reads_the_configuration(tmp_path):
    """Without the discovery in Kubernetes, which Debian's build leaves out."""
    text = (MONITORING / "prometheus/prometheus.yml").read_text()
    document = yaml.safe_load(text)
    for job in document["scrape_configs"]:
        if job.pop("kubernetes_sd_configs", None):
            job["static_configs"] = [{"targets": ["127.0.0.1:1"]}]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(document))
    done = run("promtool", "check", "config", "--syntax-only", tmp_path / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    for job in document["scrape_configs"]:
        for files in job.get("file_sd_configs", []):
            for name in files["files"]:
                targets = yaml.safe_load((MONITORING / "prometheus" / name).read_text())
                modules = yaml.safe_load((MONITORING / "blackbox/blackbox.yml").read_text())["modules"]
                assert all(one["labels"]["module"] in modules for one in targets)


def test_every_alert_fires_when_it_should_and_only_then(tmp_path):
    assert {case["alert"] for case in CASES} == {rule["alert"] for rule in rules() if "alert" in rule}
    def file_of(cases, interval):
        tests = [
            {
                "name": f"{case['alert']} {kind}", "interval": "1m",
                "input_series": [{"series": one["series"], "values": str(one["values"])} for one in case[kind]],
                "promql_expr_test": [
                    {
                        "expr": f'count(ALERTS{{alertname="{case["alert"]}",alertstate="firing"}}) > bool 0', "eval_time": case["at"],
                        "exp_samples": [{"labels": "{}", "value": 1}] if kind == "firing" else [],
                    }
                ],
            }
            for case in cases for kind in ("quiet", "firing")
        ]
        file = tmp_path / f"{interval}.yml"
        file.write_text(yaml.safe_dump({"rule_files": [str(path) for path in RULES], "evaluation_interval": interval, "tests": tests}))
        return file

    # What takes hours is looked at less often, but within the five minutes that a value lives: groups come in any order.
    long = [case for case in CASES if case["at"].endswith("h")]
    done = run("promtool", "test", "rules", file_of([case for case in CASES if case not in long], "1m"), file_of(long, "4m"))
    assert done.returncode == 0, done.stdout + done.stderr
    # The tests see: with one threshold changed they fail.
    file = file_of([case for case in CASES if case["alert"] == "QueueTooDeep"], "1m")
    assert run("promtool", "test", "rules", file).returncode == 0
    changed = tmp_path / "alerts.yml"
    changed.write_text((MONITORING / "prometheus/rules/alerts.yml").read_text().replace("> 10000", "> 20000"))
    file.write_text(file.read_text().replace(str(MONITORING / "prometheus/rules/alerts.yml"), str(changed)))
    assert run("promtool", "test", "rules", file).returncode != 0


def test_the_alerts_of_the_runbook_are_there():
    by_severity = {}
    for path in RULES:
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                if "alert" in rule:
                    by_severity.setdefault(group["name"], []).append((rule["alert"], rule["labels"]["severity"]))
    assert [name for name, severity in by_severity["critical"] if severity != "critical"] == []
    assert {"DatabaseDown", "RedisDown", "MailServerNotResponding", "APIErrorRateHigh", "QueueTooDeep", "DiskAlmostFull", "CertificateEndsInSevenDays"} <= {
        name for name, _ in by_severity["critical"]
    }
    assert by_severity["warning"] == [
        (name, "warning") for name in ("APISlow", "QueueDeep", "DatabasePoolAlmostUsedUp", "MemoryHigh", "DeliveryRateLow")
    ]


def test_alertmanager_reads_its_configuration_and_routes():
    file = MONITORING / "alertmanager/alertmanager.yml"
    done = run("amtool", "check-config", file)
    assert done.returncode == 0, done.stdout + done.stderr
    for severity, receivers in (("critical", "mailbox,pager,incidents"), ("warning", "mailbox,warnings"), ("other", "mailbox")):
        done = run("amtool", "config", "routes", "test", f"--config.file={file}", f"severity={severity}")
        assert done.stdout.strip() == receivers


def test_the_dashboards_of_the_runbook():
    assert set(DASHBOARDS) == {"system-overview", "email-metrics", "domain-health", "api-performance"}
    for name, dashboard in DASHBOARDS.items():
        assert dashboard["uid"] == name
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert len(ids) == len(set(ids)) >= 9
        taken = set()
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
            assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
            taken |= cells
            assert panel["targets"] and all(target["legendFormat"] for target in panel["targets"])


def test_a_platform_speaks_metrics_that_promtool_accepts(platform):
    for port in platform.http_ports:
        done = run("promtool", "check", "metrics", input=read(f"http://127.0.0.1:{port}/metrics"))
        wrong = [line for line in done.stderr.splitlines() if "no help text" not in line]
        assert wrong == []
