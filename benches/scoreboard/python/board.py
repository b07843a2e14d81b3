"""Results, and the two ways to measure: calls in this process, and whole processes."""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
TICKS = os.sysconf("SC_CLK_TCK")
FOR_P99, FOR_P999 = 100, 1_000
PAUSE_SECONDS = 0.02


class Board:
    """Entries, and facts about the run."""

    def __init__(self, out):
        self.out, self.about, self.entries = out, {}, []

    def add(self, scenario, contender, rounds, *, memory=0, disk=0, note="", failed=None):
        self.entries.append(
            {
                "scenario": scenario,
                "contender": contender,
                "rounds": rounds,
                "memory_bytes": int(memory),
                "disk_bytes": int(disk),
                "note": note,
                "failed": failed,
            }
        )
        shown = f"{statistics.median(turn['p50_ns'] for turn in rounds) / 1e6:,.3f} ms" if rounds else failed
        print(f"  {scenario}, {contender}: {failed or shown}", flush=True)

    def write(self):
        self.out.write_text(json.dumps({"about": self.about, "entries": self.entries}, indent=2))


def turn(nanoseconds, rows, cpu_seconds):
    """A turn: the times of its calls, the rows of all of them together, the CPU time of all ends."""
    ordered = sorted(nanoseconds)

    def at(share, least):
        return float(ordered[min(int(len(ordered) * share), len(ordered) - 1)]) if len(ordered) >= least else None

    return {
        "p50_ns": float(statistics.median(ordered)),
        "p99_ns": at(0.99, FOR_P99),
        "p999_ns": at(0.999, FOR_P999),
        "rows_per_second": rows / (sum(ordered) / 1e9),
        "cpu_us_per_row": cpu_seconds * 1e6 / rows,
    }


def cpu_of(pids):
    """CPU seconds of processes."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


def peak_bytes(pid):
    """The most memory that a process has had; `ru_maxrss` would be at least that of the one that made it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    lines = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0].split()[1]) << 10 if lines else 0


def disk_bytes(path):
    path = Path(path)
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_blocks * 512 for file in files)


def calls(readers, requests, rows, rounds):
    """Turns of readers in this process, by name: `readers` has a function of a request, and the servers it asks."""
    found = {name: [] for name in readers}
    for number in range(rounds):
        names = list(readers)
        # Another one begins each round, so that nobody always follows the same one.
        for name in names[number % len(names) :] + names[: number % len(names)]:
            read, servers = readers[name]
            read(requests[0])
            times, before = [], time.process_time() + cpu_of(servers)
            for request in requests:
                begin = time.perf_counter_ns()
                read(request)
                times.append(time.perf_counter_ns() - begin)
            found[name].append(turn(times, rows * len(requests), time.process_time() + cpu_of(servers) - before))
    return found


def child(module, name, options, *arguments):
    """The command that runs a contender of a module here in a process of its own."""
    settings = [str(options.folder), str(options.memory), str(os.cpu_count())]
    return [sys.executable, str(HERE / "child.py"), module, name, *settings, *map(str, arguments)]


def run(command, rows, seconds, times):
    """Runs a process; gives its turn, the most memory it had, and why it was stopped, if it was. `times` is a file to
    which it may write what its work took without its start."""
    times.unlink(missing_ok=True)
    begin = time.monotonic()
    environment = os.environ | {"SCOREBOARD_TIMES": str(times)}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    os.set_blocking(process.stderr.fileno(), False)
    said, memory, stopped = b"", 0, None
    while True:
        said = (said + (process.stderr.read() or b""))[-4_000:]
        memory = max(memory, peak_bytes(process.pid))
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        if stopped is None and time.monotonic() - begin > seconds:
            stopped = f"it took longer than {seconds} s"
            os.kill(process.pid, signal.SIGKILL)
        time.sleep(PAUSE_SECONDS)
    wall = time.monotonic() - begin
    said = (said + (process.stderr.read() or b"")).decode(errors="replace").strip().splitlines()
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode != 0 and stopped is None:
        stopped = said[-1] if said else f"it ended with {process.returncode}"
    spent = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime}
    if times.exists():
        spent = json.loads(times.read_text())
    return turn([spent["wall"] * 1e9], rows, spent["cpu"]), memory, stopped


def processes(found, scenario, contenders, rows, options, check, notes=None):
    """Turns of whole processes. `contenders` has functions that make what a turn needs and give its command and what it
    writes; `check` says what is wrong with that, or nothing."""
    kept = {name: {"rounds": [], "memory": 0, "disk": 0, "failed": None} for name in contenders}
    for number in range(options.rounds):
        names = list(contenders)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            state = kept[name]
            if state["failed"]:
                continue
            command, out = contenders[name]()
            taken, memory, stopped = run(command, rows, options.seconds, options.folder / "times.json")
            state["failed"] = stopped or check(name, out)
            state["memory"], state["disk"] = max(state["memory"], memory), disk_bytes(out)
            state["rounds"].append(taken)
    for name, state in kept.items():
        rounds = [] if state["failed"] else state["rounds"]
        note = (notes or {}).get(name, "")
        found.add(scenario, name, rounds, memory=state["memory"], disk=state["disk"], note=note, failed=state["failed"])
