"""What ranks run in the tests: one of the trainings in shard_cases.py, or what is to go wrong.

    mpirun -n 2 python rank_job.py train [--shards 8] [--resume FOLDER] ...

Every rank prints a line "rank R of N: BITS".
"""

import argparse
import os
import signal

from shard_cases import bits, branched, data, network

from minicnn import callbacks, ranks

parser = argparse.ArgumentParser()
parser.add_argument("what", choices=["plain", "branched"])
parser.add_argument("--shards", type=int, default=8)
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--resume")
parser.add_argument("--kill", type=int, nargs=2, metavar=("RANK", "BATCH"))
options = parser.parse_args()


class Kill(callbacks.Callback):
    """Kills a rank after so many batches."""

    batches = 0

    def on_batch_end(self, batch, logs=None):  # noqa: ARG002
        self.batches += 1
        if options.kill == [ranks.rank(), self.batches]:
            os.kill(os.getpid(), signal.SIGKILL)


x, y = data(77)
model = network(use_ema=True) if options.what == "plain" else branched()
history = model.fit(
    x[:67],
    y[:67],
    batch_size=16,  # the last batch has 3 samples
    epochs=options.epochs,
    seed=1,
    verbose=2,
    validation_data=(x[40:], y[40:]),
    callbacks=[callbacks.ReduceLROnPlateau(patience=0), Kill()],
    resume=options.resume,
    checkpoint_every_steps=1 if options.resume else None,
    shards=options.shards,
)
measured = model.evaluate(x, y, batch_size=10)
predicted = model.predict(x, batch_size=10).tobytes()
found = f"{bits(model, history)} {measured} {hash(predicted)}"
# one write, so that lines of several ranks do not mix
os.write(1, f"rank {ranks.rank()} of {ranks.size()}: {found}\n".encode())
