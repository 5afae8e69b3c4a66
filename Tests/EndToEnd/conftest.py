import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from platform_process import Platform  # noqa: E402


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
