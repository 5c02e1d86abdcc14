"""What ranks run in the tests: one of the trainings in shard_cases.py, or what is to go wrong.

    mpirun -n 2 python rank_job.py plain [--shards 8] [--resume FOLDER] [--fault WHAT] ...

Every rank prints a line "rank R of N: BITS".
"""

import argparse
import os
import resource
import signal
import sys
import time

RANK = int(os.environ.get("OMPI_COMM_WORLD_RANK", os.environ.get("PMI_RANK", "0")))
FAULTS = ["kill", "stop", "raise", "exit", "data", "version", "processor", "argument", "disk"]
parser = argparse.ArgumentParser()
parser.add_argument("what", choices=["plain", "branched"])
parser.add_argument("--shards", type=int, default=8)
parser.add_argument("--batch-norm", default="shard")
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--resume")
parser.add_argument("--fault", choices=FAULTS, help="of rank 1, or of rank 0's disk")
parser.add_argument("--after", type=int, default=7, help="batches")
parser.add_argument("--flag", help="a file that rank 0 makes after so many batches")
parser.add_argument("--interrupt", action="store_true", help="rank 1, after so many batches")
options = parser.parse_args()
if options.fault == "processor" and RANK == 1:
    os.environ["NUMBA_CPU_NAME"], os.environ["NUMBA_CPU_FEATURES"] = "x86-64", "+sse2"

from shard_cases import bits, branched, data, network  # noqa: E402

from minicnn import callbacks, ranks  # noqa: E402
from minicnn.ranks import fingerprint  # noqa: E402


class Fault(callbacks.Callback):
    """What goes wrong on rank 1 after so many batches."""

    batches = 0

    def on_batch_end(self, batch, logs=None):  # noqa: ARG002
        self.batches += 1
        if self.batches == options.after and options.fault == "disk" and RANK == 0:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        if self.batches == options.after and options.flag and RANK == 0:
            open(options.flag, "w").close()
        if self.batches != options.after or RANK != 1:
            return
        if options.interrupt:
            os.kill(os.getpid(), signal.SIGINT)
        if options.fault in ("kill", "stop"):
            # when nobody waits for a file any more
            time.sleep(0.2)
            os.kill(os.getpid(), {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}[options.fault])
        if options.fault == "raise":
            raise OSError("the disk of rank 1 is on fire")
        if options.fault == "exit":
            sys.exit(3)


x, y = data(77)
if RANK == 1 and options.fault == "data":
    x[5, 5, 5] += 1
if RANK == 1 and options.fault == "version":
    own = fingerprint.machinery()
    fingerprint.machinery = lambda: own | {"numpy": "1.26.0"}
model = network(use_ema=True) if options.what == "plain" else branched()
history = model.fit(
    x[:67],
    y[:67],
    batch_size=16 if RANK != 1 or options.fault != "argument" else 12,  # the last batch has 3
    epochs=options.epochs,
    seed=1,
    verbose=2,
    validation_data=(x[40:], y[40:]),
    callbacks=[callbacks.ReduceLROnPlateau(patience=0), Fault()],
    resume=options.resume,
    checkpoint_every_steps=1 if options.resume else None,
    shards=options.shards,
    batch_norm=options.batch_norm,
)
measured = model.evaluate(x, y, batch_size=10)
predicted = hash(model.predict(x, batch_size=10).tobytes())
found = f"{bits(model, history)} {measured} {predicted} interrupted {history.interrupted}"
# one write, so that lines of several ranks do not mix
os.write(1, f"rank {ranks.rank()} of {ranks.size()}: {found}\n".encode())
