#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares the memories of json-host under wrk, then shows two processes behind nginx.

doc/json-host-bench.md says how, and has the tables of a run."""

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import bodies
import serving
import shares

PEERS = {  # name: options, library in place of glibc's malloc
    "slotheap": (["--memory=slotheap"], None),
    "glibc": (["--memory=malloc"], None),
    "jemalloc": (["--memory=malloc"], "libjemalloc.so.2"),
    "mimalloc": (["--memory=malloc"], "libmimalloc.so.2*"),
}


def peers():
    """Those that are installed, with the library's path."""
    found = {}
    for name, (options, pattern) in PEERS.items():
        library = pattern and serving.find_library(pattern)
        if pattern and not library:
            print(f"{name} is not installed: left out")
        else:
            found[name] = (options, library)
    return found


def human(size):
    return f"{size / 1048576:.1f} MiB"


def duration(microseconds):
    if microseconds < 1000:
        return f"{microseconds:.0f} us"
    return f"{microseconds / 1000:.3g} ms" if microseconds < 1e6 else f"{microseconds / 1e6:.3g} s"


def ratio(figures, to, name):
    return f"{figures[name] / to[name]:5.2f}x" if to[name] else "     -"


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


# ---- the comparison ----

# Bodies of all connections together: from so many bytes on the load lasts longer, so that
# each connection has an answer; and from so many on there is one turn of it.
LONG, ENDLESS, ENDLESS_SECONDS = 64 << 20, 512 << 20, 18


class Comparison:
    def __init__(self, arguments, directory):
        self.program = arguments.program
        self.repeats = 1 if arguments.quick else 3
        self.connections = (64,) if arguments.quick else (1, 64, 512)
        self.servers, self.clients = serving.split_processors()
        self.peers = peers()
        self.files = {}
        for label, body in bodies.make().items():
            self.files[label] = os.path.join(directory, label.replace(" ", "-") + ".json")
            with open(self.files[label], "wb") as file:
                file.write(body)

    def server(self, peer):
        options, library = self.peers[peer]
        return serving.Server(self.program, options, self.servers, library)

    def check_answers(self):
        """All peers answer all bodies, and rightly."""
        for peer in self.peers:
            with self.server(peer) as server:
                url = f"http://127.0.0.1:{server.port}/query?q={urllib.parse.quote(bodies.QUERY)}"
                opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
                for label, name in self.files.items():
                    with open(name, "rb") as file:
                        body = file.read()
                    with opener.open(urllib.request.Request(url, body)) as answer:
                        if json.load(answer) != bodies.expected_answer(body):
                            raise SystemExit(f"{peer} answers {label} wrongly")

    def cell(self, peer, label, connections):
        in_flight = connections * bodies.SIZES.get(label, 0)
        seconds = ENDLESS_SECONDS if in_flight >= ENDLESS else 3 if in_flight >= LONG else 1
        with self.server(peer) as server:
            body = self.files.get(label)
            query = bodies.QUERY if body else None
            load = serving.Load(server.port, self.clients, connections, seconds, body, query)
            return serving.measure(server, load)

    def run(self):
        """Everything once, then again: what else the machine does meets all alike."""
        cells = {}
        for turn in range(self.repeats):
            for label in ["no body", *self.files]:
                for connections in self.connections:
                    if turn > 0 and connections * bodies.SIZES.get(label, 0) >= ENDLESS:
                        continue
                    progress(f"turn {turn + 1} of {self.repeats}: {label}, {connections} connections")
                    for peer in self.peers if label != "no body" else ["slotheap"]:
                        cells.setdefault((label, connections, peer), []).append(
                            self.cell(peer, label, connections)
                        )
        progress("")
        return {
            key: {name: statistics.median(run[name] for run in runs) for name in runs[0]}
            for key, runs in cells.items()
        }

    def print(self, cells):
        print(f"{'body':8} {'conns':>5}  {'memory':9} {'requests/s':>10} {'':>6} {'cpu/request':>11} {'':>6}"
              f" {'p50':>8} {'p99':>8} {'p99.9':>8} {'resident':>10} {'after':>10} {'failed':>6}")
        for (label, connections, peer), figures in cells.items():
            slotheap = cells[label, connections, "slotheap"]
            print(f"{label:8} {connections:5}  {peer if label != 'no body' else '-':9}"
                  f" {figures['rate']:10.0f} {ratio(figures, slotheap, 'rate')}"
                  f" {duration(figures['cpu']):>11} {ratio(figures, slotheap, 'cpu')}"
                  f" {duration(figures['p50']):>8}"
                  f" {duration(figures['p99']):>8} {duration(figures['p99.9']):>8}"
                  f" {human(figures['resident']):>10} {human(figures['resident after']):>10}"
                  f" {figures['refused'] + figures['lost']:6.0f}")

    def print_shares(self):
        """What the servers' processors do, by perf."""
        print(f"\n{'body':8} {'memory':9}" + "".join(f"{name:>12}" for name in shares.PARTS))
        for label, name in self.files.items():
            for peer in self.peers:
                with self.server(peer) as server:
                    load = serving.Load(server.port, self.clients, 64, 1, name, bodies.QUERY)
                    time.sleep(0.2)
                    parts = shares.of(server.process.pid, 0.7)
                    load.figures()
                figures = "".join(f"{parts.get(part, 0):11.0f}%" for part in shares.PARTS)
                print(f"{label:8} {peer:9}{figures if parts else '  perf may not look'}", flush=True)


# ---- two processes behind nginx ----


def print_balanced(comparison, directory):
    print(f"\n{'4 KiB, 64 connections':34} {'requests':>9} {'requests/s':>10} {'p50':>8} {'p99':>8}"
          f" {'p99.9':>8} {'failed':>6}")

    def show(label, figures):
        print(f"{label:34} {figures['requests']:9} {figures['rate']:10.0f} {duration(figures['p50']):>8}"
              f" {duration(figures['p99']):>8} {duration(figures['p99.9']):>8}"
              f" {figures['refused'] + figures['lost']:6}", flush=True)

    def load(port, seconds=2):
        body = comparison.files["4 KiB"]
        return serving.Load(port, comparison.clients, 64, seconds, body, bodies.QUERY)

    with comparison.server("slotheap") as first, comparison.server("slotheap") as second:
        show("one process", load(first.port).figures())
        ports = (first.port, second.port)
        with serving.nginx(directory, ports, comparison.servers) as port:
            show("two behind nginx", load(port).figures())
            running = load(port, 3)
            time.sleep(1)
            first.kill()
            time.sleep(1)
            with serving.Server(comparison.program, [], comparison.servers, port=ports[0]):
                show("one killed after 1 s, back after 2", running.figures())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default="build/examples/json-host/json-host")
    parser.add_argument("--quick", action="store_true", help="a minute, and only to look")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        comparison = Comparison(arguments, directory)
        print(f"{platform.machine()}, Linux {platform.release()}; servers on processors "
              f"{comparison.servers}, wrk on {comparison.clients}; medians of "
              f"{comparison.repeats} x 1 s\n", flush=True)
        comparison.check_answers()
        comparison.print(comparison.run())
        if shutil.which("perf"):
            comparison.print_shares()
        print_balanced(comparison, directory)


if __name__ == "__main__":
    main()
