"""The guest agent as a process on this machine: its protocol, without a guest."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import struct
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import TypeVar

import pytest

from kmodlab.errors import GuestError
from kmodlab.guest.agent.client import (
    HEADER,
    MAX_PAYLOAD,
    OUTPUT_LIMIT,
    Agent,
    PortClosedError,
    ProtocolError,
    Result,
    pack_frame,
    pack_input,
)

T = TypeVar("T")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    binary = tmp_path_factory.mktemp("agent") / "agent"
    with as_file(files("kmodlab.guest.agent")) as folder:
        subprocess.run(["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-o", binary, *folder.glob("*.c")], check=True)
    return binary


@pytest.fixture
def port(program: Path) -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    child = subprocess.Popen([program, f"-{theirs.fileno()}"], pass_fds=[theirs.fileno()])
    theirs.close()
    yield ours
    ours.close()
    child.kill()
    child.wait()


@asynccontextmanager
async def connected(port: socket.socket) -> AsyncIterator[Agent]:
    agent = await Agent.connect(port)
    try:
        yield agent
    finally:
        await agent.close()


def ask(port: socket.socket, work: Callable[[Agent], Awaitable[T]]) -> T:
    async def go() -> T:
        async with asyncio.timeout(60), connected(port) as agent:
            return await work(agent)

    return asyncio.run(go())


def test_it_greets(port: socket.socket) -> None:
    ask(port, lambda agent: agent.hello())


def test_stdout_stderr_and_status_come_apart(port: socket.socket) -> None:
    result = ask(port, lambda agent: agent.execute(["sh", "-c", "echo out; echo err >&2; exit 3"], directory="/"))
    assert (result.status, result.stdout, result.stderr) == (3, b"out\n", b"err\n")


def test_a_signal_is_a_negative_status(port: socket.socket) -> None:
    assert ask(port, lambda agent: agent.execute(["sh", "-c", "kill -9 $$"], directory="/")).status == -9


def test_a_missing_command_is_status_127(port: socket.socket) -> None:
    result = ask(port, lambda agent: agent.execute(["no-such-command"], directory="/"))
    assert result.status == 127
    assert b"no-such-command" in result.stderr


def test_megabytes_of_any_bytes_go_through_a_command(port: socket.socket) -> None:
    data = os.urandom(5 << 20)
    assert ask(port, lambda agent: agent.execute(["cat"], stdin=data, directory="/")).stdout == data


def test_a_command_that_does_not_read_its_input_ends(port: socket.socket) -> None:
    assert ask(port, lambda agent: agent.execute(["true"], stdin=bytes(1 << 20), directory="/")).ok


def test_a_daemon_left_behind_keeps_nobody_waiting(port: socket.socket) -> None:
    result = ask(port, lambda agent: agent.execute(["sh", "-c", "sleep 30 & echo done"], directory="/"))
    assert (result.status, result.stdout) == (0, b"done\n")


def test_a_flood_is_cut_and_its_writer_killed(port: socket.socket) -> None:
    result = ask(port, lambda agent: agent.execute(["yes"], limit=100_000, directory="/"))
    assert result.output_truncated and not result.ok
    assert len(result.stdout) == 100_000


def test_cancelling_kills_the_command(port: socket.socket, tmp_path: Path) -> None:
    async def work(agent: Agent) -> bytes:
        command = ["sh", "-c", f"trap '' INT; echo $$ > {tmp_path}/pid; sleep 60"]
        running = asyncio.create_task(agent.execute(command, directory="/"))
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        pid = (tmp_path / "pid").read_text().strip()
        wait = f"while kill -0 {pid}; do :; done 2>&-; echo gone"
        return (await agent.execute(["sh", "-c", wait], directory="/")).stdout

    assert ask(port, work) == b"gone\n"


def test_many_commands_run_at_once(port: socket.socket) -> None:
    async def work(agent: Agent) -> list[bytes]:
        commands = [agent.execute(["sh", "-c", f"echo {n}"], directory="/") for n in range(20)]
        return [result.stdout for result in await asyncio.gather(*commands)]

    assert ask(port, work) == [f"{n}\n".encode() for n in range(20)]


def test_files_are_written_and_read(port: socket.socket, tmp_path: Path) -> None:
    data = os.urandom(300_000)

    async def work(agent: Agent) -> bytes:
        await agent.put(f"{tmp_path}/file", data, 0o640)
        return await agent.get(f"{tmp_path}/file")

    assert ask(port, work) == data
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_a_file_that_cannot_be_written_says_why(port: socket.socket) -> None:
    with pytest.raises(GuestError, match="could not write /none/file: No such file or directory"):
        ask(port, lambda agent: agent.put("/none/file", b"data" * 100_000))


def builtin(agent: Agent, *argv: str, limit: int = OUTPUT_LIMIT) -> Awaitable[Result]:
    return agent.execute(list(argv), directory="/", in_agent=True, limit=limit)


def test_builtins_say_what_the_tools_say(port: socket.socket, tmp_path: Path) -> None:
    data = os.urandom(300_000)
    file = tmp_path / "file"
    file.write_bytes(data)
    file.chmod(0o640)

    async def work(agent: Agent) -> list[Result]:
        link = tmp_path / "link"
        link.symlink_to("file")
        calls = (("cat", str(file)), ("stat", str(file)), ("cat", "/none"), ("stat", "/none"), ("stat", "/dev/null"))
        return [await builtin(agent, *argv) for argv in (*calls, ("stat", str(link)))]

    content, kind, *missing, device, link = ask(port, work)
    assert link.text == "777 symbolic link\nfile\n"
    assert content.ok and content.stdout == data
    assert kind.text == "640 regular file\n" and device.text == "666 character special file\n"
    errors = [(result.status, result.stderr.rpartition(b": ")[2]) for result in missing]
    assert errors == [(1, b"No such file or directory\n")] * 2


def test_a_missing_builtin_is_status_127(port: socket.socket) -> None:
    assert ask(port, lambda agent: builtin(agent, "rm", "/none")).status == 127


def test_a_builtin_that_floods_is_cut_and_another_helper_takes_over(port: socket.socket) -> None:
    async def work(agent: Agent) -> tuple[Result, Result]:
        return await builtin(agent, "cat", "/dev/zero", limit=100_000), await builtin(agent, "stat", "/")

    flooded, after = ask(port, work)
    assert flooded.output_truncated and len(flooded.stdout) == 100_000
    assert after.text == "755 directory\n"


def test_cancelling_a_builtin_leaves_the_agent_usable(port: socket.socket, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")

    async def work(agent: Agent) -> Result:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await builtin(agent, "cat", str(tmp_path / "fifo"))  # nobody ever writes there
        return await builtin(agent, "stat", "/")

    assert ask(port, work).ok


def test_a_helper_that_was_killed_is_replaced(port: socket.socket) -> None:
    async def work(agent: Agent) -> list[Result]:
        results = [await builtin(agent, "stat", "/")]
        (pid,) = re.findall(rb"\d+", (await builtin(agent, "cat", "/proc/self/stat")).stdout)[:1]
        os.kill(int(pid), 9)
        return [*results, await builtin(agent, "stat", "/"), await builtin(agent, "stat", "/")]

    results = ask(port, work)
    assert results[0].ok and results[-1].ok  # the helper that was killed may have got the second command
    assert results[1].ok or results[1].status == -9


def test_a_terminal_is_one(port: socket.socket) -> None:
    async def work(agent: Agent) -> tuple[int, bytes]:
        keys: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue()
        shown = bytearray()
        keys.put_nowait((b"Z", struct.pack("<HH", 33, 99)))
        keys.put_nowait((b"I", b"stty size; test -t 0 && echo tty; exit 5\n"))
        status = await agent.terminal(["sh"], keys, lambda _, data: shown.extend(data))
        return status, bytes(shown)

    status, shown = ask(port, work)
    assert status == 5
    assert b"33 99" in shown and b"tty\r\n" in shown


# ---- a peer that does not follow the protocol ----


def answer_with(data: bytes) -> Exception | None:
    """The exception of a greeting if the other side of the port sends this and closes."""

    async def go() -> None:
        ours, theirs = socket.socketpair()
        theirs.sendall(data)
        theirs.close()
        async with asyncio.timeout(20), connected(ours) as agent:
            await agent.hello()

    try:
        asyncio.run(go())
    except GuestError as exc:
        return exc
    return None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        pack_frame(1, b"h", b"forged"),
        pack_frame(0xFFFFFFFF, b"x", b"\0\0\0\0") * 1000,
        HEADER.pack(10, 1, ord("o")) + b"short",
        "half a character: ü".encode()[:-1],
    ],
)
def test_noise_and_forged_answers_are_dropped(data: bytes) -> None:
    assert isinstance(answer_with(data), GuestError)


def test_a_frame_of_huge_length_is_refused_at_once() -> None:
    assert isinstance(answer_with(HEADER.pack(0xFFFFFFFF, 1, ord("o")) + bytes(100)), (ProtocolError, PortClosedError))


def test_input_is_cut_into_frames() -> None:
    frames = pack_input(7, bytes(MAX_PAYLOAD + 1))
    assert [HEADER.unpack(frame[: HEADER.size])[0] for frame in frames] == [MAX_PAYLOAD, 1, 0]
    with pytest.raises(ValueError, match="at most"):
        pack_frame(1, b"I", bytes(MAX_PAYLOAD + 1))
