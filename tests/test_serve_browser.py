"""The camera's page in a real browser, with a film as its camera: as `minicnn serve` shows it, and,
where ONNXRUNTIME_WEB names the unpacked npm package, as `minicnn export web` writes it.

tests/check_camera.py does the same with a network of photographs, and counts.
"""

import base64
import io
from time import sleep

import numpy as np
import pytest
from camera_pages import (
    AXE,
    CAMERA,
    RUNTIME,
    allow_camera,
    alone,
    read,
    serious_faults,
    served,
    wait,
    watch,
    write_camera,
)
from chromium import (
    SIZES,
    check_not_wider_than_the_screen,
    contrast,
    forget,
    requests,
    set_screen,
    started,
    visit,
)
from PIL import Image

from minicnn import Sequential, data, layers, models
from minicnn.cli import main

pytest_plugins = ["run_fixtures"]
pytest.importorskip("uvicorn", reason="no test of the camera's page: uvicorn is not installed")
PICTURES = {
    "red": (230, 20, 20),
    "green": (20, 230, 20),
    "blue": (20, 20, 230),
    "dark red": (160, 0, 0),
    "dark green": (0, 160, 0),
    "dark blue": (0, 0, 160),
    "pale red": (255, 110, 110),
    "pale green": (110, 255, 110),
    "pale blue": (110, 110, 255),
    "orange": (255, 100, 0),
}
NASTY = "<img src=x onerror=\"document.title='owned'\"> & a name that is much too long for a bar"


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Ten pictures, and the file in which the camera sees them."""
    pictures = [np.full((32, 32, 3), colour, np.uint8) for colour in PICTURES.values()]
    path = tmp_path_factory.mktemp("film") / "film.mjpeg"
    write_camera(path, pictures)
    return pictures, path


@pytest.fixture(scope="module")
def browser(film, tmp_path_factory):
    """A browser whose camera is the film."""
    options = [option.format(film[1]) for option in CAMERA]
    with started(tmp_path_factory.mktemp("profile"), *options) as driver:
        yield driver


@pytest.fixture(scope="module")
def nasty_model(tmp_path_factory):
    """A model of wide grey pictures whose classes have names that no page should believe."""
    model = Sequential(
        [layers.Input((16, 32, 1)), layers.Flatten(), layers.Dense(2)],
        class_names=[NASTY, "\u202eyes"],
    )
    path = tmp_path_factory.mktemp("nasty") / "nasty.safetensors"
    model.save(path)
    return path


@pytest.fixture(scope="module", params=["served", "alone"])
def address(request, colour_model, nasty_model, tmp_path_factory):
    """Where the page is: of a server with two models, or of static files with one."""
    if request.param == "served":
        with served(colour_model, nasty_model, "--allow-host", "camera.test") as url:
            yield url
    elif RUNTIME:
        folder = tmp_path_factory.mktemp("app")
        words = ["export", "web", str(colour_model), "--to", str(folder), "--runtime", RUNTIME]
        assert main(words) == 0
        with alone(folder) as url:
            yield url
    else:
        pytest.skip("no test of the exported page: ONNXRUNTIME_WEB names no npm package")


def open_page(browser, address):
    """Open the page with the camera allowed, and wait until it can be started."""
    allow_camera(browser, address)
    visit(browser, "about:blank")
    forget(browser)
    visit(browser, address)
    enabled = "return !document.getElementById('camera').disabled"
    wait(browser, lambda _: browser.execute_script(enabled))


@pytest.fixture
def page(browser, address):
    """The browser with the page open; no message and no foreign request when it is left."""
    set_screen(browser, "desk")
    open_page(browser, address)
    yield browser
    visit(browser, "about:blank")  # a camera that is on would ask for ever
    assert browser.get_log("browser") == []
    assert not [url for url in requests(browser, address) if not url.startswith(address)]


@pytest.fixture
def picture(tmp_path):
    """A file with a photograph, more or less: red fading to blue, 90 x 61 pixels."""
    ramp = np.linspace(0, 1, 90)[None, :, None]
    levels = ramp * (20, 20, 230) + (1 - ramp) * (230, 20, 20)
    noise = np.random.default_rng(0).integers(0, 20, (61, 90, 3))
    path = tmp_path / "picture.png"
    Image.fromarray(np.uint8(levels + noise)).save(path)
    return path


GIVE = """
    const [data, name, type, event] = arguments;
    const bytes = Uint8Array.from(atob(data), each => each.charCodeAt(0));
    const transfer = new DataTransfer();
    if (name) transfer.items.add(new File([bytes], name, {type}));
    const about = {bubbles: true, cancelable: true};
    document.body.dispatchEvent(event == "paste"
        ? new ClipboardEvent("paste", {...about, clipboardData: transfer})
        : new DragEvent(event, {...about, dataTransfer: transfer}))"""


def give(browser, event, content, name="picture.png", kind="image/png"):
    """Drop a file on the page, or paste it."""
    browser.execute_script(GIVE, base64.b64encode(content).decode(), name, kind, event)


def check_answer(page, model, picture):
    """What stands on the page is what `minicnn predict` says of the file."""
    expected = models.load_model(model).predict_image(picture)
    np.testing.assert_array_equal(page["seen"], expected.seen)
    assert page["names"] == expected.classes
    np.testing.assert_allclose(page["shares"], 100 * np.array(expected.probabilities), atol=0.06)
    assert bool(page["doubt"]) != expected.confident


def answered(page):
    """Whether there is an answer."""
    return page["names"] and page["names"][0] != "–"


# ----------------------------------------------------------------------------------- the camera


def test_the_camera_is_classified_live(page, film):
    """Nine of ten pictures are named right; the page goes on, and can be stopped."""
    pictures, _ = film
    page.find_element("id", "camera").click()
    wait(page, answered)
    found = watch(page, pictures, 2 * len(pictures) + 2)
    right = [list(PICTURES)[k].split()[-1].replace("orange", "red") for k in range(10)]
    assert sum(names == {name} for names, name in zip(found, right, strict=True)) >= 9, found
    now = wait(page, lambda now: now["rate"] != "–")
    assert float(now["rate"]) > 0 and now["trip"].endswith(" ms") and now["note"] == ""
    button = page.find_element("id", "camera")
    assert button.text == "Stop camera"
    button.click()
    assert button.text == "Start camera"
    assert page.find_element("id", "hint").is_displayed()


def test_what_is_read_aloud_changes_seldom(page):
    """At most every three seconds, though the film changes every second."""
    page.find_element("id", "camera").click()
    wait(page, answered)
    page.execute_script(
        "window.said = []; new MutationObserver(() => said.push(performance.now()))"
        ".observe(document.getElementById('spoken'), {childList: true})"
    )
    sleep(8)
    said = page.execute_script("return said")
    assert said and all(np.diff(said) > 2900)


def test_a_refused_camera_is_explained(page, address):
    allow_camera(page, address, "denied")
    page.find_element("id", "camera").click()
    note = wait(page, lambda now: now["note"])["note"]
    assert note.startswith("The camera is not allowed. Press the camera or the lock beside the ")
    assert page.find_element("id", "note").get_attribute("role") == "status"
    allow_camera(page, address)
    page.find_element("id", "camera").click()
    assert wait(page, answered)["note"] == ""


@pytest.mark.parametrize(
    "error, words",
    [
        ("NotFoundError", "No camera was found. Connect one, and start it again. A picture from"),
        ("NotReadableError", "The camera is in use by another program. Close that, and start the"),
        ("OddError", "The camera cannot be used: it is odd"),
    ],
)
def test_a_camera_that_fails_is_explained(page, error, words):
    page.execute_script(
        "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("
        "'it is odd', arguments[0]) }",
        error,
    )
    page.find_element("id", "camera").click()
    assert wait(page, lambda now: now["note"])["note"].startswith(words)


def test_a_camera_that_is_taken_away_is_missed(page):
    page.find_element("id", "camera").click()
    wait(page, answered)
    track = "document.getElementById('video').srcObject.getTracks()[0]"
    page.execute_script(f"{track}.dispatchEvent(new Event('ended'))")
    note = wait(page, lambda now: now["note"])["note"]
    assert note == "The camera was disconnected. Connect it, and start it again."
    assert page.find_element("id", "camera").text == "Start camera"


def test_a_page_without_https_says_why_there_is_no_camera(browser, address, picture):
    """And a picture from a file works."""
    visit(browser, address.replace("localhost", "camera.test"))
    assert browser.execute_script("return !isSecureContext && !navigator.mediaDevices")
    wait(browser, lambda now: now["names"])
    browser.find_element("id", "camera").click()
    note = wait(browser, lambda now: now["note"])["note"]
    assert note.startswith("A browser gives a camera only to pages that come over https or from th")
    browser.find_element("id", "file").send_keys(str(picture))
    assert wait(browser, answered)["note"] == ""


# ---------------------------------------------------------------------------------- own pictures


@pytest.mark.parametrize("way", ["choose", "photograph", "drop", "paste"])
def test_an_own_picture_gets_the_answer_of_predict(page, picture, colour_model, way):
    if way == "choose":
        page.find_element("id", "file").send_keys(str(picture))
    elif way == "photograph":
        page.execute_script("document.querySelector('.hand').style.display = 'block'")
        page.find_element("id", "photograph").send_keys(str(picture))
    else:
        give(page, way, picture.read_bytes())
    check_answer(wait(page, answered), colour_model, picture)


SLOWLY = """
    const real = fetch;
    window.fetch = async (...request) => {
        const response = await real(...request);
        await new Promise(done => setTimeout(done, 700));
        return response;
    }"""


def test_a_picture_ends_the_camera(page, picture, colour_model):
    """Also where a frame is still being asked about, whose answer comes too late."""
    page.execute_script(SLOWLY)
    page.find_element("id", "camera").click()
    wait(page, answered)
    give(page, "drop", picture.read_bytes())
    wait(page, lambda now: now["rate"] == "–" and now["seen"][0, 0, 0] > now["seen"][0, -1, 0])
    check_answer(read(page), colour_model, picture)
    assert page.find_element("id", "camera").text == "Start camera"
    assert page.find_element("id", "still").is_displayed()


@pytest.mark.parametrize("mode", ["RGBA", "upside down", "one pixel"])
def test_odd_pictures_are_read_as_predict_reads_them(page, picture, colour_model, tmp_path, mode):
    image, path, told = Image.open(picture), tmp_path / "odd.png", {}
    if mode == "RGBA":
        image.putalpha(Image.fromarray(np.uint8(255 * (np.indices((61, 90)).sum(0) % 40 < 20))))
    elif mode == "upside down":
        told = {"exif": Image.Exif()}
        told["exif"][274] = 3
    else:
        image = image.crop((0, 0, 1, 1))
    image.save(path, **told)
    give(page, "drop", path.read_bytes())
    check_answer(wait(page, answered), colour_model, path)


def test_what_is_no_picture_is_said_to_be_none(page, picture):
    give(page, "drop", b"no picture", "notes.txt", "text/plain")
    note = wait(page, lambda now: now["note"])["note"]
    assert note == "notes.txt: no picture that this browser can read. Save it as JPEG or PNG."
    give(page, "paste", b"", name="")
    note = wait(page, lambda now: "No picture" in now["note"])["note"]
    assert note == "No picture came with that. Save it as a file, or copy the picture itself."
    give(page, "drop", picture.read_bytes())
    assert wait(page, answered)["note"] == ""


SIZES_OF_PICTURES = [
    ((48, 64), (32, 32)),
    ((33, 32), (32, 32)),
    ((32, 32), (32, 32)),
    ((7, 5), (32, 32)),
    ((1, 1), (3, 3)),
    ((72, 129), (48, 96)),
    ((30, 100), (48, 96)),
    ((480, 640), (32, 32)),
]


@pytest.mark.parametrize("old, new", SIZES_OF_PICTURES)
def test_pictures_are_scaled_as_predict_scales_them(page, old, new):
    """To the last bit, also where the filter overshoots: the pixels are black or white."""
    pixels = np.random.default_rng(0).integers(0, 2, (*old, 3), np.uint8) * 255
    flat = np.dstack([pixels, np.full(old, 255, np.uint8)])
    got = page.execute_async_script(
        "const [pixels, [H, W], [h, w], done] = arguments;"
        "import('./fit.js').then(({fitted}) => done([...fitted(new Uint8ClampedArray(pixels), W, "
        "H, w, h)]))",
        flat.ravel().tolist(),
        old,
        new,
    )
    got = np.reshape(got, (*new, 4))
    np.testing.assert_array_equal(got[..., :3], data.fit_image(pixels, new))
    assert (got[..., 3] == 255).all()


# ----------------------------------------------------------------------- what only a server has


def test_where_it_looks_is_shown_on_request(page, picture):
    choice = page.find_element("id", "heat-choice")
    if not choice.is_displayed():  # an .onnx file has no gradients
        assert page.execute_script("return fetch('model.json').then(r => r.ok)")
        return
    give(page, "drop", picture.read_bytes())
    assert not wait(page, answered)["heat"]
    page.find_element("id", "explain").click()
    wait(page, lambda now: now["heat"])
    size, most = page.execute_script(
        "const c = document.getElementById('heat'); const d = c.getContext('2d').getImageData(0, "
        "0, c.width, c.height).data; return [[c.width, c.height], Math.max(...d.filter((_, k) => "
        "k % 4 == 3))]"
    )
    assert size == [32, 32] and most == round(0.9 * 255)
    page.find_element("id", "explain").click()
    wait(page, lambda now: not now["heat"])


def test_the_frame_that_is_explained_stays(page):
    """Until the next one is answered; without the map, the camera's own picture is back."""
    choice, still = page.find_element("id", "explain"), page.find_element("id", "still")
    if not choice.is_displayed():
        return
    page.find_element("id", "camera").click()
    wait(page, answered)
    assert not still.is_displayed()
    choice.click()
    wait(page, lambda now: now["heat"] and still.is_displayed())
    choice.click()
    wait(page, lambda now: not now["heat"] and not still.is_displayed())


