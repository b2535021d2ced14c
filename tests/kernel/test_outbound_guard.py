"""The guard of the whole process: it cannot be taken off again, so each test gives it a process to die with."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]

PRELUDE = """
import asyncio, json, os, socket, tempfile, threading, urllib.request
from ipaddress import ip_network
from vrm.kernel.outbound import FEED, Outbound, install_guard

def listening(family=socket.AF_INET, host="127.0.0.1"):
    server = socket.socket(family, socket.SOCK_STREAM)
    server.bind((host, 0) if family != socket.AF_UNIX else host)
    server.listen(50)
    return server

def tried(act):
    try:
        act()
    except OSError as error:
        return type(error).__name__
    return "connected"

def connect(address, family=socket.AF_INET, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as client:
        client.settimeout(5)
        client.connect(address)

server = listening()
port = server.getsockname()[1]
results = {}
"""


def in_a_process(code: str) -> dict[str, str]:
    """Run the code after the prelude, and read the `results` it filled."""
    script = PRELUDE + textwrap.dedent(code) + "\nprint(json.dumps(results))\n"
    done = subprocess.run(
        [sys.executable, "-W", "ignore::ResourceWarning", "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results: dict[str, str] = json.loads(done.stdout)
    return results


def test_nobody_in_the_process_reaches_a_private_address() -> None:
    results = in_a_process("""
        results["before"] = tried(lambda: connect(("127.0.0.1", port)))
        install_guard()
        results["connect"] = tried(lambda: connect(("127.0.0.1", port)))
        results["connect_ex"] = tried(lambda: socket.socket().connect_ex(("127.0.0.1", port)))
        results["name"] = tried(lambda: connect(("localhost", port)))
        results["odd number"] = tried(lambda: connect(("2130706433", port)))
        results["short number"] = tried(lambda: connect(("127.1", port)))
        results["zero"] = tried(lambda: connect(("0.0.0.0", port)))
        results["empty"] = tried(lambda: connect(("", port)))
        results["bytes"] = tried(lambda: connect((b"127.0.0.1", port)))
        results["create_connection"] = tried(lambda: socket.create_connection(("localhost", port)))
        results["mapped"] = tried(lambda: connect(("::ffff:127.0.0.1", port), socket.AF_INET6))
        results["six"] = tried(lambda: connect(("::1", port), socket.AF_INET6))
        results["metadata"] = tried(lambda: connect(("169.254.169.254", 80)))
        results["datagram"] = tried(lambda: connect(("10.0.0.1", 53), kind=socket.SOCK_DGRAM))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        results["sendto"] = tried(lambda: udp.sendto(b"x", ("10.0.0.1", 53)))
        results["sendto with flags"] = tried(lambda: udp.sendto(b"x", 0, ("10.0.0.1", 53)))
        results["sendmsg"] = tried(lambda: udp.sendmsg([b"x"], [], 0, ("10.0.0.1", 53)))
        async def ask():
            await asyncio.open_connection("127.0.0.1", port)
        results["asyncio"] = tried(lambda: asyncio.run(ask()))
        results["urllib"] = tried(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5))
        thread = threading.Thread(target=lambda: results.update(thread=tried(lambda: connect(("127.0.0.1", port)))))
        thread.start()
        thread.join()
    """)
    assert results.pop("before") == "connected"
    assert results.pop("urllib") == "URLError"
    assert set(results.values()) == {"GuardRefusal"}
    assert len(results) == 18


def test_allowed_networks_unix_sockets_and_connected_pairs_stay_open() -> None:
    results = in_a_process("""
        folder = tempfile.mkdtemp()
        unix = listening(socket.AF_UNIX, os.path.join(folder, "s"))
        other = listening(host="127.0.0.2")
        install_guard([ip_network("127.0.0.1/32")])
        results["allowed"] = tried(lambda: connect(("127.0.0.1", port)))
        results["unix"] = tried(lambda: connect(unix.getsockname(), socket.AF_UNIX))
        left, right = socket.socketpair()
        results["pair"] = tried(lambda: left.sendmsg([b"x"]))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.connect(("127.0.0.1", 9))
        results["connected datagram"] = tried(lambda: udp.sendmsg([b"x"]))
        results["neighbour"] = tried(lambda: connect(other.getsockname()))
    """)
    assert results.pop("neighbour") == "GuardRefusal"
    assert set(results.values()) == {"connected"}


def test_the_database_and_the_mail_relay_are_exceptions_by_exact_host_and_port() -> None:
    results = in_a_process("""
        relay = listening()
        relay_port = relay.getsockname()[1]
        install_guard(also={("127.0.0.1", port), ("LocalHost.", relay_port), ("db.invalid", 5432)})
        results["database"] = tried(lambda: connect(("127.0.0.1", port)))
        results["relay by name"] = tried(lambda: connect(("localhost", relay_port)))
        results["relay by address"] = tried(lambda: connect(("127.0.0.1", relay_port)))
        results["relay by library"] = tried(lambda: socket.create_connection(("localhost", relay_port)))
        third = listening()
        results["other port"] = tried(lambda: connect(third.getsockname()))
        results["other host, same port"] = tried(lambda: connect(("127.0.0.2", port)))
        results["unknown name"] = tried(lambda: connect(("10.0.0.1", 5432)))
    """)
    assert {results.pop(key) for key in ("other port", "other host, same port", "unknown name")} == {"GuardRefusal"}
    assert set(results.values()) == {"connected"}


def test_what_outbound_was_allowed_and_the_guard_was_not_ends_as_not_reachable() -> None:
    results = in_a_process("""
        from vrm.kernel.errors import NotReachable
        install_guard()
        try:
            Outbound([ip_network("127.0.0.0/8")]).get_sync(f"http://127.0.0.1:{port}/", policy=FEED)
        except NotReachable as error:
            results["cause"] = type(error.__cause__.os_error).__name__
    """)
    assert results == {"cause": "GuardRefusal"}
