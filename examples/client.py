"""Ask a server what is on pictures, with Python's own library alone.

    minicnn serve runs/latest                                 # in another terminal
    python examples/client.py http://127.0.0.1:8000 cat.jpg dog.png
    python examples/client.py http://localhost:8000 cat.jpg --token TOKEN --top 1

Each picture is a request of its own, whose body is the file as it is.
"""

# %% The modules that it needs; minicnn is none of them
import argparse
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any


# %% One question
def ask(server: str, picture: bytes, token: str | None = None, **query: Any) -> dict[str, Any]:
    """The server's answer to the bytes of a picture file.

    Args:
        server: its address, such as http://127.0.0.1:8000.
        token: what it asks for, if it does.
        query: model, top, explain; see docs/serve.md.

    Raises ValueError with the server's own sentence where it refuses the picture.
    """
    address = f"{server.rstrip('/')}/v1/predict?{urllib.parse.urlencode(query)}"
    headers = {"Content-Type": "application/octet-stream"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(address, picture, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            raise ValueError(json.load(error)["error"]) from None
    except urllib.error.URLError as error:
        raise ValueError(f"found no server at {server}: {error.reason}") from None


def percent(probability: float | None) -> str:
    """As text; a network that has gone wrong knows none."""
    return "?" if probability is None else f"{probability:.1%}"


# %% All of them
def main() -> int:
    """Print a line for each picture; 1 where the server refused one."""
    parser = argparse.ArgumentParser(description="Ask a server what is on pictures.")
    parser.add_argument("server", help="its address, such as http://127.0.0.1:8000")
    parser.add_argument("pictures", nargs="+", metavar="PICTURE", help="a picture file")
    parser.add_argument("--token", help="what the server printed behind #token=")
    parser.add_argument("--top", type=int, default=3, help="how many classes (default: 3)")
    options = parser.parse_args()
    failed = 0
    for path in options.pictures:
        try:
            answer = ask(options.server, Path(path).read_bytes(), options.token, top=options.top)
        except (ValueError, OSError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            failed = 1
            continue
        [prediction] = answer["predictions"]
        classes = [f"{one['name']} {percent(one['probability'])}" for one in prediction["classes"]]
        print(f"{path}: {', '.join(classes)} ({answer['milliseconds']} ms)")
    return failed


if __name__ == "__main__":
    sys.exit(main())
