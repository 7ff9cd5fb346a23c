"""A JupyterHub in a container, for an instructor and two learners, each a separate Linux user.

bubblewrap makes the container: this machine's programs, other users, a read-only lab. The proxy is the one written in
Python. Needs root, like every JupyterHub that starts servers for several users.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

REPOSITORY = Path(__file__).parents[2]
COURSE = "kmodlab"
INSTRUCTOR, LEARNERS = "iris", ("ada", "bob")
FIRST_UID = 60001
START_S = 180
ANSWER_S = 600
ENVIRONMENT = {
    "KMODLAB_CACHE_DIR": "/srv/lab",
    "LC_ALL": "C.UTF-8",
    "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin:/usr/sbin:/sbin",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": str(REPOSITORY),
}

HUB_CONFIG = """
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.command = [{python!r}, "-c", "from configurable_http_proxy.cli import main; main()"]
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allowed_users = {users!r}
c.JupyterHub.load_groups = {{"formgrade-{course}": {instructors!r}, "nbgrader-{course}": {learners!r}}}
c.JupyterHub.load_roles = [
    {{"name": "server", "scopes": ["inherit"]}},
    {{"name": "tests", "services": ["tests"], "scopes": ["admin:users", "admin:servers", "access:servers"]}},
    {{"name": "instructor", "users": {instructors!r}, "scopes": ["admin:groups", "list:users", "read:users"]}},
]
c.JupyterHub.services = [{{"name": "tests", "api_token": {token!r}}}]
c.JupyterHub.spawner_class = "jupyterhub.spawner.LocalProcessSpawner"
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.http_timeout = c.Spawner.start_timeout = {start_s}
c.Spawner.environment = {environment!r}
"""
# The configuration of all users, from nbgrader's documentation for JupyterHub.
NBGRADER_CONFIG = f"""
c = get_config()
c.CourseDirectory.course_id = {COURSE!r}
c.Exchange.root = "/srv/exchange"
c.Exchange.path_includes_course = True
c.Authenticator.plugin_class = "nbgrader.auth.jupyterhub.JupyterHubAuthPlugin"
"""
INSTRUCTOR_CONFIG = f"""
c = get_config()
c.CourseDirectory.root = "/home/{INSTRUCTOR}/course"
from kmodlab.grading.integrations.nbgrader.config import configure
configure(c)
"""


@dataclass(frozen=True)
class Hub:
    """A running hub, and the folder of its container's files on this machine."""

    url: str
    token: str
    folder: Path
    lab: Path

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Send a request to the hub, or to a server behind it."""
        headers = {"Authorization": f"token {self.token}"}
        answer = requests.request(method, f"{self.url}/{path}", headers=headers, timeout=ANSWER_S, **arguments)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:2000]}"
        return answer.json() if answer.content else None

    def start_server(self, user: str) -> None:
        self.call("POST", f"hub/api/users/{user}/server")
        ends = time.monotonic() + START_S
        while not (self.call("GET", f"hub/api/users/{user}")["servers"].get("") or {}).get("ready"):
            assert time.monotonic() < ends, (self.folder / "hub.log").read_text()
            time.sleep(0.5)

    def assignments(self, user: str, action: str = "", **data: str) -> list[dict[str, Any]]:
        """A learner's list of assignments, after an optional action on one of them."""
        about = {"course_id": COURSE, **data}
        if action:
            answer = self.call("POST", f"user/{user}/assignments/{action}", data=about)
        else:
            answer = self.call("GET", f"user/{user}/assignments", params=about)
        assert answer["success"], answer
        listed: list[dict[str, Any]] = answer["value"]
        return listed

    def formgrader(self, path: str) -> Any:
        """Press a button of the instructor's formgrader."""
        answer = self.call("POST", f"user/{INSTRUCTOR}/formgrader/api/{path}")
        assert answer["success"], answer
        return answer

    def run_as(self, user: str, *command: str) -> str:
        """Run a command as a user, as in a terminal of JupyterLab."""
        uid = str(_users()[user])
        demote = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
        environment = {**ENVIRONMENT, "HOME": f"/home/{user}"}
        argv = [*container(self.folder, self.lab), *demote, *command]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=ANSWER_S, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def home(self, user: str) -> Path:
        return self.folder / "home" / user


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [bound.getsockname()[1] for bound in sockets]


def _users() -> dict[str, int]:
    return {name: FIRST_UID + number for number, name in enumerate((INSTRUCTOR, *LEARNERS))}


