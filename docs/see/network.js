// The page of a whole step: shows a trace (docs/trace.md), and adds up each number from its terms, as
// minicnn/explain/tracing/adding.py does. What is shown is in the address: #conv2d/output[0,1,2,3].
"use strict";

(() => {
  const PART = 24; // rows and columns that are shown at once
  const FIRST = 12; // terms
  // What is done to one number, by name; of others the page says that it does not know them.
  const sigmoid = (x) => 1 / (1 + Math.exp(-x));
  const FUNCTIONS = {
    exp: Math.exp, log: Math.log, sqrt: Math.sqrt, inverse: (x) => 1 / x, tanh: Math.tanh, sigmoid,
    exponential: Math.exp, silu: (x) => x * sigmoid(x), swish: (x) => x * sigmoid(x),
    softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    softsign: (x) => x / (1 + Math.abs(x)),
  };
  const { make, shortest } = See;
  const round = (value, digits) => shortest(Number(value.toPrecision(digits)));
  const nine = (value) => (Math.fround(value) === value ? shortest(value) : round(value, 9));
  const by = (id) => document.getElementById(id);
  let trace, shown = "", grid, cells, index, terms;

  // Reading

  // The trace in a file's text: its arrays as numbers of their own type. Raises Error for others.
  function read(found) {
    if (!found || found.format !== "minicnn trace" || found.version !== 1)
      throw new Error("it does not say that it is a minicnn trace, version 1");
    const arrays = new Map();
    for (const [name, one] of Object.entries(found.arrays)) {
      if (one.same !== undefined) {
        arrays.set(name, arrays.get(one.same));
        continue;
      }
      const numbers = one.values.map(Number);
      const data = one.dtype === "float32" ? Float32Array.from(numbers) : Float64Array.from(numbers);
      if (data.length !== size(one.shape)) throw new Error(`${name} has not the numbers of its shape`);
      arrays.set(name, { shape: one.shape, axes: one.axes || [], data });
    }
    if (!found.rows.every((row) => row.arrays.every((name) => arrays.get(name))))
      throw new Error("an array is missing");
    return { ...found, arrays };
  }

  const size = (shape) => shape.reduce((product, n) => product * n, 1);

  // The number of a place in an array of that shape; null outside of it, or between places.
  function flat(shape, place) {
    let at = 0;
    for (let axis = 0; axis < shape.length; axis++) {
      const n = place[axis];
      if (!Number.isInteger(n) || n < 0 || n >= shape[axis]) return null;
      at = at * shape[axis] + n;
    }
    return at;
  }

  // The place of a number in an array of that shape.
  function placeOf(shape, at) {
    const place = [];
    for (const n of [...shape].reverse()) {
      place.unshift(at % n);
      at = Math.floor(at / n);
    }
    return place;
  }

  // Adding up

  // An index [constant, {letter: coefficient}, divisor] for these letters.
  function whole([constant, coefficients, divisor], letters) {
    let total = constant;
    for (const [letter, times] of Object.entries(coefficients)) total += times * letters[letter];
    return total / divisor;
  }

  // A factor: its number and what comes of it; true for a condition that holds; null for no term.
  function factor(one, letters) {
    const array = trace.arrays.get(one.name);
    const at = flat(one.shape || array.shape, one.at.map((each) => whole(each, letters)));
    if (at === null) return null;
    const value = array.data[at];
    if (one.is) return value === whole(one.is, letters) ? true : null;
    const made = { name: one.name, at, value, through: one.through, result: value };
    if (one.minus) {
      made.minus = factor(one.minus, letters);
      if (made.minus === null) return null;
      made.result -= made.minus.value;
    }
    if (one.through) made.result = (FUNCTIONS[one.through] || (() => NaN))(made.result);
    return made;
  }

  // All terms of a number.
  function termsOf(reason, name, at) {
    const place = placeOf(reason.shape || trace.arrays.get(name).shape, at);
    const fixed = Object.fromEntries(reason.axes.map((letter, n) => [letter, place[n]]));
    const found = [];
    for (const sum of reason.sums) {
      const names = Object.keys(sum.over), sizes = Object.values(sum.over);
      for (let step = 0; step < size(sizes); step++) {
        const steps = placeOf(sizes, step);
        const letters = { ...fixed, ...Object.fromEntries(names.map((each, n) => [each, steps[n]])) };
        const factors = [];
        for (const one of sum.factors) {
          const made = factor(one, letters);
          factors.push(made);
          if (made === null) break;
        }
        if (factors.includes(null)) continue;
        const real = factors.filter((one) => one !== true);
        const value = real.reduce((product, one) => product * one.result, sum.scale);
        found.push({ value, scale: sum.scale, factors: real });
      }
    }
    return found;
  }

  // The sum of numbers, with what is lost in rounding added at the end (Neumaier).
  function add(values) {
    let total = 0, lost = 0;
    for (const value of values) {
      const next = total + value;
      lost += Math.abs(total) >= Math.abs(value) ? (total - next) + value : (value - next) + total;
      total = next;
    }
    return total + lost;
  }

  // What a number is: { value, exact, terms, total, depends, code, formula }.
  function why(name, at) {
    const value = trace.arrays.get(name).data[at], reason = trace.reasons[name];
    if (!reason) return { value, terms: [], made: false };
    const found = termsOf(reason, name, at).sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
    const known = Object.entries(reason.with || {}).map(([letter, n]) => `${letter} = ${nine(n)}`);
    const sums = reason.sums.map(({ of, over }) =>
      (Object.keys(over).length ? `sum over ${Object.keys(over).join(", ")} of ${of}` : of));
    const total = reason.exact ? add(found.map((term) => term.value)) : null;
    return { value, terms: found, total, depends: reason.depends, code: trace.code[reason.code], made: true,
      formula: sums.join(" + ").replaceAll("+ -", "\u2212 ") + (known.length ? `, with ${known.join(", ")}` : "") };
  }

  // The address

  const address = (name, at) =>
    `#${encodeURIComponent(name)}[${placeOf(trace.arrays.get(name).shape, at).join(",")}]`;

  // { name, at } of the address, as far as the trace has it; of the first kernel's gradient otherwise.
  function asked() {
    let text = "";
    try { text = decodeURIComponent(location.hash.slice(1)); } catch { /* no name */ }
    const found = text.match(/^(.+)\[([\d,]*)\]$/);
    const array = found && trace.arrays.get(found[1]);
    const at = array ? flat(array.shape, found[2] === "" ? [] : found[2].split(",").map(Number)) : null;
    const start = trace.rows.flatMap((row) => row.arrays).find((name) => name.endsWith("/kernel/gradient"));
    return at === null ? { name: start ?? trace.rows[0].arrays[0], at: 0 } : { name: found[1], at };
  }

  function link(name, at, ...text) {
    return make("a", { href: address(name, at) }, ...text);
  }

  const spoken = (name, at) => {
    const place = placeOf(trace.arrays.get(name).shape, at);
    return place.length ? `${name}[${place.join(", ")}]` : name;
  };

  // Showing

  // The axes that are shown as a table, by number: rows and columns; the others are chosen.
  function axesOf({ shape, axes }) {
    const rank = shape.length, row = axes.indexOf("row"), column = axes.indexOf("column");
    if (row >= 0 && column >= 0) return [row, column];
    return rank > 1 ? [rank - 2, rank - 1] : [null, rank === 1 ? 0 : null];
  }

  function showList(name) {
    const row = trace.rows.find((each) => each.arrays.includes(name));
    by("rows").replaceChildren(...trace.rows.map((each) => {
      const first = each.arrays[0], shape = trace.arrays.get(first).shape.join("\u00D7");
      const made = link(first, 0, `${each.name} `, make("span", {}, `${each.class} ${shape}`));
      if (each === row) made.setAttribute("aria-current", "true");
      return make("li", {}, made);
    }));
    const there = by("rows").querySelector("[aria-current]"), list = by("rows");
    list.scrollTop = there.offsetTop - list.offsetTop - list.clientHeight / 2;
    by("of").textContent = `Numbers of ${row.name}`;
    const parts = { forward: [], backward: [], update: [] };
    for (const each of row.arrays) {
      const short = each.startsWith(`${row.name}/`) ? each.slice(row.name.length + 1) : each;
      const made = link(each, 0, short);
      if (each === name) made.setAttribute("aria-current", "true");
      parts[partOf(each, row.arrays)].push(make("li", {}, made));
    }
    by("arrays").replaceChildren(...Object.entries(parts).filter(([, made]) => made.length)
      .flatMap(([part, made]) => [make("dt", {}, part), make("dd", {}, make("ul", {}, ...made))]));
  }

  // When an array is made: all that moves a weight belongs to the update.
  function partOf(name, arrays) {
    if (/\/(dy|dx\d*|gradient(\/of_\w+)?)$/.test(name)) return "backward";
    const moves = arrays.filter((each) => each.endsWith("/step")).map((each) => each.slice(0, -4));
    const moved = moves.some((weight) => name.startsWith(weight) && name !== `${weight}before`);
    return moved ? "update" : "forward";
  }

  // Selects for the axes that the table does not have, and for its parts where it is large.
  function showSlices(name, array, place, tableAxes) {
    const chosen = array.shape.map((n, axis) => {
      const parts = tableAxes.includes(axis);
      if (parts ? n <= PART : n < 2) return null;
      const word = array.axes[axis] || `axis ${axis}`;
      const select = make("select", { id: `slice-${axis}` });
      for (let k = 0; k < n; k += parts ? PART : 1) {
        const last = Math.min(n, k + PART) - 1;
        select.append(make("option", { value: k }, parts ? `${k} to ${last}` : String(k)));
      }
      select.value = parts ? place[axis] - (place[axis] % PART) : place[axis];
      select.onchange = () => {
        const next = [...place];
        next[axis] = Number(select.value);
        location.hash = address(name, flat(array.shape, next));
        requestAnimationFrame(() => by(`slice-${axis}`)?.focus());
      };
      return make("label", {}, word, select);
    });
    by("slices").replaceChildren(...chosen.filter(Boolean));
  }

  function showTable(name, array, place, [rowAxis, columnAxis]) {
    const range = (axis) => {
      if (axis === null) return [null];
      const first = place[axis] - (place[axis] % PART);
      return [...Array(Math.min(PART, array.shape[axis] - first)).keys()].map((k) => first + k);
    };
    const rows = range(rowAxis), columns = range(columnAxis);
    const largest = array.data.reduce((most, n) => (Math.abs(n) > most ? Math.abs(n) : most), 0);
    cells = rows.flatMap((r) => columns.map((c) => {
      const there = [...place];
      if (r !== null) there[rowAxis] = r;
      if (c !== null) there[columnAxis] = c;
      return flat(array.shape, there);
    }));
    const word = (axis) => (axis === null ? "" : array.axes[axis] || `axis ${axis}`);
    grid = See.grid({
      name: "numbers", title: name, rows: rows.length, columns: columns.length, hover: false,
      rowNames: rows.map((n) => (n === null ? "" : String(n))),
      columnNames: columns.map((n) => (n === null ? "" : String(n))),
      show: (value) => round(value, 3),
      point: (k) => location.replace(address(name, cells[k])),
    });
    grid.set(cells.map((at) => array.data[at]));
    grid.cells.forEach((cell, k) => {
      const value = array.data[cells[k]], much = largest ? Math.abs(value) / largest : 0;
      cell.style.setProperty("--heat", value < 0 ? "var(--cold)" : "var(--warm)");
      cell.style.setProperty("--much", `${Math.round(70 * much) || 0}%`);
    });
    const axes = [word(rowAxis), word(columnAxis)].filter(Boolean).join(" down, ");
    if (axes) grid.element.querySelector("caption").append(` (${axes}${rowAxis === null ? "" : " across"})`);
    by("table").replaceChildren(grid.element);
  }

  function factorText(one) {
    const own = [link(one.name, one.at, spoken(one.name, one.at)), ` ${nine(one.value)}`];
    const inner = one.minus ? ["(", ...own, " \u2212 ", ...factorText(one.minus), ")"] : own;
    return one.through ? [`${one.through}(`, ...inner, ")"] : inner;
  }

  function showTerms(from, to) {
    const body = by("terms").querySelector("tbody");
    for (const term of terms.slice(from, to)) {
      const parts = term.factors.map(factorText);
      if (term.scale !== 1 || !parts.length) parts.unshift([nine(term.scale)]);
      const text = parts.flatMap((part, n) => (n ? [" \u00D7 ", ...part] : part));
      body.append(make("tr", {}, make("td", {}, Number.isNaN(term.value) ? "?" : round(term.value, 6)),
        make("td", {}, ...text)));
    }
    by("more").hidden = to >= terms.length;
    by("more").textContent = `More terms: ${Math.max(0, terms.length - to)}`;
    by("more").onclick = () => showTerms(to, to + 50);
  }

  // What the indices in the terms count, in words.
  function legend() {
    const names = new Set(terms.flatMap((term) => term.factors.map((one) => one.name)));
    const said = new Map(); // words: names
    for (const name of names) {
      const words = trace.arrays.get(name).axes.join(", ");
      if (words) said.set(words, [...(said.get(words) || []), name]);
    }
    return [...said].map(([words, own]) => `; indices of ${own.join(" and ")}: ${words}`).join("");
  }

  function showWhy(name, at) {
    const found = why(name, at), count = found.terms.length;
    const sums = found.total !== null && found.total !== undefined;
    terms = found.terms;
    let text = ". No other number of this step made it: it was there before, or was drawn.";
    if (sums && Number.isNaN(found.total) && !Number.isNaN(found.value)) {
      text = ", by a function that this page does not know; minicnn trace --why adds it up.";
    } else if (sums && !count) {
      text = ", for there is no term at this place.";
    } else if (sums) {
      const zeros = terms.filter((term) => term.value === 0).length;
      const same = found.total === found.value ? "the same number" : "the same but for rounding";
      text = `, the sum of ${count} term${count === 1 ? "" : "s"}` +
        `${zeros ? `, ${zeros} of them 0` : ""}: ${nine(found.total)}, ${same}.`;
    } else if (count) {
      text = ". No sum: it depends on the numbers below.";
    } else if (found.depends?.length) {
      text = `. No explanation of its own: it depends on ${found.depends.join(", ")}.`;
    }
    See.say([spoken(name, at)], ` = ${nine(found.value)}`, text);
    by("formula").textContent = found.formula || "";
    const head = make("tr", {}, make("th", { scope: "col" }, "term"), make("th", { scope: "col" }, "made of"));
    by("terms").replaceChildren(...(count ? [make("table", {},
      make("caption", {}, (count > FIRST ? `The largest of ${count} terms` : "All terms, the largest first") + legend()),
      make("thead", {}, head), make("tbody"))] : []));
    by("terms").hidden = !count;
    if (count) showTerms(0, FIRST);
    else by("more").hidden = true;
    showCode(found.code);
  }

  function showCode(code) {
    if (!code) {
      by("code").replaceChildren();
      return;
    }
    const indents = code.lines.filter((line) => line.trim()).map((line) => line.search(/\S/));
    const lines = code.lines.map((line, n) => {
      const lit = code.first + n === code.line, text = line.slice(Math.min(...indents));
      return make("code", { className: lit ? "lit" : "" }, `${code.first + n}  ${text}`);
    });
    by("code").replaceChildren(make("p", { className: "small" }, `Computed at ${code.file}:${code.line}`),
      make("pre", {}, ...lines));
  }

  function show() {
    const { name, at } = asked(), array = trace.arrays.get(name);
    const place = placeOf(array.shape, at), tableAxes = axesOf(array);
    const from = document.activeElement;
    if (shown !== name || !cells.includes(at)) {
      showList(name);
      showSlices(name, array, place, tableAxes);
      showTable(name, array, place, tableAxes);
      shown = name;
    }
    index = cells.indexOf(at);
    grid.clear();
    grid.mark(index, "on");
    const inTable = by("table").contains(document.activeElement);
    showWhy(name, at);
    // a link that was followed is gone: go on from the number
    if (!inTable && from && from !== document.body && !from.isConnected)
      grid.cells[index].focus({ preventScroll: true });
  }

  // Beginning

  function open(found, own) {
    trace = found;
    shown = "";
    const { about } = trace;
    by("about").textContent = `${own ? "Your" : "The example's"} step ${about.step} of ${about.model}: ` +
      `${about.samples} picture${about.samples === 1 ? "" : "s"}, ${about.loss.class} ` +
      `${See.format(about.loss.value)}, ${about.optimizer.class} with learning rate ` +
      `${about.optimizer.learning_rate}.`;
    by("example").hidden = !own;
    show();
  }

  async function take(file) {
    try {
      const found = read(JSON.parse(await file.text()));
      location.replace("#");
      open(found, true);
    } catch (error) {
      by("about").textContent = `${file.name} cannot be shown: ${error.message}. Write a file with ` +
        "minicnn trace MODEL PICTURE --label CLASS --output FILE.";
    }
  }

  by("live").hidden = false;
  by("file").onchange = () => by("file").files[0] && take(by("file").files[0]);
  by("example").onclick = () => {
    location.replace("#");
    open(read(EXAMPLE_TRACE), false);
  };
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });
  addEventListener("hashchange", show);
  open(read(EXAMPLE_TRACE), false);
  See.why = (name, at) => why(name, at); // for tests
})();
