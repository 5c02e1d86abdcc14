"""What a training on few pictures needs: a hundred epochs of four steps are no training.

The documented network and its callbacks are made for 40,000 pictures: 625 steps an epoch, and ten
epochs, 6,250 steps, of patience. What matters to the optimizer are steps. So epochs of few pictures
get smaller batches, and patience is never shorter than so many steps; and few pictures are flipped
and shifted, which documented ones are not: of 240 drawn shapes the network learns to tell 72 % of
others with it, and 37 % without. From 8,000 pictures on nothing differs from what is documented.
"""

from math import ceil

STEPS = 60  # of an epoch at least, as long as batches are large enough for batch normalisation
BATCHES = (64, 32, 16)
PATIENCE = 1250  # steps without a better validation loss, after which training ends
EPOCHS, UNTIL = 10, 100  # the documented patience, and the documented number of epochs at most


def batch_size(pictures: int) -> int:
    """Pictures per step: the largest of 64, 32 and 16 that makes 60 steps of an epoch, or 16."""
    return next((size for size in BATCHES if ceil(pictures / size) >= STEPS), BATCHES[-1])


def augment(pictures: int) -> bool:
    """Whether pictures are so few that, all alike in every epoch, they would be learnt by heart."""
    return batch_size(pictures) < BATCHES[0]


def patience(pictures: int, batch_size: int) -> int:
    """Epochs without a better validation loss, after which training ends: ten, or those of 1,250
    steps.
    """
    return max(EPOCHS, ceil(PATIENCE / ceil(pictures / batch_size)))


def epochs(pictures: int, batch_size: int) -> int:
    """Epochs at most: a hundred, or four times the patience."""
    return max(UNTIL, 4 * patience(pictures, batch_size))
