"""The same server as one writes it with FastAPI and ONNX Runtime.

    python serve_peer.py MODEL.onnx PORT THREADS

answers POST /predict with the three most probable classes of a picture in a form. A handler that is
no coroutine runs in FastAPI's pool of threads, as its documentation advises for work that takes a
processor; the session runs on THREADS threads.
"""

import io
import sys
from typing import Any

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, File
from PIL import Image

path, port, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
name, shape = session.get_inputs()[0].name, session.get_inputs()[0].shape
size = (shape[2], shape[1])  # width and height of (N, H, W, C)
app = FastAPI()


@app.post("/predict")
def predict(picture: bytes = File()) -> dict[str, Any]:
    image = Image.open(io.BytesIO(picture)).convert("RGB").resize(size)
    x = np.asarray(image, np.float32)[None]
    probabilities = session.run(None, {name: x})[0][0]
    best = np.argsort(-probabilities)[:3]
    return {
        "predictions": [{"index": int(k), "probability": float(probabilities[k])} for k in best]
    }


uvicorn.run(app, port=port, log_level="error", access_log=False)
