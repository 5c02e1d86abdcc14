"""Write preprocess_input.json: what preprocess_input of keras.applications makes of a picture, for
tests/test_keras_modules.py.

    KERAS_BACKEND=torch python tests/golden/make_preprocess_input.py
"""

import json
from pathlib import Path

import keras
import numpy as np

PICTURE = [[[0, 1, 2], [255, 254, 253]], [[17, 128, 200], [64, 32, 96]]]
NETWORKS = "mobilenet_v2 resnet50 resnet efficientnet"

if __name__ == "__main__":
    made = {"picture": PICTURE}
    for name in NETWORKS.split():
        prepared = getattr(keras.applications, name).preprocess_input(np.array(PICTURE, np.uint8))
        made[name] = np.asarray(prepared, np.float64).tolist()
    path = Path(__file__).with_name("preprocess_input.json")
    path.write_text(json.dumps(made) + "\n", encoding="utf-8")
