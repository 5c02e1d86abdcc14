/* The page: pictures come from the camera, a file, a drop or a paste, are cut and scaled to what
the network takes, and the answer is shown. One picture is asked about at a time. */

import { ask, models, where } from "./asked.js";
import { fitted, middle } from "./fit.js";
import { introduce, setStage, show, tell } from "./show.js";

const SHOWN = 3; // classes
const LARGEST = 12e6; // pixels that a telephone's browser can hold on a canvas
const at = (id) => document.getElementById(id);
const work = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

let model; // the chosen one of those that answer
let stream; // of the camera, while it runs
let still; // the last picture that was no frame of the camera
let last = Promise.resolve(); // the end of what is being asked

// ------------------------------------------------------------------------------ asking

/** Ask about a picture, after what is being asked already. */
function look(picture, width, height) {
  last = last.catch(() => {}).then(() => lookNow(picture, width, height));
  return last;
}

async function lookNow(picture, width, height) {
  const began = performance.now();
  const live = stream !== undefined;
  const { input } = model;
  const scale = Math.min(1, Math.sqrt(LARGEST / (width * height)));
  const size = [Math.round(width * scale), Math.round(height * scale)];
  sized(work.canvas, size);
  onWhite(work, picture, [0, 0, width, height]);
  const { data } = work.getImageData(0, 0, ...size);
  const pixels = fitted(data, ...size, input.width, input.height);
  const answer = await ask(pixels, model, SHOWN, model.explain && at("explain").checked);
  if (live && stream === undefined) return; // the camera was stopped meanwhile
  if (live) {
    // what is explained is the frame that was asked about, not the one that the camera sees now
    if (answer.heat) stand(work.canvas, ...size);
    at("still").hidden = !answer.heat;
  }
  show(answer, new ImageData(pixels, input.width), performance.now() - began, live);
}

/** Put the part of a picture that is looked at on the stage. */
function stand(picture, width, height) {
  const part = middle(width, height, model.input.width, model.input.height);
  const wide = Math.min(Math.ceil(part.width), 960);
  const high = Math.max(Math.round((wide * model.input.height) / model.input.width), 1);
  const context = sized(at("still"), [wide, high]).getContext("2d");
  onWhite(context, picture, [part.left, part.top, part.width, part.height]);
}

function sized(canvas, [width, height]) {
  if (canvas.width !== width || canvas.height !== height) {
    [canvas.width, canvas.height] = [width, height];
  }
  return canvas;
}

/** Fill a canvas with a part of a picture: transparency lies on white, as in data.read_image. */
function onWhite(context, picture, part) {
  const { width, height } = context.canvas;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(picture, ...part, 0, 0, width, height);
}

// -------------------------------------------------------------------------- the camera

async function start() {
  if (!navigator.mediaDevices?.getUserMedia) return tell(WORDS.Insecure);
  at("camera").disabled = true;
  try {
    const wanted = { facingMode: "environment", width: { ideal: 640 }, height: { ideal: 480 } };
    stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
  } catch (error) {
    return tell(WORDS[error.name] ?? `The camera cannot be used: ${error.message}`);
  } finally {
    at("camera").disabled = false;
  }
  tell("");
  const mine = stream;
  mine.getVideoTracks()[0].addEventListener("ended", () => {
    if (stream === mine) stop("The camera was disconnected. Connect it, and start it again.");
  });
  still = undefined;
  setStage("video");
  at("video").srcObject = mine;
  at("camera").textContent = "Stop camera";
  await live(mine);
}

/** Ask about frame after frame, as fast as they are answered. */
async function live(mine) {
  const video = at("video");
  while (stream === mine) {
    await nextFrame(video);
    if (stream !== mine || !video.videoWidth) continue;
    try {
      await look(video, video.videoWidth, video.videoHeight);
      if (stream === mine) tell("");
    } catch (error) {
      if (stream !== mine) return;
      if (error.wait === undefined) return stop(error.message);
      tell(error.message);
      await new Promise((done) => setTimeout(done, error.wait));
    }
  }
}

