"""The cluster shape on one machine: PostgreSQL, PgBouncer, replicas of every service, HAProxy in front.

Everything is private, listens on free loopback ports and ends with the object. Used by scripts/cluster-up.sh and, as a
fixture, by the end-to-end tests.
"""
import base64
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SERVICES = ("storage", "auth", "domain-manager", "smtp-server", "imap-server")
MAIL_PORTS = {"smtp-server": ("smtp", "submission", "submissions"), "imap-server": ("imap", "imaps")}


_given = set()


def free_port():
    """A port below those that the system gives to outgoing connections, so that none of them takes it meanwhile."""
    while True:
        port = random.randrange(10_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


def wait_until(condition, what, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not happen within {seconds} s")
        time.sleep(0.02)


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def as_owner(*command):
    """PostgreSQL and PgBouncer refuse to run as root."""
    words = [str(word) for word in command]
    if os.getuid() != 0:
        return words
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *words]


class Postgres:
    """A private server with durable commits, and PgBouncer in transaction mode before it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.binaries = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        self.port, self.pool_port = free_port(), free_port()
        self.pooler = None
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self.data = self.folder / "data"
        self._run(
            self.binaries / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"
        )
        with open(self.data / "postgresql.conf", "a") as file:
            file.write(
                f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = '{self.folder}'\n"
                "max_connections = 500\nshared_buffers = 128MB\n"
            )
        self.start()
        (self.folder / "pgbouncer.ini").write_text(
            f"[databases]\n* = host=127.0.0.1 port={self.port} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {self.pool_port}\nauth_type = any\npool_mode = transaction\nmax_client_conn = 2000\n"
            f"default_pool_size = 60\nserver_idle_timeout = 10\nunix_socket_dir =\nlogfile = {self.folder}/pgbouncer.log\n"
        )
        self.start_pooler()

    def _run(self, *command):
        subprocess.run(as_owner(*command), check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")

    def start(self):
        def starts():
            try:
                self._run(self.binaries / "pg_ctl", "-s", "-w", "-D", self.data, "-l", self.folder / "log", "start")
                return True
            except subprocess.CalledProcessError:
                return False

        # After a kill, what is left of the old server takes a moment to end.
        wait_until(starts, "the start of PostgreSQL")

    def stop(self, how="fast"):
        self._run(self.binaries / "pg_ctl", "-s", "-w", "-D", self.data, "stop", "-m", how)

    def start_pooler(self):
        self.pooler = subprocess.Popen(
            as_owner("pgbouncer", "-q", self.folder / "pgbouncer.ini"), stdin=subprocess.DEVNULL, cwd="/",
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: listens(self.pool_port), "the start of PgBouncer")

    def kill(self):
        """As a crash would end it, without a checkpoint."""
        self._run("sh", "-c", f"kill -9 $(head -1 {self.data}/postmaster.pid)")

    def kill_pooler(self):
        self.pooler.kill()
        self.pooler.wait()

    def create(self, name):
        self._run(self.binaries / "createdb", "-h", self.folder, "-p", self.port, "-U", "postgres", name)

    def end(self):
        if self.pooler:
            self.pooler.terminate()
            self.pooler.wait(timeout=20)
        self.stop("immediate")


class Cluster:
    """Replicas of every service on one database, and the ports of HAProxy before them."""

    def __init__(self, folder, postgres, executables, replicas=2, ports=None, settings=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.postgres = postgres
        self.executables = pathlib.Path(executables)
        self.replicas = replicas
        names = ("smtp", "submission", "submissions", "imap", "imaps", "http")
        self.ports = ports or {name: free_port() for name in names}
        self.data = self.folder / "data"
        self.processes = {}
        self.balancer = None
        database = f"mail_{os.getpid()}_{free_port()}"
        postgres.create(database)
        self._make_secrets()
        self.settings = {
            "POSTGRES_HOST": "127.0.0.1", "POSTGRES_PORT": str(postgres.pool_port), "POSTGRES_USER": "postgres",
            "POSTGRES_DB": database, "POSTGRES_SSLMODE": "disable", "POSTGRES_PREPARED_STATEMENTS": "off",
            "POSTGRES_POOL_SIZE": "8", "OONRUMAIL_MASTER_KEY_FILE": str(self.folder / "master.key"),
            "OONRUMAIL_BLOBS": str(self.folder / "blobs"),
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
        (self.folder / "blobs").mkdir(exist_ok=True)
        (self.data / "tls").mkdir(parents=True, exist_ok=True)
        key = self.folder / "master.key"
        if not key.exists():
            key.touch(mode=0o600)
            key.write_text(base64.b64encode(os.urandom(32)).decode() + "\n")
            subprocess.run(
                [
                    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", self.data / "tls/key.pem", "-out", self.data / "tls/certificate.pem", "-days", "30",
                    "-subj", "/CN=mail.example.test", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-addext", "basicConstraints=critical,CA:FALSE",
                ],
                check=True, capture_output=True,
            )

    # Processes

    def environment(self, service=None, number=0):
        base = {name: value for name, value in os.environ.items() if not name.startswith(("OONRUMAIL_", "POSTGRES_"))}
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
        yield "postgres", self.postgres.kill, self.postgres.start
        yield "pgbouncer", self.postgres.kill_pooler, self.postgres.start_pooler

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

    def _servers(self, service, port, extra=""):
        return "".join(
            f"  server {service}-{number} 127.0.0.1:{self.places[service, number][port]} {extra} check port "
            f"{self.places[service, number]['http']} inter 300ms fall 2 rise 1 on-marked-down shutdown-sessions\n"
            for number in range(self.replicas)
        )

    def _haproxy(self):
        text = (
            "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 35m\n"
            "  timeout server 35m\n  timeout check 3s\n  retries 3\n  option redispatch\n  option httpchk GET /ready\n"
        )
        for service, names in MAIL_PORTS.items():
            for name in names:
                text += f"listen {name}\n  bind 127.0.0.1:{self.ports[name]}\n" + self._servers(service, name, "send-proxy-v2")
        text += (
            f"frontend http\n  mode http\n  bind 127.0.0.1:{self.ports['http']}\n  option forwardfor\n"
            "  use_backend http-auth if { path_beg /api/auth/ /api/users /.well-known/ /health/auth }\n"
            "  use_backend http-domain-manager if { path_beg /api/domains /health/domain-manager }\n"
            "  use_backend http-smtp-server if { path_beg /health/smtp }\n"
            "  use_backend http-imap-server if { path_beg /health/imap }\n  default_backend http-storage\n"
        )
        for service in SERVICES:
            text += f"backend http-{service}\n  mode http\n" + self._servers(service, "http")
        return text
