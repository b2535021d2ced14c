"""There is one way out to hosts that others name, `vrm.kernel.outbound`; this reads every module for a second one."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("vrm", "intents", "vendors", "notifiers")


@dataclass(frozen=True, slots=True)
class Rule:
    """Modules that open connections, and where one of them may be imported all the same."""

    modules: frozenset[str]
    fix: str
    allowed_in: tuple[str, ...] = ()  # Patterns of paths; each with its reason beside it.


CLIENTS = frozenset(
    [
        "requests",
        "urllib.request",
        "urllib3",
        "http.client",
        "httpx",
        "httpcore",
        "aiodns",
        "pycares",
        "ftplib",
        "nntplib",
        "telnetlib",
        "xmlrpc",
        "websockets",
        "pycurl",
        "paramiko",
        "webbrowser",
        "requests_oauthlib",
        "uvloop",
        "_socket",
        "asyncore",
    ]
)
OUTBOUND = "vrm/kernel/outbound/*"
# It plays the customers' and vendors' side on loopback, so it has to be a mail server and a web server itself.
DEMO = ("vrm/demo.py", "vrm/demo/*")

RULES = (
    Rule(modules=CLIENTS, fix="go out through vrm.kernel.outbound"),
    Rule(
        modules=frozenset({"aiohttp", "dns"}),
        fix="go out through vrm.kernel.outbound",
        allowed_in=(OUTBOUND, *DEMO),
    ),
    Rule(
        modules=frozenset({"socket"}),
        fix="go out through vrm.kernel.outbound; a machine's own name is platform.node()",
        allowed_in=(OUTBOUND, *DEMO),
    ),
    Rule(
        modules=frozenset({"smtplib", "aiosmtplib"}),
        fix="send mail through notifiers/channels/email.py",
        # It speaks to the one relay that the operator configured, never to a host that somebody else named.
        allowed_in=("notifiers/channels/email.py",),
    ),
    Rule(
        modules=frozenset({"imaplib", "poplib"}),
        fix="read mail in notifiers/inlet.py",
        # It reads the one mailbox that the operator configured.
        allowed_in=("notifiers/inlet.py",),
    ),
    Rule(
        modules=frozenset({"apprise"}),
        fix="send chat through notifiers/channels/chat.py",
        # It builds addresses of known services from checked fields, with every other schema switched off.
        allowed_in=("notifiers/channels/chat*.py", "notifiers/channels/chat/*"),
    ),
    Rule(
        modules=frozenset({"feedparser"}),
        fix="parse feeds in intents/feed_formats.py, from bytes that outbound fetched",
        allowed_in=("intents/feed_formats.py",),
    ),
    Rule(
        modules=frozenset({"mf2py", "bs4", "html5lib"}),
        fix="parse pages in intents/feed_pages.py, from bytes that outbound fetched",
        allowed_in=("intents/feed_pages.py",),
    ),
)
# Calls that open a connection without an import of their own.
CONNECTING_CALLS = frozenset(
    [
        "open_connection",
        "create_connection",
        "create_datagram_endpoint",
        "sock_connect",
        "sock_sendto",
        "urlopen",
        "urlretrieve",
        "SMTPHandler",
        "HTTPHandler",
        "SocketHandler",
        "DatagramHandler",
        "SysLogHandler",
    ]
)
PROGRAMS = frozenset({"curl", "wget", "nc", "ncat", "ssh", "scp", "telnet", "ftp", "socat", "sendmail"})


def _forbidding_rule(module: str, path: str) -> Rule | None:
    for rule in RULES:
        names = (name for name in rule.modules if module == name or module.startswith(f"{name}."))
        if any(names) and not any(fnmatch(path, pattern) for pattern in rule.allowed_in):
            return rule
    return None


def _dotted(node: ast.expr) -> str:
    """`urllib.request.urlopen` of the expression that says so; nothing of any other."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{_dotted(value)}.{name}"
    return ""


def _imported(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=str(module), names=names, level=0):
            yield module
            yield from (f"{module}.{alias.name}" for alias in names)
        case ast.Attribute():
            # `import urllib` and then `urllib.request.…` works as soon as anybody imported the submodule.
            yield _dotted(node)
        case ast.Call(func=func, args=[ast.Constant(value=str(module)), *_]):
            if _dotted(func).rpartition(".")[2] in {"import_module", "__import__", "find_spec"}:
                yield module


def _is_stream(node: ast.expr) -> bool:
    """`BytesIO(…)` or `sys.stdin.buffer`: all else feedparser may take for a file's name or an address."""
    match node:
        case ast.Call(func=func):
            return _dotted(func) in {"BytesIO", "io.BytesIO"}
    return _dotted(node) == "sys.stdin.buffer"


def _words(call: ast.AST) -> Iterator[str]:
    """Every word of every text in a call, without the folder before a program's name."""
    for node in ast.walk(call):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (word.rpartition("/")[2] for word in node.value.split())