def test_a_server_that_is_gone_is_asked_again(browser, colour_model):
    with served(colour_model) as url:
        open_page(browser, url)
        browser.find_element("id", "camera").click()
        wait(browser, answered)
    gone = "The server does not answer. Is it still running? Asking it again."
    wait(browser, lambda now: now["note"] == gone)
    with served(colour_model, "--port", url.rpartition(":")[2].strip("/")):
        wait(browser, lambda now: now["note"] == "")
        assert browser.find_element("id", "camera").text == "Stop camera"
    visit(browser, "about:blank")


def test_a_token_stands_behind_the_address(browser, colour_model, picture):
    """Where servers do not see it; without it the page says what is missing."""
    with served(colour_model, "--token", "a+b&c%20d") as url:
        assert url.endswith("#token=a%2Bb%26c%2520d")
        visit(browser, url.partition("#")[0])
        note = wait(browser, lambda now: now["note"])["note"]
        assert note.startswith("The server wants its token. Open the whole address that it printed")
        browser.get(url)  # the same page, as far as a browser is concerned
        wait(browser, lambda now: now["names"])
        give(browser, "drop", picture.read_bytes())
        check_answer(wait(browser, answered), colour_model, picture)
        visit(browser, "about:blank")


def test_names_of_classes_are_text(page, picture):
    """The second model's: the page shows them letter by letter, and believes nothing in them."""
    from selenium.webdriver.support.ui import Select

    if not page.find_element("id", "model").is_displayed():
        assert page.execute_script("return fetch('model.json').then(r => r.ok)")
        return
    give(page, "drop", picture.read_bytes())
    wait(page, answered)
    Select(page.find_element("id", "model")).select_by_visible_text("nasty")
    now = wait(page, lambda now: NASTY in now["names"])
    assert now["seen"].shape == (16, 32, 3) and len(now["names"]) == 2
    page.find_element("css selector", "summary").click()
    assert page.execute_script("return document.querySelectorAll('main img').length") == 0
    assert page.title == "minicnn"
    for size in SIZES:
        set_screen(page, size)
        check_not_wider_than_the_screen(page)


