"""The cluster shape on one machine: backends, replicas of every service, HAProxy in front.

Everything is private, listens on free loopback ports and ends with the object. Used by scripts/cluster-up.sh and, as a
fixture, by the end-to-end tests.
"""
import base64
import os
import pathlib
import signal
import subprocess
import urllib.request

from backends import ROOT, Backends, listens, wait_until
from ports import free_port

SERVICES = ("storage", "auth", "domain-manager", "smtp-server", "imap-server")
MAIL_PORTS = {"smtp-server": ("smtp", "submission", "submissions"), "imap-server": ("imap", "imaps")}
# Settings of the surroundings do not count.
PREFIXES = ("OONRUMAIL_", "POSTGRES_", "REDIS_", "S3_", "OPENSEARCH_", "SENTRY_", "OTEL_", "DATABASE_URL")

__all__ = ["ROOT", "SERVICES", "Backends", "Cluster"]


def http_rules():
    """Which paths go to which service: the rules of the laptop's gateway."""
    lines = (ROOT / "deploy/compose/haproxy.cfg").read_text().splitlines()
    return "".join(f"{line}\n" for line in lines if line.split()[:1] in (["use_backend"], ["default_backend"]))


def backend(service):
    """The name that the gateway's rules have for a service."""
    return {"smtp-server": "smtp-http", "imap-server": "imap-http"}.get(service, service)


