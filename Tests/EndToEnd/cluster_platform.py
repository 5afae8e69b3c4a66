"""The platform in its cluster shape, with the face of `Platform`: OONRUMAIL_SHAPE=cluster runs the same tests on it."""
import atexit
import functools
import pathlib
import signal
import tempfile

from platform_process import ADMIN, EXECUTABLE, PASSWORD, Platform

from cluster import SERVICES, Backends, Cluster


@functools.cache
def backends():
    folder = tempfile.TemporaryDirectory(prefix="oonrumail-backends-")
    pathlib.Path(folder.name).chmod(0o711)
    running = Backends(pathlib.Path(folder.name) / "backends")

    @atexit.register
    def end():
        running.end()
        folder.cleanup()

    return running


class ClusterPlatform(Platform):
    """Two replicas of every service behind a load balancer, on one PostgreSQL, Redis and S3.

    Ten processes asked every second whether they are well cost a tenth of a processor for each platform: `check` is
    shorter where processes die.
    """

    def __init__(self, folder, check="5s", **settings):
        self.folder = pathlib.Path(folder)
        given = {
            "OONRUMAIL_HOSTNAME": "mail.example.test", "OONRUMAIL_BOOTSTRAP_ADMIN": ADMIN,
            "OONRUMAIL_BOOTSTRAP_PASSWORD": PASSWORD, "OONRUMAIL_HTTP_RATE_ACCOUNT": "0", "OONRUMAIL_HTTP_RATE_ADDRESS": "0",
            "OONRUMAIL_PASSWORD_RESET_REQUESTS": "100000", "OONRUMAIL_REGISTRATION_REQUESTS": "100000",
            "OONRUMAIL_CLIENT_REGISTRATION_REQUESTS": "100000",
            **{name: str(value) for name, value in settings.items()},
        }
        self.cluster = Cluster(self.folder / "cluster", backends(), EXECUTABLE.parent, settings=given, check=check)
        self.ports = self.cluster.ports
        self.data = self.cluster.data
        self.settings = self.cluster.settings
        self.settings.setdefault("OONRUMAIL_OIDC_ISSUER", f"http://127.0.0.1:{self.ports['http']}")
        self.log = self.cluster.folder / "smtp-server-0.log"

    @property
    def environment(self):
        return self.cluster.environment()

    @property
    def process(self):
        """Something while it runs; which process it is depends on what is asked of it."""
        return self.cluster.processes.get(("smtp-server", 0))

    @property
    def pids(self):
        return [process.pid for process in self.cluster.processes.values()]

    @property
    def http_ports(self):
        return [ports["http"] for ports in self.cluster.places.values()]

    @property
    def logs(self):
        return sorted(self.cluster.folder.glob("*-[0-9].log"))

    @property
    def spools(self):
        return [
            self.cluster.folder / f"smtp-server-{number}" / "spool" for number in range(self.cluster.replicas)
        ]

    def start(self):
        self.cluster.start()
        return self

    def stop(self, how=signal.SIGTERM):
        return self.cluster.stop(how)


__all__ = ["SERVICES", "ClusterPlatform"]
