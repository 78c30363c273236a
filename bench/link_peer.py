# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
"""Measures reads over the link, and over LiteX's UART bridge with litex_server and RemoteClient, in one run.

    python -m venv VENV && VENV/bin/pip install litex pyserial
    PYTHONPATH=host:tests python bench/link_peer.py [--litex VENV] [--baud N] [--latency SECONDS] [--count N]

Both talk over the same made-up line: each piece of bytes takes its time at the baud rate, with 10 bits for a byte, and
a latency in each direction. At its far end answers a naive device at once. LiteX reaches the line through a pty and its
own server, as its manual says; dirql through TCP. LiteX's bridge has no check sums and no sessions. Without
--litex only dirql is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import socket
import subprocess
import threading
import time
import tty
from collections.abc import Callable
from pathlib import Path

from dirql.target import open_target
from fakes.default_machine import MEMORY
from fakes.fake_device import FakeDevice
from fakes.scripted_target import Ram, ScriptedTarget, Space

WINDOW = 64
"""The dwords of a burst."""
READ_BURST = 2
"""The command of LiteX's bridge that reads dwords from ascending addresses."""

CLIENT = f"""
import json, sys, time
from litex import RemoteClient
bus = RemoteClient(port=int(sys.argv[1]))
bus.open()
count = int(sys.argv[2])
assert bus.read(0x100) == 0x40
singles, bursts = [], []
for _ in range(count):
    began = time.perf_counter()
    bus.read(0x100)
    singles.append(time.perf_counter() - began)
for _ in range(count):
    began = time.perf_counter()
    assert len(bus.read(0x100, {WINDOW})) == {WINDOW}
    bursts.append(time.perf_counter() - began)
print(json.dumps([singles, bursts]))
bus.close()
"""


class Line(threading.Thread):
    """Carries bytes between a file and a device, with the times of a line."""

    def __init__(self, file: int, device: Callable[[bytes], bytes], latency: float, baud: int) -> None:
        super().__init__(daemon=True)
        self._file, self._device, self._latency, self._baud = file, device, latency, baud

    def run(self) -> None:
        try:
            while octets := os.read(self._file, 1 << 16):
                time.sleep(self._latency + 10 * len(octets) / self._baud)
                answer = self._device(octets)
                if answer:
                    time.sleep(self._latency + 10 * len(answer) / self._baud)
                    os.write(self._file, answer)
        except OSError:
            return  # the other side has closed the line


class Bridge:
    """The far end of LiteX's bridge: the dword at address 4 n is n."""

    def __init__(self) -> None:
        self._left = b""

    def receive(self, octets: bytes) -> bytes:
        self._left += octets
        answer = b""
        while len(self._left) >= 6:
            assert self._left[0] == READ_BURST
            length, word = self._left[1], int.from_bytes(self._left[2:6], "big")
            self._left = self._left[6:]
            answer += b"".join((word + at).to_bytes(4, "big") for at in range(length))
        return answer


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def litex(venv: Path, latency: float, baud: int, count: int) -> list[list[float]]:
    """The seconds of each single read, and of each burst."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    Line(master, Bridge().receive, latency, baud).start()
    port = free_port()
    words = [
        "--uart",
        "--uart-port",
        os.ttyname(slave),
        "--uart-baudrate",
        str(baud),
        "--bind-port",
        str(port),
    ]
    with subprocess.Popen(
        [venv / "bin" / "litex_server", *words], stdout=subprocess.DEVNULL, cwd=venv
    ) as server:
        try:
            wait_for(port)
            done = subprocess.run(
                [venv / "bin" / "python", "-c", CLIENT, str(port), str(count)],
                capture_output=True,
                text=True,
                check=True,
                cwd=venv,
            )
        finally:
            server.kill()
    times: list[list[float]] = json.loads(done.stdout.splitlines()[-1])
    return times


def wait_for(port: int) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("litex_server must listen within 20 s")


def ours(latency: float, baud: int, count: int) -> list[list[float]]:
    """The seconds of each single read, and of each burst."""
    script = ScriptedTarget()
    script.map(Space.MEMORY, MEMORY, 4096, Ram(4096))
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}?silence=20"
        accepted: list[socket.socket] = []

        def accept() -> None:
            client, _ = server.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            accepted.append(client)
            Line(client.fileno(), FakeDevice(script).receive, latency, baud).start()

        threading.Thread(target=accept, daemon=True).start()
        target = open_target(address)
        into = memoryview(bytearray(4 * WINDOW))
        singles = [timed(lambda: target.read_memory(MEMORY)) for _ in range(count)]
        bursts = [timed(lambda: target.read_memory_burst(MEMORY, into)) for _ in range(count)]
        target.close()
        return [singles, bursts]


def timed(access: Callable[[], object]) -> float:
    began = time.perf_counter()
    access()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--litex", type=Path, help="a virtual environment with litex and pyserial")
    parser.add_argument("--baud", type=int, default=3_000_000)
    parser.add_argument("--latency", type=float, default=0.001)
    parser.add_argument("--count", type=int, default=200)
    options = parser.parse_args()
    line = (options.latency, options.baud, options.count)
    measured = {} if options.litex is None else {"LiteX RemoteClient": litex(options.litex.absolute(), *line)}
    measured["dirql"] = ours(*line)
    for name, (singles, bursts) in measured.items():
        print(
            f"{name}: a read takes {best(singles)}, a burst of {WINDOW} dwords {best(bursts)} (best, and best tenth)"
        )


def best(times: list[float]) -> str:
    """The shortest time, and the time that a tenth stays below: other programs only make them longer."""
    ordered = sorted(times)
    return f"{1e3 * ordered[0]:.2f} ms, {1e3 * ordered[len(ordered) // 10]:.2f} ms"


if __name__ == "__main__":
    main()
