/* Who answers: the server that the page comes from. `minicnn export web` puts alone.js in its
place, where the network runs in the page itself. */

const PATIENCE = 15_000; // milliseconds
const token = new URLSearchParams(location.hash.slice(1)).get("token");
const headers = token ? { Authorization: `Bearer ${token}` } : {};

/** Where the pictures go, in a sentence. */
export const where = `Pictures go to ${location.host} to be answered. They are not kept.`;

/** An answer that is none. wait: milliseconds after which to ask again; undefined for never. */
class Refused extends Error {
  constructor(message, wait) {
    super(message);
    this.wait = wait;
  }
}

/** {models: [{name, classes, input: {height, width, channels}, explain}], batch_invariant}. */
export async function models() {
  return (await fetched("v1/models", { headers })).json();
}

/** What is on a picture, pixels (height, width, 4): {classes: [{name, probability}], heat,
milliseconds}. heat is {height, width, values}, or undefined unless asked for. */
export async function ask(pixels, model, top, explain) {
  const query = new URLSearchParams({ model: model.name, top });
  if (explain) query.set("explain", "grad-cam");
  const body = bitmap(pixels, model.input);
  const request = { method: "POST", body, headers: { ...headers, "Content-Type": "image/bmp" } };
  const answer = await (await fetched(`v1/predict?${query}`, request)).json();
  const { classes, heat } = answer.predictions[0];
  if (heat) heat.values = Uint8Array.from(atob(heat.values), (byte) => byte.charCodeAt(0));
  return { classes, heat, milliseconds: answer.milliseconds };
}

/** A file of the format BMP. It loses nothing, and costs no time: a canvas makes its PNG when the
browser is idle, which it seldom is while it shows a camera. */
function bitmap(pixels, { height, width }) {
  const start = 54;
  const line = 4 * Math.ceil((3 * width) / 4);
  const file = new Uint8Array(start + line * height);
  const view = new DataView(file.buffer);
  file.set([0x42, 0x4d]); // "BM"
  view.setUint32(2, file.length, true);
  view.setUint32(10, start, true);
  view.setUint32(14, 40, true); // bytes of the header that follows
  view.setInt32(18, width, true);
  view.setInt32(22, -height, true); // from the top down
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true); // bits a pixel
  for (let row = 0, from = 0; row < height; row++) {
    for (let to = start + row * line, k = 0; k < width; k++, from += 4, to += 3) {
      [file[to], file[to + 1], file[to + 2]] = [pixels[from + 2], pixels[from + 1], pixels[from]];
    }
  }
  return file;
}

async function fetched(path, request) {
  let response;
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    response = await fetch(path, { ...request, signal, cache: "no-store" });
  } catch {
    throw new Refused("The server does not answer. Is it still running? Asking it again.", 2000);
  }
  if (response.ok) return response;
  if (response.status === 401) {
    throw new Refused(
      "The server wants its token. Open the whole address that it printed when it started, with " +
        "what stands after #token=."
    );
  }
  const told = await response.json().then((body) => body.error, () => undefined);
  const later = Number(response.headers.get("Retry-After")) || 1;
  const busy = response.status === 429 || response.status >= 500;
  throw new Refused(
    `The server refused the picture (${response.status}): ${told ?? response.statusText}`,
    busy ? later * 1000 : undefined
  );
}
