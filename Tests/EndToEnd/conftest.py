import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

IS_CLUSTER = os.environ.get("OONRUMAIL_SHAPE") == "cluster"

# What has one shape only: its own files and processes.
if IS_CLUSTER:
    from cluster_platform import ClusterPlatform as Platform  # noqa: E402

    collect_ignore = ["test_postgres.py", "test_operating.py", "test_move.py", "test_torture.py"]
else:
    from platform_process import Platform  # noqa: E402

    collect_ignore_glob = ["test_cluster*.py"]


# Identity providers of tests are on this machine.
PROVIDERS = {"OONRUMAIL_SSO_LOOPBACK_HTTP": "true", "OONRUMAIL_SSO_TIMEOUT": "2s"}


# Files that take a minute or more, the longest first: begun last, one of them alone would be waited for.
LONG = [
    "test_schemathesis.py", "test_cluster_torture.py", "test_hostile_smtp.py", "test_bans.py", "test_tenants.py", "test_tls_alpn.py",
    "test_torture.py", "test_zone_keeping.py", "test_directories.py", "test_cluster.py", "test_certificate_ports.py", "test_hostile_imap.py",
    "test_sign_in_pages.py", "test_without_password.py", "test_list_walks.py", "test_statistics.py",
]


def pytest_collection_modifyitems(items):
    """Long files come first; single tests of the one-machine shape are left out on the cluster, and counted as skipped."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))
    if not IS_CLUSTER:
        return
    for item in items:
        marker = item.get_closest_marker("one_machine")
        if marker:
            item.add_marker(pytest.mark.skip(reason=f"one-machine shape: {marker.args[0]}"))


def pytest_configure(config):
    config.addinivalue_line("markers", "one_machine(reason): tests something that only the one-machine shape has")


@pytest.fixture(scope="session")
def platform(tmp_path_factory):
    """One running platform, shared by tests that use addresses of their own."""
    # Every test comes from one address: what some of them get wrong must not lock out the others.
    settings = {"OONRUMAIL_LOCKOUT_FAILURES_PER_ADDRESS": "100000", **PROVIDERS}
    running = Platform(tmp_path_factory.mktemp("platform"), **settings).start()
    yield running
    running.stop()


@contextlib.contextmanager
def starting_platforms(folder):
    """A function that starts platforms in folders of their own there; they end with the context."""
    running = []

    def start(**settings):
        place = folder / f"platform{len(running)}"
        place.mkdir()
        running.append(Platform(place, **settings))
        return running[-1].start()

    yield start
    for one in running:
        if one.process is not None:
            one.stop()


@pytest.fixture
def start_platform(tmp_path):
    """Starts platforms of a test's own, with its settings, and stops them after it."""
    with starting_platforms(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def start_shared_platform(tmp_path_factory):
    """Starts platforms that tests of a file share: with settings of theirs, and addresses of each test's own."""
    with starting_platforms(tmp_path_factory.mktemp("shared")) as start:
        yield start


@contextlib.contextmanager
def starting_sinks():
    """A function that starts smtp-sink on free ports."""
    started = []
    # smtp-sink gives up root, and must still write here.
    parent = pathlib.Path(tempfile.mkdtemp())
    parent.chmod(0o755)
    user = ["-u", "nobody"] if os.geteuid() == 0 else []

    def start(*options):
        from platform_process import free_port

        port = free_port()
        folder = parent / f"sink{port}"
        folder.mkdir(mode=0o777)
        folder.chmod(0o777)
        process = subprocess.Popen(["/usr/sbin/smtp-sink", *user, *options, "-D", f"{folder}/%M.", f"127.0.0.1:{port}", "100"], cwd=folder)
        started.append(process)
        return port, folder

    yield start
    for process in started:
        process.kill()
        process.wait()
    shutil.rmtree(parent)


@pytest.fixture
def sink():
    """Starts Postfix's smtp-sink on a free port; yields a function that takes its options."""
    with starting_sinks() as start:
        yield start


@pytest.fixture(scope="module")
def shared_sink():
    """As `sink`, for all tests of a file."""
    with starting_sinks() as start:
        yield start


@pytest.fixture
def dns():
    """A DNS server on loopback with nothing in it."""
    from dns_server import LoopbackDNS

    server = LoopbackDNS()
    yield server
    server.stop()
