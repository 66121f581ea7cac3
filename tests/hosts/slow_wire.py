# SPDX-License-Identifier: Apache-2.0
"""slow_wire.py DELAY_MS LOSS PORTS: forwards Ethernet frames between port1 to portN of this network namespace, each
after the delay and in order; the share LOSS of them never arrives. Kernels are often built without netem, which does the
same. On SIGTERM prints how many frames were forwarded and how many lost."""
import collections
import random
import select
import signal
import socket
import sys
import time

SOL_PACKET, PACKET_VNET_HDR = 263, 15
HEADER = 10  # bytes before each frame: what the network card still has to do, such as checksums and segments
LARGEST = HEADER + (1 << 16) + 64
EVERY_PROTOCOL = socket.htons(3)


def open_port(number):
    port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, EVERY_PROTOCOL)
    port.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    port.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
    port.bind((f"port{number}", 0))
    port.setblocking(False)
    return port


class Wire:
    def __init__(self, delay, loss, ports):
        self.delay, self.loss = delay, loss
        self.ports = [open_port(number) for number in range(1, ports + 1)]
        self.home = {}  # sender's address: its port
        self.under_way = collections.deque()  # (time of arrival, port it came from, header and frame)
        self.forwarded = self.lost = 0
        self.random = random.Random(1)

    def receive(self, port):
        while True:
            try:
                frame, origin = port.recvfrom(LARGEST)
            except BlockingIOError:
                return
            if origin[2] == socket.PACKET_OUTGOING:
                continue
            self.home[frame[HEADER + 6:HEADER + 12]] = port
            if self.random.random() < self.loss:
                self.lost += 1
            else:
                self.under_way.append((time.monotonic() + self.delay, port, frame))

    def deliver(self, origin, frame):
        known = self.home.get(frame[HEADER:HEADER + 6])
        for port in [known] if known else self.ports:
            if port is origin:
                continue
            try:
                port.send(frame)
                self.forwarded += 1
            except OSError:
                self.lost += 1  # the link is down, or its queue full

    def run(self):
        while True:
            wait = max(0, self.under_way[0][0] - time.monotonic()) if self.under_way else None
            for port in select.select(self.ports, [], [], wait)[0]:
                self.receive(port)
            while self.under_way and self.under_way[0][0] <= time.monotonic():
                self.deliver(*self.under_way.popleft()[1:])


def main():
    wire = Wire(float(sys.argv[1]) / 1000, float(sys.argv[2]), int(sys.argv[3]))

    def end(*_):
        print(wire.forwarded, wire.lost, flush=True)
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    print("ready", flush=True)
    wire.run()


main()
