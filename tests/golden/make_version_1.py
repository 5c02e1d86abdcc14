"""Write model files of version 1, which later versions read for ever, and what they must predict
and become.

    git checkout 20a81be && python tests/golden/make_version_1.py

20a81be is the last commit that writes version 1. Last run with Python 3.11.7, NumPy 2.4.6 and
safetensors 0.8.0.
"""

import contextlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from version_1 import FOLDER, HERE, Breaker, BreakOff, pictures, saved_model, train  # noqa: E402


def main():
    """Write the files and what is expected."""
    model = saved_model()
    model.save(HERE / "version_1.safetensors")
    with contextlib.suppress(BreakOff):
        train(FOLDER, 4, [Breaker()])
    resumed = train(FOLDER / "copy", 4)
    (FOLDER / "copy" / "checkpoint.safetensors").unlink()
    (FOLDER / "copy").rmdir()
    expected = {
        "predictions": model.predict(pictures()[0], verbose=0).tolist(),
        "iterations": model.optimizer.iterations,
        "resumed": [weight.tolist() for weight in resumed.get_weights()],
        "loss": resumed.history.history["loss"],
    }
    (HERE / "version_1.json").write_text(json.dumps(expected) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
