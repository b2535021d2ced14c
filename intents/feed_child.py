"""The process that reads feeds: questions on standard input -> answers on standard output, within limits."""

import contextlib
import json
import os
import resource
import signal
import sys
from dataclasses import asdict
from datetime import date, datetime
from typing import IO, Any

from intents.feed_formats import understand
from vrm.kernel.errors import NotAFeed

_CONNECTS = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "ctypes.", "urllib.")
_WRITES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod", "os.truncate")


def main(memory_mb: int, cpu_s: float) -> None:
    """Answer until standard input ends, which it does when the asking process does."""
    _limit_memory(memory_mb)
    sys.addaudithook(refuse)
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    answers.write(b"ready\n")
    answers.flush()
    while line := questions.readline(100_000):
        head = json.loads(line)
        body = questions.read(head["size"])
        # The signal's default is to end the process, and no code of a parser can put it off.
        signal.setitimer(signal.ITIMER_PROF, cpu_s)
        answer = _answer(body, head)
        signal.setitimer(signal.ITIMER_PROF, 0)
        _send(answers, answer)


def _answer(body: bytes, head: dict[str, Any]) -> dict[str, Any]:
    try:
        feed = understand(
            body,
            content_type=head["content_type"],
            url=head["url"],
            fetched_at=datetime.fromisoformat(head["fetched_at"]),
        )
    except NotAFeed as refusal:
        return {"refused": str(refusal)}
    except MemoryError:
        return {"refused": "This feed takes more memory to read than we allow; please make it shorter.", "exhausted": 1}
    # Parsers raise anything at all on hostile bytes; whatever it is, this is not a feed that can be read.
    except Exception as failure:
        return {"refused": f"This feed cannot be read ({type(failure).__name__}); please check it with a validator."}
    return asdict(feed)


def _written(moment: date) -> str:
    return moment.isoformat()


def _send(answers: IO[bytes], answer: dict[str, Any]) -> None:
    written = json.dumps(answer, default=_written).encode()
    answers.write(b"%d\n" % len(written))
    answers.write(written)
    answers.flush()


def _limit_memory(memory_mb: int) -> None:
    size = memory_mb * 1024 * 1024
    # macOS knows the name of the limit and refuses to set it.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def refuse(event: str, details: tuple[Any, ...]) -> None:
    """Whatever a hostile feed talks a parser into: no connection, no program, no written file."""
    writes = event == "open" and bool(details[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    if writes or event.startswith(_CONNECTS) or event.startswith(_WRITES):
        raise PermissionError(f"The process that reads feeds may not do this: {event}.")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
