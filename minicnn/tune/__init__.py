"""Search for hyperparameters, with Optuna, in as many processes on as many machines as one likes.

    space.py       what a space.toml says: what is trained, and what is searched
    keys.py        its words                    ranges.py     choices and ranges
    networks.py    networks of one's own        sequences.py  searches that are planned ahead
    storage.py     a shared folder, or a database
    samplers.py    Optuna's, and ours as Optuna's
    study.py       trials, which processes take, and take up where one was killed
    trial.py       one training, in a folder of its own
    search.py      the work of a process; a trial once more
    page.py        all of it on one page

`minicnn tune` is its command. Nothing here is loaded with minicnn, and Optuna only by the four
modules that name it.
"""
