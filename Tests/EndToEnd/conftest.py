import os
import pathlib
import sys

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


def pytest_collection_modifyitems(items):
    """Single tests of the one-machine shape are left out on the cluster, and counted as skipped."""
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
    running = Platform(tmp_path_factory.mktemp("platform")).start()
    yield running
    running.stop()


@pytest.fixture
def start_platform(tmp_path):
    """Starts platforms of a test's own, with its settings, and stops them after it."""
    running = []

    def start(**settings):
        folder = tmp_path / f"platform{len(running)}"
        folder.mkdir()
        running.append(Platform(folder, **settings))
        return running[-1].start()

    yield start
    for one in running:
        if one.process is not None:
            one.stop()