def test_the_promises_stand_on_the_page(page, address):
    text = page.find_element("tag name", "body").text
    if "No picture leaves it." in text:
        assert "An answer does not depend" not in text
        return
    assert "An answer does not depend on who else asks: a picture gets the same numbers" in text
    host = address.partition("//")[2].rstrip("/")
    assert f"Pictures go to {host} to be answered. They are not kept." in text


# ------------------------------------------------------------------------------------- how it looks


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_wider_than_the_screen(page, size):
    set_screen(page, size)
    check_not_wider_than_the_screen(page)
    page.find_element("css selector", "summary").click()
    page.find_element("id", "camera").click()
    wait(page, answered)
    check_not_wider_than_the_screen(page)


def test_a_telephone_has_the_answer_on_its_first_screen(page):
    set_screen(page, "telephone")
    bottom = "return document.getElementById('bars').getBoundingClientRect().bottom"
    assert page.execute_script(bottom) <= 800


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_light_and_dark(page, scheme):
    set_screen(page, "desk", scheme)
    colour = "return getComputedStyle(document.querySelector('{}'))['{}']"
    ground = page.execute_script(colour.format("body", "background-color"))
    assert (contrast(ground, "rgb(0, 0, 0)") < 2) == (scheme == "dark")
    for element in ("body", "figcaption", "summary", "dt", ".small", ".button"):
        assert contrast(page.execute_script(colour.format(element, "color")), ground) >= 4.5
    button = [
        page.execute_script(colour.format("#camera", what))
        for what in ("color", "background-color")
    ]
    assert contrast(*button) >= 4.5


