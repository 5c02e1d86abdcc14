"""For the tests and the long check of the camera's page: a camera, both kinds of pages, and what
stands on them.
"""

import base64
import io
import os
import re
import time
from contextlib import contextmanager

import numpy as np
from commands import started
from hosting import hosted
from PIL import Image

CAMERA = (
    "--use-fake-device-for-media-stream",
    "--use-file-for-fake-video-capture={}",
    "--host-resolver-rules=MAP camera.test 127.0.0.1",
)
SECONDS = 1  # for which the camera sees a picture
RATE = 30  # frames a second, at which Chromium plays such a file
RUNTIME, AXE = os.environ.get("ONNXRUNTIME_WEB"), os.environ.get("AXE_CORE")


def write_camera(path, pictures):
    """A film of pictures (H, W, 3), each in the middle of 640 x 480 and on for a second."""
    with open(path, "wb") as file:
        for picture in pictures:
            frame = Image.new("RGB", (640, 480), (90, 90, 90))
            middle = Image.fromarray(np.uint8(picture)).resize((480, 480), Image.Resampling.BICUBIC)
            frame.paste(middle, (80, 0))
            buffer = io.BytesIO()
            frame.save(buffer, "JPEG", quality=95, subsampling=0)
            file.write(buffer.getvalue() * (SECONDS * RATE))


@contextmanager
def served(*words):
    """The address of `minicnn serve WORDS`."""
    server = started("serve", "--port", "0", *words)
    try:
        lines = iter(server.stdout.readline, "")
        found = next(filter(None, (re.search(r"http://\S+", line) for line in lines)), None)
        assert found, server.stderr.read()
        yield found[0].replace("127.0.0.1", "localhost")
    finally:
        server.terminate()
        server.communicate(timeout=60)


@contextmanager
def alone(folder):
    """The address of a folder of static files, as any web server has it."""
    with hosted(folder) as (address, _):
        yield address.replace("127.0.0.1", "localhost")


def allow_camera(browser, address, setting="granted"):
    """Answer the browser's question whether the page may use the camera."""
    browser.execute_cdp_cmd(
        "Browser.setPermission",
        {"permission": {"name": "camera"}, "setting": setting, "origin": address.rstrip("/")},
    )


READ = """
    const text = selector => [...document.querySelectorAll(selector)].map(e => e.textContent);
    return {
        seen: document.getElementById("seen").toDataURL(),
        names: text("#bars .name"), shares: text("#bars .share"),
        doubt: text("#doubt")[0], note: text("#note")[0], spoken: text("#spoken")[0],
        rate: text("#rate")[0], trip: text("#trip")[0], inside: text("#inside")[0],
        heat: !document.getElementById("heat").hidden,
    }"""


def read(browser):
    """What stands on the page; seen as an array (H, W, 3)."""
    page = browser.execute_script(READ)
    data = base64.b64decode(page["seen"].partition(",")[2])
    page["seen"] = np.array(Image.open(io.BytesIO(data)).convert("RGB"))
    page["shares"] = [float(share.rstrip("\xa0%") or "nan") for share in page["shares"]]
    return page


def wait(browser, until, seconds=60):
    """What stands on the page as soon as `until(page)` is true."""
    end = time.monotonic() + seconds
    while not until(page := read(browser)):
        assert time.monotonic() < end, page
        time.sleep(0.05)
    return page


def watch(browser, pictures, seconds):
    """For each picture of the film the first classes that stood on the page while the network
    looked at it; looks twice in the time of each.
    """
    found = [set() for _ in pictures]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        page = read(browser)
        apart = [np.abs(page["seen"] - np.float64(picture)).mean() for picture in pictures]
        if min(apart) < 20:  # levels: not the frame in which one picture becomes another
            found[int(np.argmin(apart))].add(page["names"][0])
        time.sleep(SECONDS / 2.5)
    return found


def serious_faults(browser):
    """What axe-core calls serious or critical, as lines."""
    from pathlib import Path

    source = (Path(AXE) / "axe.min.js").read_text(encoding="utf-8")
    browser.execute_script(source + "; window.axe = axe")
    result = browser.execute_async_script("const done = arguments[0]; axe.run().then(done)")
    assert len(result["passes"]) > 10
    return [
        f"{each['id']}: {each['help']}: {node['html']}"
        for each in result["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
