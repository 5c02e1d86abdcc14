#!/bin/sh
# What the container runs.
#     serve [OPTION ...]   answer on $PORT, 8080 unless it is set; without a word, too
#     compile              while the image is built: make the kernels
#     COMMAND ...          anything else, such as `minicnn doctor`
# SERVE_OPTIONS may hold more options of `minicnn serve`, for who cannot add them to the command.
set -eu

KERNELS=/opt/kernels
LEVELS="x86-64-v4 x86-64-v3"   # the best one first
MODELS="/app/models/*/model.safetensors"

# has FEATURE ...: whether the processor has all of them
has() {
    flags=" $(sed -n '/^flags/ { s/.*://; p; q; }' /proc/cpuinfo) "
    for feature in "$@"; do
        case $flags in
        *" $feature "*) ;;
        *) return 1 ;;
        esac
    done
}

# runs LEVEL: whether the processor has what the level of that name asks for
runs() {
    case $1 in
    x86-64-v3) has avx avx2 bmi1 bmi2 f16c fma abm movbe xsave ;;
    x86-64-v4) runs x86-64-v3 && has avx512f avx512bw avx512cd avx512dq avx512vl ;;
    esac
}

# use LEVEL: let kernels be made for it, or be found where they have been. They are kept under the
# processor's name and features: with those of the level they fit every machine that it runs on.
use() {
    export NUMBA_CPU_NAME="$1" NUMBA_CACHE_DIR="$KERNELS/$1"
    case $1 in
    x86-64-v3) export NUMBA_CPU_FEATURES=+avx2,+fma ;;
    x86-64-v4) export NUMBA_CPU_FEATURES=+avx2,+fma,+avx512f ;;
    esac
}

# compile LEVEL: have every model answer once, so that its kernels are made and kept
compile() (
    use "$1"
    for model in $MODELS; do
        minicnn warmup "$model"
    done
)

# Where a container may use only a part of the processors, no more threads than that: Numba would
# start one for each that the machine has, and they would wait for each other.
limit_threads() {
    threads=$(nproc)
    if read -r quota period < /sys/fs/cgroup/cpu.max && [ "$quota" != max ]; then
        allowed=$(((quota + period - 1) / period))
        if [ "$allowed" -lt "$threads" ]; then threads=$allowed; fi
    fi 2> /dev/null
    export NUMBA_NUM_THREADS="${NUMBA_NUM_THREADS:-$threads}"
    export OPENBLAS_NUM_THREADS="${OPENBLAS_NUM_THREADS:-$threads}"
}

serve() {
    for level in $LEVELS; do
        if [ -d "$KERNELS/$level" ] && runs "$level"; then
            use "$level"
            break
        fi
    done
    # shellcheck disable=SC2086  # models and options are several words
    exec minicnn serve $MODELS --host 0.0.0.0 --port "${PORT:-8080}" ${SERVE_OPTIONS:-} "$@"
}

limit_threads
case ${1:-serve} in
compile)
    mkdir -p "$KERNELS"
    for level in $LEVELS; do
        if runs "$level"; then
            compile "$level"
        else
            echo "no kernels for $level: this machine cannot run them"
        fi
    done
    ;;
serve)
    if [ $# -gt 0 ]; then shift; fi
    serve "$@"
    ;;
*)
    exec "$@"
    ;;
esac
