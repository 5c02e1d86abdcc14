"""One side of a comparison, in a process of its own: builds the documented network, then runs a block when told to.

    python worker.py SIDE TASK BATCH

SIDE: minicnn, keras, keras-jit, torch, torch-channels-last, torch-compile. TASK: train, infer.
It prints {"ready": seconds of import, building and warm-up}, and then, for every line on standard input, the images and
seconds of one block. All sides do the same work on the same random pictures: Adam, batch normalisation, dropout 0.5,
cross-entropy and accuracy, a new order of the pictures in every block.
"""

import json
import sys
import time

import numpy as np

PICTURES, SECONDS = 4096, 1.0


def data():
    rng = np.random.default_rng(0)
    return rng.random((PICTURES, 32, 32, 3), dtype=np.float32), rng.integers(0, 10, PICTURES)


def minicnn_side(task, batch):
    from minicnn import Input, Sequential, layers

    blocks = []
    for filters in (32, 64, 128):
        blocks += [layers.Conv2D(filters, 3, activation="relu"), layers.BatchNormalization(), layers.MaxPooling2D()]
    head = [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dropout(0.5)]
    model = Sequential([Input((32, 32, 3)), *blocks, *head, layers.Dense(10, activation="softmax")], seed=0)
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    x, y = data()
    if task == "train":
        model.fit(x[: 2 * batch], y[: 2 * batch], batch_size=batch, verbose=0)
        return lambda n: model.fit(x[:n], y[:n], batch_size=batch, verbose=0)
    model.fit(x[:batch], y[:batch], batch_size=batch, verbose=0)
    return lambda n: model.predict(x[:n], batch_size=batch, verbose=0)


def keras_side(task, batch, jit):
    import keras
    from keras import layers

    blocks = []
    for filters in (32, 64, 128):
        blocks += [layers.Conv2D(filters, 3, activation="relu"), layers.BatchNormalization(), layers.MaxPooling2D()]
    head = [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dropout(0.5)]
    model = keras.Sequential([keras.Input((32, 32, 3)), *blocks, *head, layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=jit)
    x, y = data()
    if task == "train":
        return lambda n: model.fit(x[:n], y[:n], batch_size=batch, verbose=0)
    return lambda n: model.predict(x[:n], batch_size=batch, verbose=0)


def torch_side(task, batch, mode):
    import torch
    from torch import nn

    blocks, channels = [], 3
    for filters in (32, 64, 128):
        blocks += [nn.Conv2d(channels, filters, 3), nn.ReLU(), nn.BatchNorm2d(filters, 1e-3, 0.01), nn.MaxPool2d(2)]
        channels = filters
    head = [nn.Flatten(), nn.Linear(512, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10)]
    model = nn.Sequential(*blocks, *head)
    x, y = data()
    x, y = torch.from_numpy(x.transpose(0, 3, 1, 2).copy()), torch.from_numpy(y)
    if mode == "channels-last":
        model, x = model.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    run = torch.compile(model) if mode == "compile" else model
    optimizer, loss_of = torch.optim.Adam(model.parameters()), nn.CrossEntropyLoss()

    def train(n):
        run.train()
        order, right = torch.randperm(n), 0
        for start in range(0, n, batch):
            picked = order[start : start + batch]
            optimizer.zero_grad(set_to_none=True)
            logits = run(x[picked])
            loss = loss_of(logits, y[picked])
            loss.backward()
            optimizer.step()
            right += (logits.argmax(1) == y[picked]).sum()

    def infer(n):
        run.eval()
        with torch.inference_mode():
            return torch.cat([run(x[start : start + batch]).softmax(1) for start in range(0, n, batch)])

    return train if task == "train" else infer


def main():
    side, task, batch = sys.argv[1], sys.argv[2], int(sys.argv[3])
    start = time.perf_counter()
    if side == "minicnn":
        run = minicnn_side(task, batch)
    elif side.startswith("keras"):
        run = keras_side(task, batch, side == "keras-jit")
    else:
        run = torch_side(task, batch, side.removeprefix("torch").removeprefix("-"))
    sizes = [n for n in (batch * 4, PICTURES)]
    for n in sizes:
        run(n)
    begun = time.perf_counter()
    run(PICTURES)
    repeats = max(1, round(SECONDS / (time.perf_counter() - begun)))
    print(json.dumps({"ready": time.perf_counter() - start}), flush=True)
    for _ in sys.stdin:
        begun = time.perf_counter()
        for _ in range(repeats):
            run(PICTURES)
        seconds = time.perf_counter() - begun
        print(json.dumps({"images": repeats * PICTURES, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
