"""Every route of every service is reached through every gateway: the laptop's and the cluster's HAProxy, the ingress of Kubernetes."""
import json
import re
import subprocess
import urllib.request

import pytest
import yaml
from cluster import SERVICES, http_rules
from conftest import ROOT

# Every service answers these for itself.
COMMON = ("/health", "/ready", "/metrics", "/openapi.json", "/problems", "/problems/{name}", "/openapi/{service}")
NAMES = {"smtp-server": "smtp", "imap-server": "imap"}


@pytest.fixture(scope="module")
def routes(platform):
    """(service, path) of all that the running services say they serve, with something in the place of parameters."""
    found = []
    for service in SERVICES:
        port = platform.cluster.places[service, 0]["http"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json", timeout=10) as answer:
            paths = json.load(answer)["paths"]
        own = [path for path in paths if path not in (*COMMON, "/health/{service}")]
        found += [(NAMES.get(service, service), re.sub(r"\{[^}]*\}", "x", path)) for path in own]
        found += [(NAMES.get(service, service), f"/{what}/{NAMES.get(service, service)}") for what in ("health", "openapi")]
    assert len(found) > 40
    return found


FITS = {"path": str.__eq__, "path_beg": str.startswith, "path_reg": lambda path, expression: re.search(expression, path) is not None}


def by_haproxy(path):
    """The first rule that fits."""
    for line in http_rules().splitlines():
        words = line.split()
        if words[0] == "default_backend":
            return words[1]
        assert words[2:4] == ["if", "{"] and words[4] in FITS and words[-1] == "}", line
        values, given = words[5:-1], path
        if values[0] == "-i":
            values, given = [value.lower() for value in values[1:]], path.lower()
        if any(FITS[words[4]](given, value) for value in values):
            return words[1].removesuffix("-http")
    return None


def by_ingress(path, rules):
    """An exact path first, then the longest whole segments."""
    def fits(rule):
        wanted = rule["path"].rstrip("/")
        return path == rule["path"] if rule["pathType"] == "Exact" else path == wanted or path.startswith(wanted + "/")

    best = max(filter(fits, rules), key=lambda rule: (rule["pathType"] == "Exact", len(rule["path"])))
    return best["backend"]["service"]["name"]


def test_haproxy_leads_every_path_to_the_service_that_has_it(routes):
    wrong = [(service, path, by_haproxy(path)) for service, path in routes if by_haproxy(path) != service]
    assert not wrong


def test_the_ingress_leads_every_path_to_the_service_that_has_it(routes):
    documents = yaml.safe_load_all((ROOT / "deploy/k8s/base/ingress.yaml").read_text())
    api = next(one for one in documents if one["metadata"]["name"] == "api")
    rules = api["spec"]["rules"][0]["http"]["paths"]
    wrong = [(service, path, by_ingress(path, rules)) for service, path in routes if by_ingress(path, rules) != service]
    assert not wrong


def test_the_gateway_itself_leads_there(platform, routes):
    """What the running HAProxy says to a stranger: never that there is no such path."""
    for service, path in routes:
        code = subprocess.run(
            ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--request", "OPTIONS", f"http://127.0.0.1:{platform.ports['http']}{path}"],
            text=True, capture_output=True, timeout=20,
        ).stdout
        assert code == "204", (service, path, code)
