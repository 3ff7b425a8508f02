# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a server's time goes to, by perf: samples by library and function."""

import os
import re
import subprocess
import tempfile

# The first that matches "LIBRARY FUNCTION" has the sample. What the compiler puts inline is
# its caller's: allocation of a heap's objects, for one, counts as making values.
PARTS = {
    "kernel": r"^\[",
    "memory": r"libslotheap|libjemalloc|libmimalloc|json-host (slhi?_|memory_|free_|store_(begin|end))|"
    r"libc\S* (_*(libc_)?(malloc|calloc|realloc|free|cfree)\b|_int_|malloc_|tcache|unlink_chunk|"
    r"sysmalloc|systrim|__memset)",
    "values": r"json-host (\w+_make_|object_|XXH_|equal_at|find_slot)",
    "parser": r"libyajl|json-host (text_scan|parse|take$|number_|on_(key|string|number|start|end|boolean|null))",
    "http": r"libmicrohttpd|json-host (request_|serve$|take_|finish|metrics_|connection_|write_answer)|"
    r"libc\S* \S*(recv|send|poll|epoll|accept)",
    "query, rest": r"",
}


def of(pid, seconds):
    """{part: percent}; empty if perf may not look."""
    with tempfile.TemporaryDirectory() as directory:
        data = os.path.join(directory, "perf.data")
        record = ["perf", "record", "-q", "-F", "1999", "-o", data, "-p", str(pid)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        if subprocess.run([*record, "--", "sleep", str(seconds)], check=False, **quiet).returncode != 0:
            return {}
        report = subprocess.run(
            ["perf", "report", "-i", data, "--stdio", "-q", "--no-children", "--sort", "dso,symbol",
             "-F", "overhead,dso,symbol", "-w", "0,60,80"],
            check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        ).stdout
    parts = {}
    for line in report.splitlines():
        found = re.match(r"\s*([\d.]+)%\s+(\S+)\s+\[(.)\]\s+(\S+)", line)
        if found:
            percent, library, _, function = found.groups()
            name = f"{library} {function}"
            part = next(part for part, pattern in PARTS.items() if re.search(pattern, name))
            parts[part] = parts.get(part, 0) + float(percent)
    return parts
