"""The Dockerfiles, as far as can be told without building them; scripts/verify-deploy.sh builds and starts them."""
import json
import os
import re
import subprocess

import pytest
from conftest import ROOT
from platform_process import EXECUTABLE, free_port

PROGRAMS = ("auth", "smtp-server", "imap-server", "storage", "domain-manager", "oonrumail")
DOCKERFILES = [ROOT / "Dockerfile.base", ROOT / "deploy/images/Dockerfile.operations", *(ROOT / "services" / name / "Dockerfile" for name in PROGRAMS)]


def test_hadolint_finds_nothing():
    done = subprocess.run(["hadolint", *DOCKERFILES], text=True, capture_output=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_builder_understands(path):
    """Neither here-documents nor COPY --link, which not all of them have; never as root at the end."""
    text = path.read_text()
    assert "<<" not in text and "--link" not in text
    users = re.findall(r"^USER (\S+)", text, re.M)
    assert not users or users[-1] == "10001:10001"


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_runtime_has_what_the_programs_need(program):
    needed = subprocess.run(["readelf", "-d", EXECUTABLE.parent / program], text=True, capture_output=True, check=True).stdout
    libraries = re.findall(r"NEEDED.*\[(lib[^\]]+)\]", needed)
    # Swift's own are linked in (--static-swift-stdlib).
    others = [one for one in libraries if not re.match(r"lib(swift|Foundation|_Foundation|dispatch|BlocksRuntime)", one)]
    listed = subprocess.run(["ldconfig", "-p"], text=True, capture_output=True, check=True).stdout
    known = dict(re.findall(r"^\s*(\S+) .*=> (\S+)$", listed, re.M))
    installed = re.search(r"AS runtime.*", (ROOT / "Dockerfile.base").read_text(), re.S)[0]
    for library in others:
        path = os.path.realpath(known[library]) if library in known else None
        assert path, library
        owner = subprocess.run(["dpkg", "-S", path], text=True, capture_output=True)
        if owner.returncode:
            # Merged /usr: the package may know the other name.
            owner = subprocess.run(["dpkg", "-S", path.removeprefix("/usr")], text=True, capture_output=True, check=True)
        package = owner.stdout.split(":")[0]
        assert package in {"libc6", "libgcc-s1"} or re.search(rf"\b{re.escape(package)}\b", installed), f"{library} is of {package}"


def test_the_health_check_of_the_images(platform):
    def healthy(port):
        return subprocess.run([ROOT / "deploy/images/healthy"], env={**os.environ, "OONRUMAIL_HTTP_PORT": str(port)}, timeout=20, stderr=subprocess.DEVNULL).returncode

    assert healthy(platform.ports["http"]) == 0
    assert healthy(free_port()) != 0
    assert healthy(platform.cluster.backends.redis.port) != 0


def test_all_images_are_built_from_the_base(script):
    done = script("build-images.sh", "--dry-run", "--version", "v1.0.0", "--push")
    # Both stages are `latest` too, which the Dockerfiles of the services name when nothing else is said.
    for stage in ("build", "runtime"):
        assert f"-t email-platform/{stage}:latest -f Dockerfile.base ." in done.stdout
        assert f"=email-platform/{stage}:latest" in (ROOT / "services/auth/Dockerfile").read_text()
    built = re.findall(r"-t email-platform/(\S+):v1\.0\.0(?: -t \S+)? -f (\S+) \.", done.stdout)
    assert built == [
        ("build", "Dockerfile.base"), ("runtime", "Dockerfile.base"), ("auth", "services/auth/Dockerfile"),
        ("smtp", "services/smtp-server/Dockerfile"), ("imap", "services/imap-server/Dockerfile"),
        ("storage", "services/storage/Dockerfile"), ("domain-manager", "services/domain-manager/Dockerfile"),
        ("oonrumail", "services/oonrumail/Dockerfile"), ("operations", "deploy/images/Dockerfile.operations"),
    ]
    assert done.stdout.count("docker push") == 7
    assert script("build-images.sh", "nothing", check=False).returncode == 1


def test_the_bill_of_materials_names_every_package(script, stand_in):
    """With a stand-in for the builder that runs the image."""
    stand_in("docker", "#!/bin/sh\nprintf 'libc6 2.36-9 amd64\\nlibpq5 15.20-0 amd64\\n'\n")
    document = json.loads(script("sbom.sh", "--version", "v1.0.0", "--image", "email-platform/smtp:v1.0.0").stdout)
    assert document["bomFormat"] == "CycloneDX" and document["metadata"]["component"]["version"] == "v1.0.0"
    names = {one["name"] for one in document["components"]}
    assert {"libc6", "libpq5"} <= names
    assert all(re.fullmatch(r"pkg:(swift|deb)/[\w./+~-]+@[\w.+:~-]+(\?arch=\w+)?", one["purl"]) for one in document["components"])
    manifest = (ROOT / "Package.swift").read_text()
    for url in re.findall(r'\.package\(url: "https://([^"]+?)(?:\.git)?"', manifest):
        assert any(one["purl"].startswith(f"pkg:swift/{url}@") for one in document["components"]), url
