"""docs/DEPLOYMENT_RUNBOOK.md: its blocks run, what needs a cluster names only what exists, every alert finds its page."""
import os
import re
import shlex
import shutil
import subprocess

import pytest
import yaml
from conftest import ROOT
from platform_process import EXECUTABLE

RUNBOOK = ROOT / "docs/DEPLOYMENT_RUNBOOK.md"
DOCUMENTS = [RUNBOOK, ROOT / "docs/disaster-recovery.md", ROOT / "docs/SECURITY_HARDENING.md", ROOT / "docs/MULTI_DOMAIN_COMPOSE_README.md"]


def blocks(kind):
    found = []
    for path in DOCUMENTS:
        for match in re.finditer(r"^```(sh[ \w]*)\n(.*?)^```$", path.read_text(), re.M | re.S):
            if match[1] == kind:
                found.append((path.name, match[2]))
    return found


def test_every_block_is_of_a_known_kind():
    for path in DOCUMENTS:
        kinds = set(re.findall(r"^```(.+)$", path.read_text(), re.M))
        assert kinds <= {"sh", "sh cluster"}, path


def test_the_blocks_run_one_after_another(platform, tmp_path):
    """With the settings in a file, as the runbook says, and a certificate that lasts."""
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", tmp_path / "key.pem",
            "-out", tmp_path / "certificate.pem", "-days", "90", "-subj", "/CN=localhost",
        ],
        check=True, capture_output=True,
    )
    settings = {
        **platform.settings, "OONRUMAIL_HOSTNAME": "localhost", "OONRUMAIL_TLS_CERTIFICATE": str(tmp_path / "certificate.pem"),
        "OONRUMAIL_TLS_KEY": str(tmp_path / "key.pem"), "OONRUMAIL_BOOTSTRAP_PASSWORD": "sTr0ng-enough-for-a-test",
        "BACKUP_POSTGRES_PORT": str(platform.cluster.backends.postgres.port),
    }
    file = tmp_path / ".env.production"
    file.write_text("".join(f'{name}="{value}"\n' for name, value in settings.items()))
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "oonrumail").symlink_to(EXECUTABLE)
    base = {key: value for key, value in os.environ.items() if not key.startswith(("OONRUMAIL_", "POSTGRES_", "REDIS_", "S3_", "DATABASE_"))}
    environment = {
        **base, "PATH": f"{programs}:{base['PATH']}", "OONRUMAIL_EXECUTABLE": str(EXECUTABLE), "OONRUMAIL_ENV_FILE": str(file),
        "BACKUP_DIR": str(tmp_path / "backups"), "VERIFY_URL": f"http://127.0.0.1:{platform.ports['http']}", "VERIFY_MAIL_HOST": "localhost",
        "VERIFY_CA_FILE": platform.settings["OONRUMAIL_TLS_CERTIFICATE"],
        **{name: settings[name] for name in ("POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_USER", "POSTGRES_DB")},
    }
    ran = blocks("sh")
    assert len(ran) >= 10
    for name, block in ran:
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=ROOT, env=environment, text=True, capture_output=True, timeout=120)
        assert done.returncode == 0, f"{name}:\n{block}\n{done.stdout}\n{done.stderr}"


def rendered():
    done = subprocess.run(["kubectl", "kustomize", ROOT / "deploy/k8s/base"], text=True, capture_output=True, check=True)
    return list(yaml.safe_load_all(done.stdout))


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_what_needs_a_cluster_names_what_exists():
    names = {(one["kind"].lower(), one["metadata"]["name"]) for one in rendered()}
    lines = [line for _, block in blocks("sh cluster") for line in block.splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) > 40
    for line in lines:
        words = shlex.split(line, comments=True)
        for word in words:
            if word.startswith("scripts/"):
                assert os.access(ROOT / word, os.X_OK), line
                text = subprocess.run([ROOT / word, "--help"], text=True, capture_output=True).stdout
                for option in (option for option in words if option.startswith("--")):
                    assert option.split("=")[0] in text, line
            if re.match(r"(deploy|services)/[\w/.-]+$", word) and not word.endswith((".env", "master.key")):
                assert (ROOT / word).exists(), line
            if match := re.match(r"(deployment|job)/([\w-]+)$", word):
                assert (match[1], match[2]) in names, line


