"""The controller's end of GTP: starts an engine, sends commands, reads replies. Knows nothing of hayago."""

import subprocess


class GtpFailure(Exception):
    """The engine answered with an error; the message is its text."""


class GtpClient:
    def __init__(self, *command):
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()

    def __call__(self, command):
        """The reply's text."""
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        lines = []
        while (line := self._process.stdout.readline()) not in ("\n", ""):
            lines.append(line)
        reply = "".join(lines)
        assert reply[:1] in ("=", "?"), f"{command!r} was answered {reply!r}"
        if reply[0] == "?":
            raise GtpFailure(f"{command!r}: {reply[1:].strip()}")
        return reply[1:].strip()

    def quit(self):
        """The exit code after `quit`."""
        self("quit")
        return self._process.wait(timeout=10)
