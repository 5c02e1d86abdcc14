"""A folder of static files that classifies the camera's picture in the browser, with no server that
computes: `minicnn export web`.

The page is the one that `minicnn serve` shows. Its module asked.js, which asks the server, is
replaced by alone.js, which runs the network's .onnx file in ONNX Runtime's WebAssembly. Those files
come out of the npm package onnxruntime-web; nothing is loaded from anywhere else.
"""

import json
import os
import shutil
from pathlib import Path
from string import Template
from typing import Any

from minicnn.models.model import Model
from minicnn.saving import atomic, formats

PAGE = Path(__file__).with_name("page")
FILES = ("index.html", "page.css", "favicon.svg", "page.js", "show.js", "fit.js")
PACKAGE = "onnxruntime-web"
TESTED = "1.30"  # the package's version, in whose dist/ these files are
# Their endings become .js: many web servers know no .mjs, which browsers then refuse to run.
RUNTIME = {
    "ort.wasm.min.mjs": "ort.js",
    "ort-wasm-simd-threaded.mjs": "ort-wasm.js",
    "ort-wasm-simd-threaded.wasm": "ort-wasm.wasm",
}
# The page's own files alone; WebAssembly is compiled, which a browser counts as a kind of eval.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'"
)
META = '<meta charset="utf-8">'


def export_web(
    model: Model, name: str, folder: str | os.PathLike[str], runtime: str | os.PathLike[str] | None
) -> list[Path]:
    """Write the folder; the paths of its files, in their order in README.md.

    Args:
        name: what the page calls the network.
        folder: where to; files of the same names are replaced.
        runtime: the folder of the unpacked npm package onnxruntime-web.

    Raises ValueError without the package or for a model that takes no pictures or says yes or no to
    several classes; FileNotFoundError for a package without its files; ImportError without the
    library onnx; OSError.
    """
    told = described(model, name)
    found = runtime_files(runtime)
    folder = Path(folder)
    (folder / "runtime").mkdir(parents=True, exist_ok=True)
    formats.export(model, folder / "model.onnx")
    for file in FILES:
        shutil.copyfile(PAGE / file, folder / file)
    shutil.copyfile(PAGE / "alone.js", folder / "asked.js")
    for source, to in found.items():
        shutil.copyfile(source, folder / "runtime" / to)
    atomic.write_text(folder / "index.html", page())
    atomic.write_text(folder / "model.json", json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    atomic.write_text(folder / "README.md", readme(name, folder))
    names = (*FILES, "asked.js", "model.json", "model.onnx", "README.md")
    return [folder / one for one in (*names, *(f"runtime/{one}" for one in RUNTIME.values()))]


def page() -> str:
    """The page with its policy inside, for web servers that send no headers of their own."""
    text = (PAGE / "index.html").read_text(encoding="utf-8")
    meta = f'<meta http-equiv="Content-Security-Policy"\ncontent="{POLICY}">'
    return text.replace(META, f"{META}\n{meta}", 1)


def described(model: Model, name: str) -> dict[str, Any]:
    """What the page must know of a network, as GET /v1/models tells it of a server's, and what its
    outputs are.

    Raises ValueError for a network that the page cannot ask.
    """
    match model.input_shape:
        case (None, int(height), int(width), 1 | 3 as channels):
            pass
        case shape:
            raise ValueError(
                "export web expected a model for pictures (None, H, W, 3) or (None, H, W, 1), "
                f"received {model.name!r} with input shape {shape}: begin it with "
                "Input((32, 32, 3)), for example"
            )
    if len(model.outputs) > 1:
        raise ValueError(
            f"export web expected a model of one output, received {model.name!r} with "
            f"{len(model.outputs)}: the page shows the classes of one"
        )
    if len(model.output_shape) != 2:
        raise ValueError(
            f"export web expected a model whose answers are classes (None, K), received "
            f"{model.name!r} with output shape {model.output_shape}: end it with Flatten() and "
            "Dense(K), for example"
        )
    units = model.output_shape[-1]
    if model.ends_in == "sigmoid" and units > 1:
        raise ValueError(
            f"export web expected classes that exclude one another, received {units} units that "
            "each say yes or no: the page shows probabilities that add up to 1"
        )
    known = max(units, 2)  # one unit decides between two
    classes = model.class_names or [str(k) for k in range(known)]
    if len(classes) != known:
        raise ValueError(
            f"export web expected a class name for each of the {known} classes of {model.name!r}, "
            f"received {len(classes)}: correct its class_names"
        )
    return {
        "name": name,
        "classes": list(classes),
        "input": {"height": height, "width": width, "channels": channels},
        "explain": False,  # Grad-CAM needs gradients, which an .onnx file does not have
        "ends_in": model.ends_in,
    }


def runtime_files(package: str | os.PathLike[str] | None) -> dict[Path, str]:
    """The files of the npm package that the page needs, and their names in the folder."""
    if package is None:
        raise ValueError(
            f"export web expected --runtime FOLDER, the npm package {PACKAGE}, received none: get "
            f"it with `npm pack {PACKAGE} && tar xf {PACKAGE}-*.tgz`, then --runtime package"
        )
    found = {Path(package) / "dist" / name: to for name, to in RUNTIME.items()}
    missing = [str(path) for path in found if not path.is_file()]
    if missing:
        raise FileNotFoundError(
            f"export web expected the unpacked npm package {PACKAGE} in {os.fspath(package)!r}, "
            f"received a folder without {missing[0]}: get version {TESTED} with "
            f"`npm pack {PACKAGE}@{TESTED}` and unpack it"
        )
    return found


README = Template("""\
# $name, in the browser

Static files: a page that classifies what the camera sees. The network runs in the browser, in ONNX
Runtime's WebAssembly; no picture leaves the device, and nothing is loaded from elsewhere.

Look at it here: `python3 -m http.server --bind 127.0.0.1 --directory . 8000`, then open
<http://localhost:8000>.

Put it on the web: upload the folder as it is. Browsers give a camera only to pages that come over
**https**; a picture from a file works without.

| where | how |
|---|---|
| GitHub Pages | commit the folder to a repository; Settings, Pages, "Deploy from a branch" |
| Netlify, Cloudflare Pages | drop the folder on their page for uploads; no build command |
| nginx | `root /path/to/this/folder;`, and `gzip on; gzip_types application/wasm;` |
| S3 and its like | `aws s3 sync . s3://BUCKET`, with CloudFront before it for https |

The largest file is runtime/ort-wasm.wasm, $megabytes MB, compressed a quarter of that; browsers
keep it. The page's content security policy stands in index.html. If your web server sends one
as well, let it be this one, with frame-ancestors 'none', which only a header can say:

    $policy

runtime/ is ONNX Runtime Web by Microsoft, under the MIT licence: <https://onnxruntime.ai>.
""")


def readme(name: str, folder: Path) -> str:
    """What to do with the folder."""
    size = (folder / "runtime" / "ort-wasm.wasm").stat().st_size
    return README.substitute(name=name, megabytes=f"{size / 1e6:.0f}", policy=POLICY)
