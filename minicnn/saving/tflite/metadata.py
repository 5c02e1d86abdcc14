"""The names of the classes, where programs on telephones look for them.

LiteRT's metadata are a FlatBuffer of their own, of the identifier M001, in the buffer of the name
TFLITE_METADATA. It says that the output's values have the labels of the file labels.txt; and that
file, a name in each line, is in a ZIP archive that is appended to the .tflite file.
"""

import io
import zipfile
import zlib

from minicnn.saving.tflite.to_tflite.packing import packed

NAME, IDENTIFIER = "TFLITE_METADATA", b"M001"
LABELS = "labels.txt"
OF_AXIS = 2  # TENSOR_AXIS_LABELS
DATE = (1980, 1, 1, 0, 0, 0)  # the same file for the same model
LARGEST = 2**20  # bytes of labels


def told(name: str, inputs: list[str], outputs: list[str]) -> bytes:
    """The metadata of a model whose classes have names: its name, those of what goes in and comes
    out.
    """
    files = [{"name": LABELS, "description": "the classes", "type": OF_AXIS}]
    graph = {
        "input_tensor_metadata": [{"name": one} for one in inputs],
        "output_tensor_metadata": [{"name": one, "associated_files": files} for one in outputs],
    }
    metadata = {"name": name, "subgraph_metadata": [graph], "min_parser_version": "1.0.0"}
    return packed("ModelMetadata", metadata, IDENTIFIER)


def with_labels(data: bytes, names: list[str]) -> bytes:
    """A file with the labels behind it."""
    file = io.BytesIO(data)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(zipfile.ZipInfo(LABELS, DATE), "\n".join(names))
    return file.getvalue()


def labels(data: bytes) -> list[str] | None:
    """The labels behind a file; None where there are none that can be read.

    They are of no weight for what a model computes: where they are damaged, it has none.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found = [one for one in archive.infolist() if one.filename.endswith(".txt")]
            if len(found) != 1 or not 0 < found[0].file_size <= LARGEST:
                return None
            with archive.open(found[0]) as file:
                text = file.read(LARGEST + 1).decode()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError):
        return None
    except (OSError, RuntimeError, IndexError, KeyError):
        return None
    return text.splitlines() if len(text) <= LARGEST else None
