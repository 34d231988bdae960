"""The whole app where there is no network but loopback: it works, and asks for nothing else."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BROWSER = Path(__file__).parents[1] / "browser"

VISIT = """
import os, re, signal, subprocess, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from driving import PACKAGE, launched, opened, wait_for_map
from playwright.sync_api import expect, sync_playwright
home = Path(sys.argv[2])
trace = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=connect,sendto", "-o", str(home / "trace")]
log = home / "log"
with log.open("wb") as output:
    command = [*trace, sys.executable, "-m", "panel", "serve", str(PACKAGE), "--port", "0"]
    process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
while not (match := re.search(r"running at: (http://\\S+)", log.read_text())):
    assert process.poll() is None, log.read_text()
    time.sleep(0.1)
with sync_playwright() as playwright:
    browser = launched(playwright)
    page = opened(browser, match[1] + "?map=pca")
    wait_for_map(page, timeout_s=120)
    expect(page.get_by_alt_text("render")).to_be_visible(timeout=60_000)
    page.get_by_role("slider", name="resolution").press("Home")
    expect(page.get_by_text("observed at 4×4")).to_be_visible(timeout=60_000)
    browser.close()
os.killpg(process.pid, signal.SIGTERM)  # strace alone would go on
process.wait(60)
print("visited")
"""

HERE = re.compile(r'AF_UNIX|AF_NETLINK|AF_UNSPEC|"127\.[0-9.]+"|"::1"|"::ffff:127\.[0-9.]+"')


def alone(*command: str) -> list[str]:
    return ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command]


needed = ("unshare", "ip", "strace")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_visit_without_a_network_asks_nothing_of_the_outside(tmp_path: Path):
    if not all(map(shutil.which, needed)) or not Path("/usr/bin/chromium").exists():
        pytest.skip(f"needs {', '.join(needed)} and Chromium")
    if subprocess.run(alone("true"), capture_output=True).returncode:
        pytest.skip("this machine gives away no network namespaces")
    visit = subprocess.run(
        alone(sys.executable, "-c", VISIT, str(BROWSER), str(tmp_path)),
        capture_output=True,
        text=True,
        env={**os.environ, "EXPLORER_HOME": str(tmp_path / "home"), "EXPLORER_DEVICE": "cpu"},
    )
    assert visit.stdout.strip() == "visited", visit.stderr[-3000:]
    asked = [line for line in (tmp_path / "trace").read_text(errors="replace").splitlines() if "sa_family" in line]
    assert any("127.0.0.1" in line for line in asked)
    assert [line for line in asked if not HERE.search(line)] == []
