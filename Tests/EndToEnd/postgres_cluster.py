"""A private PostgreSQL server on a free port, for tests and benchmarks."""
import os
import pathlib
import shutil
import subprocess
import tempfile

from platform_process import free_port

BINARIES = next((path for path in sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


def as_owner(*command):
    if os.getuid() == 0:
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *map(str, command)]
    return [str(word) for word in command]


class Cluster:
    def __init__(self, *configuration):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postgres-"))
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self.port = free_port()
        self.data = self.folder / "data"
        self.run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
        with open(self.data / "postgresql.conf", "a") as file:
            file.write(f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = '{self.folder}'\n")
            file.write("\n".join(configuration or ["fsync = off"]) + "\n")
        self.control("start")

    def run(self, program, *arguments):
        subprocess.run(as_owner(BINARIES / program, *arguments), check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/")

    def control(self, what, *more):
        self.run("pg_ctl", "-s", "-D", self.data, "-l", self.folder / "log", "-w", *more, what)

    def sql(self, text, database="postgres"):
        return subprocess.run(
            [BINARIES / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-p", str(self.port), "-U", "postgres", "-d", database, "-c", text],
            check=True, text=True, capture_output=True,
        ).stdout.strip()

    def database(self):
        """Settings of a new, empty database."""
        name = f"mail_{free_port()}"
        self.sql(f"CREATE DATABASE {name}")
        return {
            "POSTGRES_HOST": "127.0.0.1", "POSTGRES_PORT": str(self.port), "POSTGRES_USER": "postgres", "POSTGRES_PASSWORD": "any",
            "POSTGRES_DB": name, "POSTGRES_SSLMODE": "disable",
        }

    def end(self):
        self.control("stop", "-m", "immediate")
        shutil.rmtree(self.folder)
