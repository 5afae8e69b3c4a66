import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(pathlib.Path(__file__).parent), str(ROOT / "Tests/EndToEnd")]

# Programs that were installed beside this Python.
os.environ["PATH"] = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"

from cluster_platform import ClusterPlatform  # noqa: E402
from platform_process import EXECUTABLE  # noqa: E402


@pytest.fixture(scope="session")
def platform(tmp_path_factory):
    """The cluster shape, running, with mail in it: short, and so long that it lies in S3."""
    running = ClusterPlatform(tmp_path_factory.mktemp("platform"), check="1s").start()
    with running.submission() as client:
        for number in range(3):
            client.sendmail("admin@example.test", ["admin@example.test"], letter(number))
        client.sendmail("admin@example.test", ["admin@example.test"], letter(9, ("y" * 70 + "\r\n") * 3000))
    yield running
    running.stop()


def letter(number, body="short\r\n"):
    return (
        f"From: admin@example.test\r\nTo: admin@example.test\r\nSubject: {number}\r\n"
        f"Message-ID: <{number}@example.test>\r\n\r\n{body}"
    )


@pytest.fixture
def script(tmp_path, platform):
    """Runs a script of `scripts/` with the settings of the platform, as an operator would."""

    def run(name, *words, check=True, stdin="", **settings):
        postgres = platform.cluster.backends.postgres
        environment = {
            **platform.environment, "OONRUMAIL_EXECUTABLE": str(EXECUTABLE),
            "BACKUP_DIR": str(tmp_path / "backups"), "BACKUP_POSTGRES_PORT": str(postgres.port),
            "VERIFY_CA_FILE": platform.settings["OONRUMAIL_TLS_CERTIFICATE"], "VERIFY_MAIL_HOST": "localhost",
            **{key: str(value) for key, value in settings.items()},
        }
        done = subprocess.run(
            [ROOT / "scripts" / name, *map(str, words)], env=environment, cwd=tmp_path, text=True, capture_output=True,
            input=stdin, timeout=120,
        )
        if check:
            assert done.returncode == 0, f"{name} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done

    return run


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Puts a program before the real ones on the PATH: for kubectl, whose cluster is not here."""
    folder = tmp_path / "bin"

    def put(name, text):
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
        return folder

    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return put
