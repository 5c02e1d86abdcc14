"""One process of ranks.py: trains the documented network, alone or as one of several; the first of
them prints the pictures per second, of all together, as JSON.

    python benchmarks/ranks_worker.py minicnn|torch [--ranks N]
"""

import argparse
import json
import time

import numpy as np

BATCH, PICTURES, EPOCHS = 256, 5120, 6  # of all ranks; the first epoch warms up


def minicnn(ranks: int) -> list[float]:
    """When each epoch of fit began, and the last one ended; a shard for each rank."""
    from minicnn.applications import DocumentedCNN
    from minicnn.callbacks import LambdaCallback

    rng = np.random.default_rng(0)
    x, y = rng.random((PICTURES, 32, 32, 3), np.float32), rng.integers(0, 10, PICTURES)
    model = DocumentedCNN(seed=0)
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    times: list[float] = []
    clock = LambdaCallback(
        on_epoch_begin=lambda *_: times.append(time.perf_counter()),
        on_train_end=lambda *_: times.append(time.perf_counter()),
    )
    shards = {} if ranks == 1 else {"shards": ranks}
    model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0, callbacks=[clock], **shards)
    return times


def torch(ranks: int) -> list[float]:
    """The same of the usual loop, in DistributedDataParallel over gloo, channels_last."""
    import torch
    import torch_networks
    from jobs import Job
    from torch import nn

    torch.distributed.init_process_group("gloo")
    torch.manual_seed(0)
    layout = torch.channels_last
    network = torch_networks.build(Job("train", "", PICTURES)).to(memory_format=layout)
    model = nn.parallel.DistributedDataParallel(network)
    adam = torch.optim.Adam(model.parameters(), fused=True)
    own, part = PICTURES // ranks, BATCH // ranks
    x = torch.rand(own, 3, 32, 32).contiguous(memory_format=layout)
    y = torch.randint(0, 10, (own,))

    times = [time.perf_counter()]
    for _ in range(EPOCHS):
        order, right = torch.randperm(own), 0
        for first in range(0, own, part):
            chosen = order[first : first + part]
            logits = model(x[chosen])
            loss = nn.functional.cross_entropy(logits, y[chosen])
            adam.zero_grad()
            loss.backward()
            adam.step()
            right += int((logits.argmax(1) == y[chosen]).sum())
        times.append(time.perf_counter())
    return times


def is_first(library: str) -> bool:
    """Whether this process speaks for all."""
    if library == "torch":
        from torch import distributed

        return distributed.get_rank() == 0
    from minicnn.ranks import current

    return current().rank == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", choices=["minicnn", "torch"])
    parser.add_argument("--ranks", type=int, default=1)
    options = parser.parse_args()
    times = {"minicnn": minicnn, "torch": torch}[options.library](options.ranks)
    seconds = np.diff(times)[1:]
    if is_first(options.library):
        print(json.dumps({"images/s": PICTURES / float(np.median(seconds))}), flush=True)
    if options.library == "torch":
        from torch import distributed

        distributed.barrier()  # gloo aborts where one side is gone too soon
        distributed.destroy_process_group()


if __name__ == "__main__":
    main()