def anchors(path):
    return {
        re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", path.read_text(), re.M)
    }


def test_every_alert_leads_to_its_page():
    for path in (ROOT / "deploy/monitoring/prometheus/rules").glob("*.yml"):
        for rule in (rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"] if "alert" in rule):
            file, _, anchor = rule["annotations"]["runbook"].partition("#")
            assert (ROOT / file).is_file() and (not anchor or anchor in anchors(ROOT / file)), rule["alert"]


def test_every_link_leads_somewhere():
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)]+)\)", path.read_text()):
            file, _, anchor = target.partition("#")
            place = (path.parent / file) if file else path
            assert place.exists() and (not anchor or anchor in anchors(place)), f"{path.name}: {target}"


def test_installing_and_removing(tmp_path, script):
    script("install.sh", "--root", tmp_path / "root")
    program = tmp_path / "root/usr/local/bin/oonrumail"
    assert os.access(program, os.X_OK) and (tmp_path / "root/etc/oonrumail/oonrumail.env").stat().st_mode & 0o077 == 0
    unit = (tmp_path / "root/etc/systemd/system/oonrumail.service").read_text()
    assert "NoNewPrivileges=yes" in unit and "ExecStart=/usr/local/bin/oonrumail serve" in unit
    (tmp_path / "root/etc/oonrumail/oonrumail.env").write_text("OONRUMAIL_HOSTNAME=mine.test\n")
    script("install.sh", "--root", tmp_path / "root")
    assert "mine.test" in (tmp_path / "root/etc/oonrumail/oonrumail.env").read_text()
    script("install.sh", "--root", tmp_path / "root", "--uninstall")
    assert not program.exists() and (tmp_path / "root/etc/oonrumail/oonrumail.env").exists()


def test_the_unit_is_one_of_systemd(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")
    copied = tmp_path / "oonrumail.service"
    copied.write_text((ROOT / "deploy/systemd/oonrumail.service").read_text().replace("/usr/local/bin/oonrumail serve", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", copied], text=True, capture_output=True)
    assert "oonrumail.service" not in done.stderr, done.stderr


def test_the_laptop_is_of_one_piece():
    """What a schema would not find: names of services, secrets and files."""
    folder = ROOT / "deploy/compose"
    document = yaml.safe_load((folder / "compose.yaml").read_text())
    services = document["services"]
    variables = set(re.findall(r"\$\{(\w+)", (folder / "compose.yaml").read_text()))
    assert variables <= {line.split("=")[0] for line in (folder / ".env.example").read_text().splitlines() if "=" in line and line[0] != "#"}
    listed = subprocess.run([EXECUTABLE, "config", "list"], text=True, capture_output=True, check=True, cwd="/").stdout
    for name, service in services.items():
        needed = service.get("depends_on", [])
        assert set(needed) <= set(services), name
        assert set(service.get("secrets", [])) <= set(document["secrets"]), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in document["volumes"] or (folder / source).exists(), f"{name}: {volume}"
        if "email-platform" in service["image"]:
            assert service["read_only"] and service["cap_drop"] == ["ALL"], name
            unknown = [key for key in service["environment"] if f"{key} =" not in listed and key != "DEMO_PASSWORD"]
            assert unknown == [], name
    done = subprocess.run(["haproxy", "-c", "-f", folder / "haproxy.cfg"], text=True, capture_output=True)
    assert done.returncode == 0 and not [line for line in done.stderr.splitlines() if "[WARNING]" in line and "resolve" not in line]
