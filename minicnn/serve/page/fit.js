/* The largest centred part of a picture in the network's shape, scaled to the network's size.

The same arithmetic as minicnn's data.fit_image, which is Pillow's, to the last bit: a Lanczos
filter as wide as the scale asks for, in whole numbers. So the page asks about the very pixels
that `minicnn predict` would make of the picture.
Source: Pillow, src/libImaging/Resample.c; Duchon 1979, "Lanczos filtering". */

const LOBES = 3; // of the filter, on each side
const UNIT = 1 << 22; // a weight of 1, in whole numbers

/** The part of a picture that is looked at: {left, top, width, height}, in its pixels. */
export function middle(width, height, toWidth, toHeight) {
  const cutWidth = Math.min(width, (height * toWidth) / toHeight);
  const cutHeight = Math.min(height, (width * toHeight) / toWidth);
  return {
    left: (width - cutWidth) / 2,
    top: (height - cutHeight) / 2,
    width: cutWidth,
    height: cutHeight,
  };
}

/** Pixels (toHeight, toWidth, 4) out of pixels (height, width, 4) without transparency. */
export function fitted(pixels, width, height, toWidth, toHeight) {
  const part = middle(width, height, toWidth, toHeight);
  const across = weights(width, part.left, (width + part.width) / 2, toWidth);
  const down = weights(height, part.top, (height + part.height) / 2, toHeight);
  const result = new Uint8ClampedArray(toHeight * toWidth * 4);
  const line = width * 4;
  if (toWidth > width && toHeight < height) {
    // columns first, which is less to do; between is (toHeight, width)
    const between = new Uint8ClampedArray(toHeight * line);
    for (let at = 0; at < line; at += 4) scaled(pixels, at, line, down, between, at, line);
    for (let row = 0; row < toHeight; row++) {
      scaled(between, row * line, 4, across, result, row * toWidth * 4, 4);
    }
    return result;
  }
  // rows first, those that the columns will ask for; between is (rows, toWidth)
  const top = down[0].first;
  const rows = down.at(-1).first + down.at(-1).of.length - top;
  const between = new Uint8ClampedArray(rows * toWidth * 4);
  for (let row = 0; row < rows; row++) {
    scaled(pixels, (top + row) * line, 4, across, between, row * toWidth * 4, 4);
  }
  const moved = down.map(({ first, of }) => ({ first: first - top, of }));
  for (let at = 0; at < toWidth * 4; at += 4) {
    scaled(between, at, toWidth * 4, moved, result, at, toWidth * 4);
  }
  return result;
}

/** A line of pixels, `step` numbers from one to the next, as weighted means, `stride` numbers from
one to the next. */
function scaled(from, start, step, all, to, place, stride) {
  for (const { first, of } of all) {
    let red = UNIT / 2;
    let green = UNIT / 2;
    let blue = UNIT / 2;
    let at = start + first * step;
    for (let k = 0; k < of.length; k++, at += step) {
      red += of[k] * from[at];
      green += of[k] * from[at + 1];
      blue += of[k] * from[at + 2];
    }
    to[place] = red >> 22; // an array of this kind keeps to 0 ... 255
    to[place + 1] = green >> 22;
    to[place + 2] = blue >> 22;
    to[place + 3] = 255;
    place += stride;
  }
}

/** For each of `count` new pixels the first old one and the weights of it and those after it. */
function weights(size, from, to, count) {
  from = Math.fround(from); // Pillow hands them on in single precision
  const scale = Math.fround(Math.fround(to) - from) / count;
  const wide = Math.max(scale, 1);
  return Array.from({ length: count }, (_, place) => {
    const centre = from + (place + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - LOBES * wide + 0.5), 0);
    const end = Math.min(Math.trunc(centre + LOBES * wide + 0.5), size);
    const of = new Float64Array(end - first);
    let sum = 0;
    for (let k = 0; k < of.length; k++) {
      of[k] = lanczos((k + first - centre + 0.5) / wide);
      sum += of[k];
    }
    const whole = Int32Array.from(of, (weight) => {
      const share = (weight / sum) * UNIT;
      return Math.trunc(share + (share < 0 ? -0.5 : 0.5));
    });
    return { first, of: whole };
  });
}

function lanczos(x) {
  return -LOBES <= x && x < LOBES ? sinc(x) * sinc(x / LOBES) : 0;
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}
