# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Servers, nginx and wrk as children, each on processors of its own; and their figures."""

import contextlib
import glob
import json
import os
import pathlib
import re
import socket
import subprocess
import threading
import time
import urllib.parse

HERE = pathlib.Path(__file__).parent
TICK = os.sysconf("SC_CLK_TCK")


def split_processors():
    """Those of servers, and those of their clients."""
    processors = sorted(os.sched_getaffinity(0))
    half = len(processors) // 2
    return (processors[:half], processors[half:]) if half else (processors, processors)


def pinned(processors, command):
    return ["taskset", "-c", ",".join(map(str, processors)), *command]


def find_library(pattern):
    found = sorted(glob.glob(f"/usr/lib/*/{pattern}") + glob.glob(f"/usr/lib/{pattern}"))
    return found[0] if found else None


class Server:
    """json-host on a free port."""

    def __init__(self, program, options, processors, preload=None, port=0):
        environment = dict(os.environ)
        if preload:
            environment["LD_PRELOAD"] = preload
        # A request may have to wait for 511 others.
        common = ["--max-connections=2048", "--timeout=60s", f"--threads={len(processors)}"]
        options = [*common, f"--port={port}", *options]
        self.process = subprocess.Popen(
            pinned(processors, [program, *options]), stdout=subprocess.PIPE, env=environment, text=True
        )
        line = self.process.stdout.readline()
        if not line.startswith("listening on 127.0.0.1:"):
            raise SystemExit(f"{program} {' '.join(options)}: does not start")
        self.port = int(line.rsplit(":", 1)[1])

    def resident(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) << 10

    def processor_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            if self.process.wait() != 0:
                raise SystemExit("a server did not end as it should")
        self.process.stdout.close()


class Load:
    """wrk, for so many seconds."""

    def __init__(self, port, processors, connections, seconds, body=None, query=None):
        path = "/query?q=" + urllib.parse.quote(query) if query else "/healthz"
        threads = min(len(processors), connections)
        command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}", "--timeout=60"]
        command += ["-s", str(HERE / "request.lua"), f"http://127.0.0.1:{port}{path}", "--"]
        self.process = subprocess.Popen(
            pinned(processors, command + ([body] if body else [])), stdout=subprocess.PIPE, text=True
        )

    def figures(self):
        output = self.process.communicate()[0]
        if self.process.returncode != 0:
            raise SystemExit(f"wrk failed:\n{output}")
        figures = json.loads(output.strip().rsplit("\n", 1)[1])
        figures["rate"] = figures["requests"] * 1e6 / figures["microseconds"]
        return figures


def measure(server, load):
    """The load's figures, with the memory of the server while it lasted and after, and
    its processor time for each request."""
    before, most, over = server.processor_seconds(), 0, threading.Event()
    figures = {}

    def look():
        nonlocal most
        while not over.wait(0.05):
            most = max(most, server.resident())

    watch = threading.Thread(target=look)
    watch.start()
    try:
        figures = load.figures()
    finally:
        over.set()
        watch.join()
    used = server.processor_seconds() - before
    figures["cpu"] = used * 1e6 / max(figures["requests"], 1)
    figures["resident"] = most
    time.sleep(0.3)
    figures["resident after"] = server.resident()
    return figures


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextlib.contextmanager
def nginx(directory, ports, processors):
    """In front of two servers; gives its port."""
    port = free_port()
    text = (HERE / "nginx.conf").read_text(encoding="utf-8")
    for name, value in (("PORT", port), ("FIRST", ports[0]), ("SECOND", ports[1])):
        text = text.replace(f"@{name}@", str(value))
    configuration = pathlib.Path(directory) / "nginx.conf"
    configuration.write_text(text, encoding="utf-8")
    command = ["nginx", "-e", "error.log", "-p", str(directory), "-c", str(configuration)]
    environment = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin"}
    process = subprocess.Popen(
        pinned(processors, [*command, "-g", "daemon off; master_process off;"]), env=environment
    )
    try:
        for _ in range(200):
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            time.sleep(0.02)
        else:
            raise SystemExit("nginx does not start")
        yield port
    finally:
        process.terminate()
        process.wait()
