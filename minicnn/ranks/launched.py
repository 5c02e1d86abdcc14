"""Whether a launcher of MPI has started this process: MPI itself is not touched to find out."""

import os
from collections.abc import Mapping

# what says how many processes there are: of Open MPI, of MPICH and Intel MPI (PMI), of MVAPICH
SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")
# of PMIx alone, as srun --mpi=pmix has it; and of srun, whatever its --mpi
PMIX, SLURM = "PMIX_RANK", "SLURM_STEP_NUM_TASKS"


def launched(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether there may be other ranks.

    >>> launched({"OMPI_COMM_WORLD_SIZE": "4"}), launched({"PMI_SIZE": "1"}), launched({})
    (True, False, False)
    """
    sizes = [environment[name] for name in SIZES if name in environment]
    if sizes:
        return any(size != "1" for size in sizes)
    return PMIX in environment or tasks(environment) > 1


def tasks(environment: Mapping[str, str] = os.environ) -> int:
    """How many processes srun has started; 1 without it.

    >>> tasks({"SLURM_STEP_NUM_TASKS": "8"}), tasks({})
    (8, 1)
    """
    found = environment.get(SLURM, "1")
    return int(found) if found.isdecimal() else 1
