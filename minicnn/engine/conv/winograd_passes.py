"""The parts of a ConvBlock's passes in which winograd.py computes the convolution.

    V = B^T d B,   U = G g G^T,   M[k] = V[k] U[k],   z = A^T M A,   and in reverse
    dM = A dz A^T,   dV[k] = dM[k] U[k]^T,   dx += B dV B^T,   dU[k] = V[k]^T dM[k],   dg = G^T dU G

Arrays of numbers are addresses here; `like` is an array of the block's type.
"""

from minicnn.engine import row_moves
from minicnn.engine.conv.winograd_form import TRANSFORM
from minicnn.engine.products import run, run_deep, transpose
from minicnn.machine.call import at, caller, clear, word
from minicnn.machine.jit import jit_part

call_transform, call_copy = caller(TRANSFORM), caller(row_moves.COPY)


@jit_part
def load_part(s, w, like, weights, u, first, last):
    """Channels first ... last-1 of U."""
    call_transform(
        w.to_u, like, (weights, first * s.F, u, first * w.u_block, s.F // w.u_block, last - first)
    )


@jit_part
def load_transposed_part(s, w, work, like, weights, turned, ut, first, last):
    """Filters first ... last-1 of U transposed, by way of the kernel transposed."""
    for k in range(s.cells):
        source, target = k * s.C * s.F + first, (k * s.F + first) * s.C
        transpose(
            work.square, work.copy, like, work.lanes, weights, source, s.F, s.C, last - first,
            turned, target, s.C,
        )  # fmt: skip
    call_transform(
        w.to_ut,
        like,
        (turned, first * s.C, ut, first * w.ut_block, s.C // w.ut_block, last - first),
    )


@jit_part
def patches_of(s, w, to_v, copy, like, x, n, images, frame, v, v_start):
    """V, from row v_start on, of the pictures from the n-th on; frame is the scratch of one."""
    place, row = (w.top * w.columns + w.left) * s.C, s.W * s.C
    for p in range(images):
        call_copy(
            copy, like, (x, (n + p) * s.H * row, row, frame, place, w.columns * s.C, s.H, row)
        )
        call_transform(
            to_v, like, (frame, 0, v, (v_start + p * w.down * w.across) * s.C, w.down, w.across)
        )


@jit_part
def forward(r, n, images, memory, like):
    """z of the pictures from the n-th on."""
    s, p, w, own = r.sizes, r.programs, r.winograd, r.scratch
    frame, v, m, z = memory + own.frame, memory + own.v, memory + own.m, memory + own.z
    patches_of(s, w, w.to_v, r.work.copy, like, r.data.x, n, images, frame, v, 0)
    run(p.forward, 0, p.forward_calls, like, v, own.kernel, m)
    patches = w.down * w.across
    for i in range(images):
        call_transform(
            w.to_z, like, (m, i * patches * s.F, z, i * w.outputs * s.F, w.down, w.across)
        )


@jit_part
def gradients(r, n, images, accumulate, dz, memory, like):
    """What dz of the pictures from the n-th on contributes to dU, and their dx (N, H, W, C).

    Where dU is made of all pictures at once, V and dM are kept for it.
    """
    s, p, w, work, data, own = r.sizes, r.programs, r.winograd, r.work, r.data, r.scratch
    patches = w.down * w.across
    v, dm, start = memory + own.v, memory + own.m, 0
    if p.at_once:
        v, dm, start = own.memory + own.all_v, own.memory + own.all_m, n * patches
    for i in range(images):
        call_transform(
            w.to_dm,
            like,
            (dz, i * w.outputs * s.F, dm, (start + i * patches) * s.F, w.down, w.across),
        )
    if work.weights:
        patches_of(
            s, w, w.to_kept_v, work.copy, like, data.x, n, images, memory + own.frame, v, start
        )
        if not p.at_once:
            run_deep(
                p.weights,
                0,
                p.weight_calls,
                like,
                v,
                dm,
                memory + own.u,
                images * patches,
                accumulate,
            )
    if work.inputs:
        input_gradient(r, n, images, dm, start * s.F, memory, like)


@jit_part
def input_gradient(r, n, images, dm, dm_start, memory, like):
    """dx (N, H, W, C) of the pictures from the n-th on."""
    s, p, w, work, own = r.sizes, r.programs, r.winograd, r.work, r.scratch
    frame, v, place, row = (
        memory + own.halo,
        memory + own.v,
        (w.top * w.columns + w.left) * s.C,
        s.W * s.C,
    )
    dm = at(dm, dm_start, like)
    run(p.inputs, 0, p.input_calls, like, dm, own.memory + own.kernel_t, v)
    for i in range(images):
        clear(frame, w.rows * w.columns * s.C * like.itemsize)
        call_transform(w.to_dx, like, (v, i * w.down * w.across * s.C, frame, 0, w.down, w.across))
        call_copy(
            work.copy,
            like,
            (frame, place, w.columns * s.C, r.data.dx, (n + i) * s.H * row, row, s.H, row),
        )


@jit_part
def weight_planes(r, lo, hi, like):
    """Planes lo ... hi-1 of dU, of all pictures at once."""
    p, w, own = r.programs, r.winograd, r.scratch
    v, dm, du = own.memory + own.all_v, own.memory + own.all_m, own.memory + own.du
    first, last = word(p.slices, lo), word(p.slices, hi)
    run_deep(p.weights, first, last, like, v, dm, du, r.data.n * w.down * w.across, False)


@jit_part
def kernel_gradient(r, du, dkernel, first, last, like):
    """Channels first ... last-1 of dkernel (3, 3, C, F) from dU."""
    start = first * r.sizes.F
    call_transform(r.winograd.to_dkernel, like, (du, start, dkernel, start, 1, last - first))
