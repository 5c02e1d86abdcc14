/* Who answers in what `minicnn export web` wrote, in the place of asked.js: the network runs in
the page itself, in ONNX Runtime's WebAssembly, and no picture leaves the device. */

import * as ort from "./runtime/ort.js";

const GREY = [0.299, 0.587, 0.114]; // how bright colours look, as in models/pictures.py
const beside = (name) => new URL(name, import.meta.url).href;
ort.env.wasm.numThreads = 1; // more need headers that many hosts do not send
ort.env.wasm.wasmPaths = {
  mjs: beside("runtime/ort-wasm.js"),
  wasm: beside("runtime/ort-wasm.wasm"),
};
let session;

/** Where the pictures go, in a sentence. */
export const where = "The network runs on this device. No picture leaves it.";

/** {models: [{name, classes, input, explain, ends_in}]}, the only one. */
export async function models() {
  try {
    const told = await (await fetch(beside("model.json"))).json();
    session = await ort.InferenceSession.create(beside("model.onnx"));
    return { models: [told] };
  } catch (error) {
    throw new Error(
      `The network cannot be loaded (${error.message}). All files of the folder must be on the ` +
        "web server: ask for the page over http, not as a file."
    );
  }
}

/** What is on a picture, pixels (height, width, 4): {classes: [{name, probability}],
milliseconds}. */
export async function ask(pixels, model, top) {
  const { height, width, channels } = model.input;
  const x = new Float32Array(height * width * channels);
  for (let from = 0, to = 0; from < pixels.length; from += 4) {
    const colours = [pixels[from], pixels[from + 1], pixels[from + 2]];
    if (channels === 3) for (const colour of colours) x[to++] = colour;
    else x[to++] = Math.round(colours.reduce((sum, colour, k) => sum + GREY[k] * colour, 0));
  }
  const began = performance.now();
  const picture = new ort.Tensor("float32", x, [1, height, width, channels]);
  const outputs = await session.run({ [session.inputNames[0]]: picture });
  const milliseconds = performance.now() - began;
  const classes = probabilities([...outputs[session.outputNames[0]].data], model.ends_in)
    .map((probability, k) => ({ name: model.classes[k], index: k, probability }))
    .sort((one, other) => other.probability - one.probability)
    .slice(0, top);
  return { classes, milliseconds };
}

/** As network/ending.py has it: one unit decides between two classes; without an end, logits. */
function probabilities(outputs, endsIn) {
  if (outputs.length === 1) {
    const p = endsIn === "sigmoid" ? outputs[0] : 1 / (1 + Math.exp(-outputs[0]));
    return [1 - p, p];
  }
  if (endsIn === "softmax") return outputs;
  const largest = Math.max(...outputs);
  const powers = outputs.map((z) => Math.exp(z - largest));
  const sum = powers.reduce((one, other) => one + other, 0);
  return powers.map((power) => power / sum);
}