def _dangerous_call(node: ast.AST) -> str | None:
    match node:
        case ast.Call(func=func, args=args):
            name = _dotted(func)
            if name.rpartition(".")[2] in CONNECTING_CALLS:
                return f"{name}() opens a connection; go out through vrm.kernel.outbound"
            if name == "feedparser.parse" and not (args and _is_stream(args[0])):
                return "feedparser.parse() takes io.BytesIO(…) only: it fetches or opens what looks like a name"
            if name.startswith(("subprocess.", "os.")) and PROGRAMS & set(_words(node)):
                return f"{name}() starts a program that opens connections; go out through vrm.kernel.outbound"
        case ast.ImportFrom(module="feedparser"):
            return "import feedparser whole, so that each feedparser.parse() can be found"
    return None


def ways_out(source: str, path: str) -> list[str]:
    """Every second way out in a module's source, as "path:line: sentence"."""
    found: dict[str, None] = {}
    for node in ast.walk(ast.parse(source)):
        line = getattr(node, "lineno", 0)
        for module in _imported(node):
            if rule := _forbidding_rule(module, path):
                found[f"{path}:{line}: {rule.fix}"] = None
        if not fnmatch(path, OUTBOUND) and (sentence := _dangerous_call(node)):
            found[f"{path}:{line}: {sentence}"] = None
    return list(found)


def test_no_module_has_a_second_way_out() -> None:
    found = []
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            found += ways_out(file.read_text(encoding="utf-8"), file.relative_to(ROOT).as_posix())
    assert found == []


def test_the_reader_reads_the_modules_it_is_meant_to_read() -> None:
    assert (ROOT / "vrm/kernel/outbound/client.py").is_file()
    assert all(list((ROOT / package).rglob("*.py")) for package in PACKAGES)


@pytest.mark.parametrize(
    "source",
    [
        "import requests",
        "import requests as r",
        "from requests import get",
        "from requests.sessions import Session",
        "import urllib.request",
        "import urllib.request as u",
        "from urllib import request",
        "from urllib.request import urlopen",
        "import urllib\nurllib.request.urlopen(x)",
        "import http.client",
        "from http import client",
        "from http.client import HTTPConnection",
        "import httpx",
        "import urllib3",
        "import socket",
        "from socket import create_connection",
        "import _socket",
        "import aiohttp",
        "from aiohttp import ClientSession",
        "import smtplib",
        "import aiosmtplib",
        "import apprise",
        "from apprise import Apprise",
        "import ftplib",
        "import dns.resolver",
        "import xmlrpc.client",
        "def f():\n    import requests",
        "if x:\n    import requests",
        "import importlib\nimportlib.import_module('requests')",
        "__import__('socket')",
        "import asyncio\nasyncio.open_connection(host, 80)",
        "loop.create_connection(factory, host, 80)",
        "loop.sock_connect(sock, address)",
        "import logging.handlers\nlogging.handlers.HTTPHandler(host, url)",
        "import subprocess\nsubprocess.run(['curl', url])",
        "import subprocess\nsubprocess.run(['/usr/bin/wget', url])",
        "import os\nos.system('curl ' + url)",
        "import feedparser",
    ],
)
def test_a_second_way_out_is_found(source: str) -> None:
    assert ways_out(source, "vendors/respond.py")


@pytest.mark.parametrize(
    "source",
    [
        "import feedparser\nfeedparser.parse(url)",
        "import feedparser\nfeedparser.parse('https://example.org/')",
        "import feedparser\nfeedparser.parse(body.decode())",
        "import feedparser\nfeedparser.parse(body)",
        "import feedparser\nfeedparser.parse(url_file_stream_or_string=url)",
        "from feedparser import parse\nparse(url)",
    ],
)
def test_feedparser_gets_streams_only_even_where_it_is_allowed(source: str) -> None:
    assert ways_out(source, "intents/feed_formats.py")


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("from urllib.parse import urljoin", "intents/parse.py"),
        ("import urllib.parse\nurllib.parse.urljoin(a, b)", "intents/parse.py"),
        ("import http\nhttp.HTTPStatus.OK", "vrm/web/pages.py"),
        ("from http import HTTPStatus", "vrm/web/pages.py"),
        ("from flask import request\nrequest.form", "vrm/web/pages.py"),
        ("from vrm.kernel.outbound import Outbound", "intents/harvest.py"),
        ("import aiosmtplib", "notifiers/channels/email.py"),
        ("import apprise", "notifiers/channels/chat.py"),
        ("import apprise", "notifiers/channels/chat_services.py"),
        ("from aiohttp import web", "vrm/demo/sinks.py"),
        (
            "import feedparser, io\nfeedparser.parse(io.BytesIO(body), resolve_relative_uris=False)",
            "intents/feed_formats.py",
        ),
        ("import socket", "vrm/kernel/outbound/guard.py"),
    ],
)
def test_an_honest_module_is_left_alone(source: str, path: str) -> None:
    assert ways_out(source, path) == []
