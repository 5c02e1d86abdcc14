"""The files in a form (multipart/form-data), as browsers and curl -F send them.

The whole body is in memory and bounded, so a form is what lies between its delimiters.

Source: RFC 7578; RFC 2046, section 5.1.1.
"""

import re

from minicnn.serve.problems import Problem

BOUNDARY = re.compile(r'boundary=(?:"([^"\r\n]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)
HEAD = 8192  # bytes of the headers of a part
FILE = re.compile(rb"\bfilename\*?\s*=", re.IGNORECASE)


def files(body: bytes, content_type: str, most: int) -> list[bytes]:
    """What is in the files of a form, in order.

    Args:
        content_type: the whole header, which tells the boundary.
        most: how many files there may be.

    Raises Problem for a form that is damaged, has no file or too many, or fields that are none.
    """
    found = BOUNDARY.search(content_type)
    if found is None:
        raise _damaged("received no boundary in the Content-Type")
    delimiter = b"\r\n--" + (found[1] or found[2]).encode("latin-1")
    # the first part is what comes before the form, and the last what comes after it
    parts = (b"\r\n" + body).split(delimiter, most + 2)
    contents: list[bytes] = []
    for part in parts[1:]:
        if part.startswith(b"--"):
            break
        head, blank, content = part.partition(b"\r\n\r\n")
        if not blank or len(head) > HEAD or head[:2].strip(b" \t") not in (b"\r\n", b"\r", b""):
            raise _damaged("received a part without headers")
        if not FILE.search(head):
            raise Problem(
                400,
                "the form expected pictures as files, received a field that is none: what else is "
                "to be told, such as top=3, belongs in the address",
            )
        if len(contents) == most:
            raise Problem(413, f"the form expected at most {most} pictures, received more")
        contents.append(content)
    else:
        raise _damaged("received one that breaks off")
    if not contents:
        raise Problem(400, "the form expected at least one picture, received none")
    return contents


def _damaged(received: str) -> Problem:
    return Problem(400, f"the body expected a whole form (multipart/form-data), {received}")