class Cluster:
    """Replicas of every service on the same backends, and the ports of HAProxy before them."""

    def __init__(self, folder, backends, executables, replicas=2, ports=None, settings=None, check="1s"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.backends = backends
        self.executables = pathlib.Path(executables)
        self.replicas = replicas
        # How often the balancer asks a process that is well whether it still is; one that may not be, twice a second.
        self.check = check
        names = ("smtp", "submission", "submissions", "imap", "imaps", "http")
        self.ports = ports or {name: free_port() for name in names}
        self.data = self.folder / "data"
        self.processes = {}
        self.balancer = None
        database = f"mail_{os.getpid()}_{free_port()}"
        backends.postgres.create(database)
        self._make_secrets()
        self.settings = {
            "POSTGRES_HOST": "127.0.0.1", "POSTGRES_PORT": str(backends.postgres.pool_port), "POSTGRES_USER": "postgres",
            "POSTGRES_DB": database, "POSTGRES_SSLMODE": "disable", "POSTGRES_PREPARED_STATEMENTS": "off",
            "POSTGRES_POOL_SIZE": "8", "OONRUMAIL_MASTER_KEY_FILE": str(self.folder / "master.key"),
            **backends.redis.settings(), **backends.s3.settings(),
            "OONRUMAIL_TLS_CERTIFICATE": str(self.data / "tls/certificate.pem"),
            "OONRUMAIL_TLS_KEY": str(self.data / "tls/key.pem"), "OONRUMAIL_DATA": str(self.data),
            **{f"OONRUMAIL_{name.upper()}_PORT": str(port) for name, port in self.ports.items()},
            **(settings or {}),
        }
        self.places = {
            (service, number): {name: free_port() for name in MAIL_PORTS.get(service, ()) + ("http",)}
            for service in SERVICES for number in range(replicas)
        }

    def _make_secrets(self):
        (self.data / "tls").mkdir(parents=True, exist_ok=True)
        key = self.folder / "master.key"
        if not key.exists():
            key.touch(mode=0o600)
            key.write_text(base64.b64encode(os.urandom(32)).decode() + "\n")
            subprocess.run(
                [
                    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", self.data / "tls/key.pem", "-out", self.data / "tls/certificate.pem", "-days", "90",
                    "-subj", "/CN=mail.example.test", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-addext", "basicConstraints=critical,CA:FALSE",
                ],
                check=True, capture_output=True,
            )

    # Processes

    def environment(self, service=None, number=0):
        base = {name: value for name, value in os.environ.items() if not name.startswith(PREFIXES)}
        own = {}
        if service:
            own = {f"OONRUMAIL_{name.upper()}_PORT": str(port) for name, port in self.places[service, number].items()}
            own["OONRUMAIL_DATA"] = str(self.folder / f"{service}-{number}")
            own["OONRUMAIL_PROXY_NETWORKS"] = "127.0.0.1/32"
        return {**base, **self.settings, **own}

    def start(self):
        # The first makes the schema and the administrator; the others find them.
        self.start_process(SERVICES[0], 0)
        self.wait_ready(SERVICES[0], 0)
        for place in self.places:
            if place not in self.processes:
                self.start_process(*place)
        for place in self.places:
            self.wait_ready(*place)
        self._start_balancer()
        return self

    def start_process(self, service, number):
        with open(self.folder / f"{service}-{number}.log", "ab") as log:
            self.processes[service, number] = subprocess.Popen(
                [self.executables / service], cwd=self.folder, env=self.environment(service, number), stdout=log,
                stderr=log, stdin=subprocess.DEVNULL,
            )

    def wait_ready(self, service, number):
        port, process = self.places[service, number]["http"], self.processes[service, number]

        def is_ready():
            if process.poll() is not None:
                log = (self.folder / f"{service}-{number}.log").read_text()[-2000:]
                raise RuntimeError(f"{service} ended with {process.returncode}:\n{log}")
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=2).status == 200
            except OSError:
                return False

        wait_until(is_ready, f"the start of {service}", seconds=60)

    def kill(self, service, number, how=signal.SIGKILL):
        process = self.processes.pop((service, number))
        process.send_signal(how)
        return process.wait(timeout=40)

    def victims(self):
        """(name, kill, start again) of every process that may die."""
        for place in self.places:
            yield "-".join(map(str, place)), lambda place=place: self.kill(*place), lambda place=place: self.start_process(*place)
        yield from self.backends.victims()

    def stop(self, how=signal.SIGTERM):
        if self.balancer:
            self.balancer.terminate()
            self.balancer.wait(timeout=20)
            self.balancer = None
        for process in self.processes.values():
            process.send_signal(how)
        codes = [process.wait(timeout=60) for process in self.processes.values()]
        self.processes = {}
        return max(codes, default=0, key=abs)

    # The load balancer

    def _start_balancer(self):
        configuration = self.folder / "haproxy.cfg"
        configuration.write_text(self._haproxy())
        self.balancer = subprocess.Popen(
            ["haproxy", "-q", "-db", "-f", configuration], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(self.folder / "haproxy.log", "ab"),
        )
        for port in self.ports.values():
            wait_until(lambda: listens(port), "the start of HAProxy")

    def _servers(self, service, port, options):
        return "".join(
            f"  server {service}-{number} 127.0.0.1:{self.places[service, number][port]} {options(number)} "
            "on-marked-down shutdown-sessions\n"
            for number in range(self.replicas)
        )

    def _haproxy(self):
        text = (
            "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 35m\n"
            "  timeout server 35m\n  timeout check 3s\n  retries 3\n  option redispatch\n  option httpchk GET /ready\n"
        )
        for service, names in MAIL_PORTS.items():
            for name in names:
                # A process is asked once, however many ports it has.
                tracked = f"send-proxy-v2 track {backend(service)}/{service}-"
                text += f"listen {name}\n  bind 127.0.0.1:{self.ports[name]}\n"
                text += self._servers(service, name, lambda number: f"{tracked}{number}")
        text += f"frontend http\n  mode http\n  bind 127.0.0.1:{self.ports['http']}\n  option forwardfor\n{http_rules()}"
        checked = f"check inter {self.check} fastinter 500ms downinter 500ms fall 2 rise 1"
        for service in SERVICES:
            text += f"backend {backend(service)}\n  mode http\n" + self._servers(service, "http", lambda _: checked)
        return text