def test_it_is_used_by_keyboard_alone(page):
    """Every control is reached by Tab, in the order in which it stands, and shows that it is."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    reached = []
    for _ in range(8):
        ActionChains(page).send_keys(Keys.TAB).perform()
        focus = page.switch_to.active_element
        reached.append(focus.get_attribute("id") or focus.tag_name)
        if reached[-1] == "camera":
            outline = "return getComputedStyle(document.activeElement)['outline-style']"
            assert page.execute_script(outline) == "solid"
    expected = ["camera", "file", "explain", "model", "summary"]
    found = [name for name in dict.fromkeys(reached) if name in expected]  # it begins anew
    assert found in (expected, ["camera", "file", "summary"])
    page.find_element("id", "camera").send_keys(Keys.ENTER)
    wait(page, answered)


@pytest.mark.skipif(not AXE, reason="AXE_CORE names no npm package axe-core")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(page, picture, scheme):
    set_screen(page, "desk", scheme)
    assert serious_faults(page) == []
    give(page, "drop", picture.read_bytes())
    wait(page, answered)
    assert serious_faults(page) == []


def test_a_jpeg_is_read_too(page, picture, colour_model):
    """With what its two decoders differ by."""
    buffer = io.BytesIO()
    Image.open(picture).save(buffer, "JPEG", quality=95)
    give(page, "paste", buffer.getvalue(), "picture.jpg", "image/jpeg")
    seen = wait(page, answered)["seen"]
    expected = models.load_model(colour_model).predict_image(buffer.getvalue()).seen
    assert np.abs(np.int16(seen) - expected).max() <= 4