/** Resolves when there is another picture, which a page in the background waits for. */
function nextFrame(video) {
  return new Promise((done) => {
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(done);
    else requestAnimationFrame(done);
  });
}

function stop(text = "") {
  stream?.getTracks().forEach((track) => track.stop());
  if (stream) setStage("hint");
  stream = undefined;
  at("camera").textContent = "Start camera";
  tell(text);
}

const OTHERWISE = " A picture from a file works without it.";
const WORDS = {
  Insecure:
    "A browser gives a camera only to pages that come over https or from this very machine. Open " +
    "this page as http://localhost where the server runs, or put https in front of it. On a " +
    "telephone, \u201cTake photograph\u201d works without.",
  NotAllowedError:
    "The camera is not allowed. Press the camera or the lock beside the page's address, allow " +
    "the camera there, and start it again." + OTHERWISE,
  NotFoundError: "No camera was found. Connect one, and start it again." + OTHERWISE,
  NotReadableError:
    "The camera is in use by another program. Close that, and start the camera again." + OTHERWISE,
};
WORDS.SecurityError = WORDS.NotAllowedError;
WORDS.AbortError = WORDS.NotReadableError;
WORDS.OverconstrainedError = WORDS.NotFoundError;

// ------------------------------------------------------------------------ own pictures

async function take(files) {
  const file = [...files].find((one) => one.type.startsWith("image/")) ?? files[0];
  if (!file) {
    return tell("No picture came with that. Save it as a file, or copy the picture itself.");
  }
  stop();
  try {
    // colour profiles are not applied, as in data.read_image; how the camera was held is
    still = await createImageBitmap(file, { colorSpaceConversion: "none" });
  } catch {
    return tell(`${file.name}: no picture that this browser can read. Save it as JPEG or PNG.`);
  }
  setStage("still");
  await again();
}

/** Ask about the last still picture (once more), if there is one. */
async function again() {
  if (!still) return;
  stand(still, still.width, still.height);
  try {
    await look(still, still.width, still.height);
    tell("");
  } catch (error) {
    tell(error.message);
  }
}

// --------------------------------------------------------------------------- beginning

async function begin() {
  at("where").textContent = where;
  let found;
  try {
    found = await models();
  } catch (error) {
    at("known").textContent = "";
    tell(error.message);
    if (error.wait !== undefined) setTimeout(begin, error.wait);
    return;
  }
  tell("");
  at("alone").hidden = !found.batch_invariant;
  at("model").replaceChildren(...found.models.map((one, k) => new Option(one.name, k)));
  at("model-choice").hidden = found.models.length < 2;
  const choose = (place) => introduce((model = found.models[place]), SHOWN);
  choose(0);
  at("model").addEventListener("change", () => {
    choose(at("model").value);
    again();
  });
  at("explain").addEventListener("change", again);
  at("camera").addEventListener("click", () => (stream ? stop() : start()));
  listenForFiles();
  for (const id of ["camera", "file", "photograph"]) at(id).disabled = false;
}

function listenForFiles() {
  for (const id of ["file", "photograph"]) {
    at(id).addEventListener("change", () => {
      if (at(id).files.length) take(at(id).files);
      at(id).value = ""; // so that the same file can be chosen once more
    });
  }
  const mark = (over) => document.body.classList.toggle("over", over);
  addEventListener("paste", (event) => take(event.clipboardData.files));
  addEventListener("dragover", (event) => {
    event.preventDefault();
    mark(true);
  });
  addEventListener("dragleave", () => mark(false));
  addEventListener("drop", (event) => {
    event.preventDefault();
    mark(false);
    take(event.dataTransfer.files);
  });
}

addEventListener("hashchange", () => location.reload()); // another token
begin();