def container(folder: Path, lab: Path) -> list[str]:
    """The beginning of a command line that runs a command in the container."""
    python = Path(sys.base_prefix)
    argv = ["bwrap", "--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc", "--dev", "/dev", "--proc", "/proc"]
    argv += ["--ro-bind", "/sys", "/sys", "--perms", "1777", "--tmpfs", "/tmp", "--tmpfs", "/run"]
    for name in ("bin", "sbin", "lib", "lib64"):
        if Path("/", name).is_symlink():
            argv += ["--symlink", f"usr/{name}", f"/{name}"]
    for path in (REPOSITORY, *([] if python.is_relative_to("/usr") else [python])):
        for parent in reversed(path.parents[:-1]):  # made again, because other users may not enter them on this machine
            argv += ["--perms", "0755", "--dir", str(parent)]
        argv += ["--ro-bind", str(path), str(path)]
    argv += ["--perms", "0755", "--dir", "/srv", "--ro-bind", str(lab), "/srv/lab"]
    argv += ["--bind", str(folder / "home"), "/home", "--bind", str(folder / "exchange"), "/srv/exchange"]
    argv += ["--bind", str(folder / "hub"), "/srv/hub"]
    for name in ("passwd", "group", "shadow"):
        argv += ["--ro-bind", str(folder / "etc" / name), f"/etc/{name}"]
    argv += ["--unshare-pid", "--unshare-ipc", "--die-with-parent", "--cap-add", "ALL", "--chdir", "/srv/hub", "--"]
    # bubblewrap covers parts of /proc; the kernel lets a nested sandbox mount proc only if a complete one is visible.
    return [*argv, "sh", "-c", 'mount -t proc proc /proc && exec "$@"', "sh"]


def _write_files(folder: Path) -> tuple[str, int]:
    """Write the container's files; returns the hub's token and port."""
    for name in ("etc", "home", "exchange", "hub"):
        (folder / name).mkdir()
    (folder / "exchange").chmod(0o777)
    lines = {"passwd": "root:x:0:0::/root:/bin/sh\n", "group": "root:x:0:\n", "shadow": "root:*:1::::::\n"}
    for user, uid in _users().items():
        lines["passwd"] += f"{user}:x:{uid}:{uid}::/home/{user}:/bin/sh\n"
        lines["group"] += f"{user}:x:{uid}:\n"
        lines["shadow"] += f"{user}:*:1::::::\n"
        settings = folder / "home" / user / ".jupyter" / "nbgrader_config.py"
        settings.parent.mkdir(parents=True)
        settings.write_text(NBGRADER_CONFIG + (INSTRUCTOR_CONFIG if user == INSTRUCTOR else ""))
        (folder / "home" / user).chmod(0o700)
        for path in (folder / "home" / user, *(folder / "home" / user).rglob("*")):
            os.chown(path, uid, uid)
    for name, text in lines.items():
        (folder / "etc" / name).write_text(text)
    token, (port, hub_port, proxy_port) = secrets.token_hex(16), _free_ports(3)
    text = HUB_CONFIG.format(
        port=port, hub_port=hub_port, proxy_port=proxy_port, python=sys.executable, users=set(_users()), course=COURSE,
        instructors=[INSTRUCTOR], learners=list(LEARNERS), token=token, start_s=START_S, environment=ENVIRONMENT,
    )  # fmt: skip
    (folder / "hub" / "jupyterhub_config.py").write_text(text)
    return token, port


@contextmanager
def jupyterhub(folder: Path, lab: Path) -> Iterator[Hub]:
    """Start a hub and everybody's server."""
    token, port = _write_files(folder)
    argv = [*container(folder, lab), sys.executable, "-m", "jupyterhub", "--config", "jupyterhub_config.py"]
    with (folder / "hub.log").open("w") as log:
        child = subprocess.Popen(argv, env={"HOME": "/root", **ENVIRONMENT}, stdout=log, stderr=subprocess.STDOUT)
        try:
            hub = Hub(f"http://127.0.0.1:{port}", token, folder, lab)
            _wait(hub, child)
            for user in _users():
                hub.start_server(user)
            yield hub
        finally:
            child.terminate()
            child.wait(60)


def _wait(hub: Hub, child: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + START_S
    while time.monotonic() < ends and child.poll() is None:
        try:
            hub.call("GET", "hub/api/")
        except (requests.ConnectionError, AssertionError):
            time.sleep(0.5)
        else:
            return
    raise AssertionError((hub.folder / "hub.log").read_text())
