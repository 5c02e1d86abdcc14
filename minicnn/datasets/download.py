"""Fetch one file of known size and SHA-256 from the first of several addresses that delivers it."""

import contextlib
import hashlib
import http.client
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from http.client import HTTPMessage
from pathlib import Path
from typing import IO

from minicnn.datasets.watched import Watch, opener
from minicnn.errors import DataError

ATTEMPTS = 5  # at one address, each of which must have got further than the one before
REASON = 300  # letters of what went wrong: the server chose some of them


def fetch(
    target: Path,
    mirrors: Sequence[str],
    *,
    size: int,
    sha256: str,
    own: Sequence[str] = (),
    timeout: float = 30.0,
) -> Path:
    """Make `target` the file with this size and checksum, and return it.

    The bytes gather in `target` + ".part", where the next call resumes after an interruption; the
    final name is given by one rename, after the checksum was compared. The `own` addresses, which
    the user chose, come first and may be http; the `mirrors` must be https, and so must what they
    redirect to. Each connection is watched as a whole: it is given up when `timeout` seconds have
    brought less of the file than watched.SLOWEST bytes a second, or when it sends much more than
    the file. Raises DataError, saying what each address answered, when none delivers the file.
    """
    part = target.with_name(target.name + ".part")
    failures: dict[
        str, list[str]
    ] = {}  # reason: the addresses that gave it; often all have the same
    for url in (*own, *mirrors):
        schemes = ("https", "http") if url in own else ("https",)
        for _ in range(ATTEMPTS):
            before = _size(part)
            try:
                if before < size:
                    _transfer(url, schemes, part, size, timeout)
                _check(part, sha256)
                os.replace(part, target)
                return target
            except (OSError, http.client.HTTPException, ValueError) as error:
                # our part is not part of that file
                if isinstance(error, urllib.error.HTTPError) and error.code == 416:
                    part.unlink(missing_ok=True)
                # got further, or a wrong beginning was thrown away: worth another attempt
                if _size(part) != before:
                    continue
                reason = " ".join(str(error).split())[:REASON] or type(error).__name__
                failures.setdefault(reason, []).append(url)
                break
        else:
            failures.setdefault(f"still incomplete after {ATTEMPTS} attempts", []).append(url)
    said = (f"{', '.join(urls)}: {reason}" for reason, urls in failures.items())
    raise DataError(
        f"{target.name}: expected {size} bytes, received from " + ", and from ".join(said)
    )


def _transfer(url: str, schemes: Sequence[str], part: Path, size: int, timeout: float) -> None:
    """Append to `part` what it lacks, at most `size` bytes in all; raise where the connection ends
    too early.
    """
    done = _size(part)
    headers = {"User-Agent": "minicnn", "Accept-Encoding": "identity"} | (
        {"Range": f"bytes={done}-"} if done else {}
    )
    guard, watch = _SchemeGuard(schemes), Watch(timeout, size)
    guard.check(url)
    request = urllib.request.Request(url, headers=headers)
    with contextlib.closing(watch), opener(watch, guard).open(request, timeout=timeout) as response:
        resumed = response.status == 206 and re.match(
            rf"bytes {done}-", response.headers.get("Content-Range", "")
        )
        done = done if resumed else 0
        watch.begin(done)
        announced = response.headers.get("Content-Length", "")
        if announced.isdigit() and done + int(announced) != size:
            start = "" if resumed else f" starting with {response.read(40)!r}"
            raise DataError(f"expected {size} bytes, received {done + int(announced)}{start}")
        host = urllib.parse.urlsplit(response.url).hostname
        from tqdm import tqdm  # who predicts does without

        bar = tqdm(
            desc=f"{part.stem} from {host}",
            initial=done,
            total=size,
            unit="B",
            unit_scale=True,
            disable=None,
        )
        with bar, open(part, "ab" if resumed else "wb") as file:
            while done < size and (chunk := response.read1(min(1 << 18, size - done))):
                file.write(chunk)
                done += len(chunk)
                bar.update(len(chunk))
                watch.progress(done)
    if done < size:
        raise DataError(f"the connection ended after {done} of {size} bytes")


def _check(part: Path, sha256: str) -> None:
    """Remove the file and raise DataError if it is not the expected one."""
    with part.open("rb") as file:
        received = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        start = file.read(40)
    if received != sha256:
        part.unlink()
        raise DataError(
            f"expected SHA-256 {sha256[:16]}..., received {received[:16]}... (file starts with "
            f"{start!r})"
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


class _SchemeGuard(urllib.request.HTTPRedirectHandler):
    """Follows redirects by their headers alone, but not to an address that is less safe than was
    asked for.
    """

    def __init__(self, schemes: Sequence[str]) -> None:
        self.schemes = schemes

    def check(self, url: str) -> None:
        if urllib.parse.urlsplit(url).scheme not in self.schemes:
            raise DataError(f"expected an address with {' or '.join(self.schemes)}, received {url}")

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        self.check(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)

    def http_error_302(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage
    ) -> IO[bytes] | None:
        fp.close()  # or all of its body would be read into memory
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302
