"""Searches that are planned ahead: which hyperparameters trial number k has depends on k, the seed
and the space alone, and not on the trials before or on who trains it.

    grid     every combination of all points; the last hyperparameter changes fastest
    qmc      Halton's sequence: equally dense everywhere, whenever it is ended
    random   independent and equally distributed

Sources: Halton 1960, doi:10.1007/BF01386213; digits permuted at random: Owen 2017,
arXiv:1706.02808. Random rather than grid where few of many hyperparameters matter: Bergstra and
Bengio 2012.
"""

from collections.abc import Mapping
from math import ceil, log2, prod

import numpy as np

from minicnn.tune.ranges import Domain, Value

BITS = 40  # of a coordinate


def grid_size(domains: Mapping[str, Domain]) -> int:
    """How many combinations there are.

    Raises ValueError for a range without points.
    """
    sizes = []
    for name, domain in domains.items():
        points = domain.points()
        if points is None:
            raise ValueError(
                f"sampler grid expected choices, or a range with a step, for {name}, received "
                f"{domain}: write {name} = {{choices = [...]}}"
            )
        sizes.append(len(points))
    return prod(sizes)


def grid(number: int, domains: Mapping[str, Domain]) -> dict[str, Value]:
    """Combination `number`, from 0.

    >>> from minicnn.tune.ranges import Choices
    >>> grid(1, {"a": Choices((1, 2)), "b": Choices((3, 4))})
    {'a': 1, 'b': 4}
    """
    found = {}
    for name, domain in reversed(list(domains.items())):
        points = domain.points() or []
        number, place = divmod(number, len(points))
        found[name] = points[place]
    return {name: found[name] for name in domains}


def qmc(number: int, domains: Mapping[str, Domain], seed: int) -> dict[str, Value]:
    """Point `number` of the sequence, from 0: a prime base for each hyperparameter."""
    bases = _primes(len(domains))
    return {
        name: domain.at(radical_inverse(number, base, seed))
        for base, (name, domain) in zip(bases, domains.items(), strict=True)
    }


def random(number: int, domains: Mapping[str, Domain], seed: int) -> dict[str, Value]:
    """Independent numbers of a generator that this trial alone has."""
    units = np.random.default_rng([seed, number]).random(len(domains))
    return {
        name: domain.at(float(u)) for u, (name, domain) in zip(units, domains.items(), strict=True)
    }


def radical_inverse(number: int, base: int, seed: int) -> float:
    """The digits of a number behind the point, each permuted by a permutation of its place.

    number = sum_i d_i base^i   ->   u = sum_i p_i(d_i) base^(-i - 1),   0 <= u < 1
    """
    u, scale = 0.0, 1.0
    for place in range(ceil(BITS / log2(base))):
        number, digit = divmod(number, base)
        scale /= base
        u += scale * int(np.random.default_rng([seed, base, place]).permutation(base)[digit])
    return min(u, 1 - 2.0**-BITS)


def _primes(count: int) -> list[int]:
    found: list[int] = []
    candidate = 2
    while len(found) < count:
        if all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 1
    return found
