#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""browser.py PROGRAM [PICTURES]: a page of made-up runs in headless Chromium, at the widths of a phone, a tablet and a
desktop, light and dark: nothing on the console, nothing loaded, nothing wider than the window, no labels over each
other, texts with a contrast of 4.5:1; the axes change with and without the script, and the arrow keys read values.
With PICTURES, a folder, also writes a picture of each. Skipped (77) where chromium is absent."""
import base64
import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
WIDTHS = (360, 768, 1440)

# Complaints about what is to be seen, as a list of texts.
LOOK = r"""(() => {
  const faults = [];
  const seen = (element) => element.checkVisibility() && element.getClientRects().length > 0;
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgb = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour) => {
    const [r, g, b] = rgb(colour).slice(0, 3).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [dark, bright] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (bright + 0.05) / (dark + 0.05);
  };
  const paper = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (rgb(colour)[3] > 0) return colour;
    }
    return "white";
  };
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`the page is ${document.documentElement.scrollWidth} wide`);
  const texts = [...document.querySelectorAll("body *")].filter(
    (each) => seen(each) && [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  for (const each of texts) {
    const style = getComputedStyle(each);
    const colour = each instanceof SVGElement ? style.fill : style.color;
    const ratio = contrast(colour, paper(each));
    if (ratio < 4.5) faults.push(`contrast ${ratio.toFixed(2)} of ${each.textContent.slice(0, 40)}`);
    const box = each.getBoundingClientRect();
    if (!each.closest(".scroll, .skip, .unseen") && (box.left < 0 || box.right > innerWidth + 0.5)) {
      faults.push(`clipped: ${each.textContent.slice(0, 40)} at ${box.left} to ${box.right}`);
    }
  }
  for (const line of [...document.querySelectorAll("polyline, .sample line")].filter(seen)) {
    const ratio = contrast(getComputedStyle(line).stroke, paper(line));
    if (ratio < 3) faults.push(`contrast ${ratio.toFixed(2)} of a curve`);
  }
  for (const ticks of document.querySelectorAll(".ticks")) {
    const boxes = [...ticks.querySelectorAll("text")].filter(seen).map((text) => [text.textContent, text.getBoundingClientRect()]);
    const panel = ticks.closest("figure").getBoundingClientRect();
    boxes.forEach(([text, box], i) => {
      if (box.left < panel.left) faults.push(`${text} leaves its panel`);
      for (const [other, near] of boxes.slice(i + 1)) {
        if (box.left < near.right && near.left < box.right && box.top + 2 < near.bottom && near.top + 2 < box.bottom) {
          faults.push(`${ticks.closest("figure").id}: ${text} lies over ${other}`);
        }
      }
    });
  }
  return faults;
})()"""

SHOWN_AXES = """[...new Set([...document.querySelectorAll(".plot")].filter((each) => each.checkVisibility()).map((each) => each.dataset.axis))].join()"""


class Browser:
    """Chromium, spoken to over a pipe by its DevTools protocol."""

    def __init__(self, chromium, profile):
        to_read, self.write_end = os.pipe()
        self.read_end, to_write = os.pipe()
        # Chromium reads commands from 3 and writes answers to 4, which pipes may have as numbers here.
        command, answer = (fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 10) for each in (to_read, to_write))
        self.process = subprocess.Popen(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={profile}"],
            preexec_fn=lambda: (os.dup2(command, 3), os.dup2(answer, 4)), close_fds=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for each in (to_read, to_write, command, answer):
            os.close(each)
        self.number, self.rest, self.session, self.events = 0, b"", None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def message(self):
        while b"\0" not in self.rest:
            self.rest += os.read(self.read_end, 1 << 20) or sys.exit("chromium has ended")
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.write_end, data):]
        while (answer := self.message()).get("id") != self.number:
            self.events.append(answer)
        assert "error" not in answer, (method, answer)
        return answer["result"]

    def load(self, url):
        self.events.clear()
        self.call("Page.navigate", url=url)
        while not any(each.get("method") == "Page.loadEventFired" for each in self.events):
            self.events.append(self.message())

    def value(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, (expression[:80], answer["exceptionDetails"])
        return answer["result"].get("value")

    def press(self, key):
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key)

    def complaints(self):
        """What the console says, and what was loaded beside the page."""
        bad = [each["params"] for each in self.events if each.get("method") in
               ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")]
        loaded = [each["params"]["request"]["url"] for each in self.events if each.get("method") == "Network.requestWillBeSent"]
        return bad + [url for url in loaded[1:] if not url.startswith("data:")]

    def end(self):
        self.process.terminate()
        self.process.wait()


def look(browser, url, width, scheme, pictures):
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.load(url)
    for axis in ("steps", "tokens", "seconds"):
        browser.value(f"document.getElementById('axis-{axis}').click()")
        assert browser.value(SHOWN_AXES) == axis, (width, axis)
        faults = browser.value(LOOK) + browser.complaints()
        assert not faults, (width, scheme, axis, faults)
    if pictures:
        browser.value("document.getElementById('axis-steps').click()")
        height = browser.value("document.documentElement.scrollHeight")
        picture = browser.call("Page.captureScreenshot", captureBeyondViewport=True,
                               clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1})
        (pathlib.Path(pictures) / f"{width}-{scheme}.png").write_bytes(base64.b64decode(picture["data"]))


def read_with_keys(browser):
    """The last value first, then the one before it; the legend and the spoken text agree."""
    browser.value("document.getElementById('axis-steps').click()")
    browser.value("document.querySelector('#loss .by-steps').focus()")
    browser.press("End")
    last = browser.value("document.getElementById('spoken').textContent")
    assert last.startswith("step 1,200: ") and "small 2." in last, last
    browser.press("ArrowLeft")
    before = browser.value("document.getElementById('spoken').textContent")
    assert before.startswith("step 1,180: "), before
    shown = browser.value("""[...document.querySelectorAll('#loss .legend li')].map((each) => each.textContent)
                             .find((each) => each.startsWith('small'))""")
    assert shown in before and shown not in last, (shown, before)
    # A run that ended earlier has no value there.
    assert browser.value("[...document.querySelectorAll('#loss .at')].map((each) => each.textContent).includes('–')")
    browser.value("document.activeElement.blur()")
    assert browser.value("document.querySelectorAll('.dot, .cursor').length") == 0


def change_colours(browser):
    for scheme, theme in (("light", "dark"), ("dark", "light")):
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        papers = []
        for choice in (theme, "system"):
            browser.value(f"document.getElementById('theme-{choice}').click()")
            papers.append(browser.value("getComputedStyle(document.body).backgroundColor"))
        assert papers[0] != papers[1], (scheme, papers)


def main():
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        print("skipped: chromium is absent")
        sys.exit(77)
    program, pictures = sys.argv[1], (sys.argv[2:] or [None])[0]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        subprocess.run([sys.executable, HERE / "make_runs.py", folder + "/runs"], check=True)
        page = pathlib.Path(folder) / "page.html"
        runs = sorted(set(os.listdir(os.fsencode(folder + "/runs"))) - {b"long"})
        subprocess.run([program, "report", *runs, "--output", page], cwd=folder + "/runs", check=True, stdout=subprocess.DEVNULL)
        browser = Browser(chromium, folder + "/profile")
        try:
            for scheme in ("light", "dark"):
                for width in WIDTHS:
                    look(browser, page.as_uri(), width, scheme, pictures)
            read_with_keys(browser)
            change_colours(browser)
            browser.call("Emulation.setScriptExecutionDisabled", value=True)
            look(browser, page.as_uri(), WIDTHS[0], "light", None)
        finally:
            browser.end()


main()
