"""Servers of the contenders, stopped when they are done."""

import socket
import subprocess
import time
from contextlib import contextmanager

START_SECONDS = 60
PAUSE_SECONDS = 0.02


@contextmanager
def running(command, is_ready):
    """A server, while the block runs; gives its process id."""
    try:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        raise SystemExit(f"{command[0]} is not installed") from None
    try:
        until = time.monotonic() + START_SECONDS
        while not is_ready():
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{command[0]} does not answer; it ended with {process.poll()}")
            time.sleep(PAUSE_SECONDS)
        yield process.pid
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def accepts(path):
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def asof(directory, binary):
    """`asof serve` over `directory`/store on the socket `directory`/socket."""
    path = directory / "socket"
    command = [binary, "--store", str(directory / "store"), "serve", "--socket", str(path), "--log", "warn"]
    return running(command, lambda: accepts(path))


def redis(directory, port=0):
    """`redis-server` without persistence, on the socket `directory`/redis and, if one is given, a port."""
    path = directory / "redis"
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    return running([*command, "--unixsocket", str(path), "--dir", str(directory)], lambda: accepts(path))


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
