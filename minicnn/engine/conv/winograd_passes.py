"""The parts of a ConvBlock's passes in which winograd.py computes the convolution.

    V = B^T d B,   U = G g G^T,   M[k] = V[k] U[k],   z = A^T M A,   and in reverse
    dM = A dz A^T,   dV[k] = dM[k] U[k]^T,   dx += B dV B^T,   dU[k] = V[k]^T dM[k],   dg = G^T dU G

Arrays of numbers are addresses here; `like` is an array of the block's type.
"""

from minicnn.engine.conv.winograd_form import Transform
from minicnn.engine.products import run, run_deep, transpose
from minicnn.engine.row_moves import Copy
from minicnn.machine.call import at, caller, clear, word
from minicnn.machine.jit import jit_part

call_transform, call_copy = caller(Transform), caller(Copy)


@jit_part
def load_part(s, w, like, weights, u, first, last):
    """Channels first ... last-1 of U."""
    x, y = at(weights, first * s.F, like), at(u, first * w.u_block, like)
    call_transform(w.to_u, Transform(x=x, y=y, down=s.F // w.u_block, across=last - first))


@jit_part
def load_transposed_part(s, w, work, like, weights, turned, ut, first, last):
    """Filters first ... last-1 of U transposed, by way of the kernel transposed."""
    for k in range(s.cells):
        x, y = at(weights, k * s.C * s.F + first, like), at(turned, (k * s.F + first) * s.C, like)
        transpose(work.square, work.copy, like, work.lanes, x, s.F, s.C, last - first, y, s.C)
    x, y = at(turned, first * s.C, like), at(ut, first * w.ut_block, like)
    call_transform(w.to_ut, Transform(x=x, y=y, down=s.C // w.ut_block, across=last - first))


@jit_part
def picture_in(s, w, frame, like):
    """Where the first pixel of a picture lies in a frame of it and its padding."""
    return at(frame, (w.top * w.columns + w.left) * s.C, like)


@jit_part
def patches_of(s, w, to_v, copy, like, x, n, images, frame, v):
    """V of the pictures from the n-th on; frame is the scratch of one. What of a picture lies
    beyond its frame no patch sees.
    """
    row, inside = s.W * s.C, picture_in(s, w, frame, like)
    rows, columns = min(s.H, w.rows - w.top), min(s.W, w.columns - w.left)
    for p in range(images):
        picture = at(x, (n + p) * s.H * row, like)
        call_copy(
            copy,
            Copy(
                x=picture,
                x_row=row,
                y=inside,
                y_row=w.columns * s.C,
                rows=rows,
                size=columns * s.C,
            ),
        )
        y = at(v, p * w.down * w.across * s.C, like)
        call_transform(to_v, Transform(x=frame, y=y, down=w.down, across=w.across))


@jit_part
def forward(r, n, images, memory, like):
    """z of the pictures from the n-th on."""
    s, p, w, own = r.sizes, r.programs, r.winograd, r.scratch
    frame, v, m, z = memory + own.frame, memory + own.v, memory + own.m, memory + own.z
    patches_of(s, w, w.to_v, r.work.copy, like, r.data.x, n, images, frame, v)
    run(p.forward, 0, p.forward_calls, like, v, own.kernel, m)
    patches = w.down * w.across
    for i in range(images):
        x, y = at(m, i * patches * s.F, like), at(z, i * w.outputs * s.F, like)
        call_transform(w.to_z, Transform(x=x, y=y, down=w.down, across=w.across))


@jit_part
def gradients(r, n, images, accumulate, dz, memory, like):
    """What dz of the pictures from the n-th on contributes to dU, and their dx (N, H, W, C).

    Where dU is made of all pictures at once, V and dM are kept for it.
    """
    s, p, w, work, data, own = r.sizes, r.programs, r.winograd, r.work, r.data, r.scratch
    patches = w.down * w.across
    v, dm = memory + own.v, memory + own.m
    if p.at_once:
        v = at(own.memory + own.all_v, n * patches * s.C, like)
        dm = at(own.memory + own.all_m, n * patches * s.F, like)
    for i in range(images):
        x, y = at(dz, i * w.outputs * s.F, like), at(dm, i * patches * s.F, like)
        call_transform(w.to_dm, Transform(x=x, y=y, down=w.down, across=w.across))
    if work.weights:
        patches_of(s, w, w.to_kept_v, work.copy, like, data.x, n, images, memory + own.frame, v)
        if not p.at_once:
            u, depth = memory + own.u, images * patches
            run_deep(p.weights, 0, p.weight_calls, like, v, dm, u, depth, accumulate)
    if work.inputs:
        input_gradient(r, n, images, dm, memory, like)


@jit_part
def input_gradient(r, n, images, dm, memory, like):
    """dx (N, H, W, C) of the pictures from the n-th on, from their dM."""
    s, p, w, work, own = r.sizes, r.programs, r.winograd, r.work, r.scratch
    frame, v, row = memory + own.halo, memory + own.v, s.W * s.C
    inside = picture_in(s, w, frame, like)
    run(p.inputs, 0, p.input_calls, like, dm, own.memory + own.kernel_t, v)
    for i in range(images):
        clear(frame, w.rows * w.columns * s.C * like.itemsize)
        x = at(v, i * w.down * w.across * s.C, like)
        call_transform(w.to_dx, Transform(x=x, y=frame, down=w.down, across=w.across))
        dx = at(r.data.dx, (n + i) * s.H * row, like)
        call_copy(
            work.copy,
            Copy(x=inside, x_row=w.columns * s.C, y=dx, y_row=row, rows=s.H, size=row),
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
    x, y = at(du, first * r.sizes.F, like), at(dkernel, first * r.sizes.F, like)
    call_transform(r.winograd.to_dkernel, Transform(x=x, y=y, down=1, across=last - first))
