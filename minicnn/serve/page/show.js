/* What is on the page: bars, the picture as the network gets it, where it looks, figures, words. */

const CONFIDENT = 0.5; // as in `minicnn predict`
const READABLE = 250; // milliseconds for which a figure stays
const QUIET = 3000; // milliseconds between what is read aloud
const BLUE = [0, 114, 178]; // what speaks for the answer
const at = (id) => document.getElementById(id);

let times = []; // of the answers of the last two seconds
let figuresAt = -Infinity; // when the figures were written last
let spokenAt = -Infinity;

/** Make room for a network's answers. */
export function introduce({ name, classes, input, explain }, bars) {
  const { height, width, channels } = input;
  at("known").textContent =
    `${name} knows ${classes.length} classes, and always names one of them.`;
  at("classes").replaceChildren(...classes.map((one) => element("li", "", one)));
  at("size").textContent = `${width} \u00d7 ${height}${channels === 1 ? ", grey" : ""}`;
  at("stage").style.setProperty("--aspect", width / height);
  at("heat-choice").hidden = !explain;
  const places = Array.from({ length: Math.min(bars, classes.length) });
  at("bars").replaceChildren(...places.map(() => {
    const bar = element("div", "bar", element("div", ""));
    bar.setAttribute("aria-hidden", "true"); // the number above it says the same
    return element("li", "", element("bdi", "name", "–"), element("span", "share"), bar);
  }));
}

/** An answer, and the pixels that it is about. trip: milliseconds; live: of the camera. */
export function show({ classes, heat, milliseconds }, image, trip, live) {
  classes.forEach(({ name, probability }, place) => {
    const item = at("bars").children[place];
    item.querySelector(".name").textContent = name; // as text: a class may be called anything
    const number = probability ?? NaN; // JSON has no word for what is no number
    item.querySelector(".share").textContent = `${(100 * number).toFixed(1)}\u00a0%`;
    item.querySelector(".bar div").style.width = `${100 * (probability ?? 0)}%`;
  });
  const sure = classes[0].probability >= CONFIDENT;
  at("doubt").textContent = sure ? "" : "Low confidence: no class reaches 50 %.";
  const seen = at("seen");
  [seen.width, seen.height] = [image.width, image.height];
  seen.getContext("2d").putImageData(image, 0, 0);
  showHeat(heat);
  showFigures(trip, milliseconds, live);
  speak(`${sure ? "" : "Not sure: "}${classes[0].name}`, !live);
}

/** The stage has this, of "hint", "video" and "still". */
export function setStage(id) {
  for (const other of ["hint", "video", "still"]) at(other).hidden = other !== id;
  showHeat(undefined);
  times = [];
  figuresAt = -Infinity;
}

/** Something that went wrong, in words; "" when it is over. */
export function tell(text) {
  if (at("note").textContent !== text) at("note").textContent = text; // which is read aloud
}

/** Where the network looks, in blue over the picture in grey. */
function showHeat(heat) {
  at("stage").classList.toggle("explained", Boolean(heat));
  at("heat").hidden = !heat;
  if (!heat) return;
  const image = new ImageData(heat.width, heat.height);
  heat.values.forEach((value, k) => image.data.set([...BLUE, 0.9 * value], 4 * k));
  [at("heat").width, at("heat").height] = [heat.width, heat.height];
  at("heat").getContext("2d").putImageData(image, 0, 0);
}

function showFigures(trip, inside, live) {
  const now = performance.now();
  times = [...times.filter((time) => now - time < 2000), now];
  if (now - figuresAt < READABLE) return;
  figuresAt = now;
  const seconds = (now - times[0]) / 1000;
  const rate = live && seconds > READABLE / 1000 ? (times.length - 1) / seconds : undefined;
  at("rate").textContent = rate === undefined ? "–" : rate.toFixed(1);
  at("trip").textContent = `${trip.toFixed(0)} ms`;
  at("inside").textContent = inside === undefined ? "–" : `${inside.toFixed(1)} ms`;
}

/** For who does not see the bars: what has changed, but not ten times a second. */
function speak(text, atOnce) {
  const now = performance.now();
  if (text === at("spoken").textContent || (!atOnce && now - spokenAt < QUIET)) return;
  at("spoken").textContent = text;
  spokenAt = now;
}

function element(tag, name, ...children) {
  const made = document.createElement(tag);
  made.className = name;
  made.append(...children);
  return made;
}
