"""A headless Chromium, driven over its DevTools pipe: what a page's console says, how wide it is, how it looks."""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import time

FOUND = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
PATIENCE = 120  # seconds, for a machine with much else to do
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe",
]  # fmt: skip


class Browser:
    """One browser with one page; a context that ends it."""

    def __init__(self, profile):
        self._profile = profile
        self._asked = 0
        self._session = None
        self._rest = b""
        self.events = []

    def __enter__(self):
        hears, tells = os.pipe()
        listens, says = os.pipe()
        # The browser reads commands from descriptor 3 and writes to 4; another Python moves ours there, and becomes the browser.
        moves = "".join(f"os.dup2({a}, {b}); " for a, b in ((hears, 100), (says, 101), (100, 3), (101, 4)))
        moves = f"import os, sys; {moves}os.execv(sys.argv[1], sys.argv[1:])"
        command = [sys.executable, "-S", "-c", moves, FOUND, *FLAGS, f"--user-data-dir={self._profile}"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(command, pass_fds=(hears, says), **quiet)
        os.close(hears)
        os.close(says)
        self._tells, self._listens = tells, listens
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError, AssertionError):
            self._session = None
            self.ask("Browser.close")
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._tells)
        os.close(self._listens)

    def ask(self, method, **params):
        """Send a command and return its answer; events on the way are kept."""
        self._asked += 1
        message = {"id": self._asked, "method": method, "params": params}
        message |= {"sessionId": self._session} if self._session else {}
        os.write(self._tells, json.dumps(message).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") == self._asked:
                assert "error" not in found, found["error"]
                return found["result"]

    def open(self, path, width, dark=False):
        """Open a file as a window of this width shows it, until it is loaded."""
        self.events.clear()
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.ask("Page.navigate", url=path.absolute().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._next()

    def value(self, expression):
        """Return what an expression of JavaScript comes to on the page."""
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def complaints(self):
        """Return what the page wrote to its console and its log, and what it asked of a network."""
        kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        said = [event["params"] for event in self.events if event["method"] in kinds]
        sent = [
            event["params"]["request"]["url"] for event in self.events if event["method"] == "Network.requestWillBeSent"
        ]
        return said + [url for url in sent if not url.startswith(("file:", "data:"))]

    def screenshot(self, path):
        """Write the whole page as a PNG."""
        shot = self.ask("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _next(self):
        """Return the next message; one that answers nothing is an event."""
        until = time.monotonic() + PATIENCE
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._listens], [], [], max(0.0, until - time.monotonic()))
            assert ready, "the browser says nothing"
            more = os.read(self._listens, 1 << 20)
            assert more, "the browser has ended"
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        found = json.loads(message)
        if "id" not in found:
            self.events.append(found)
        return found
