// What all pages of this folder share: grids of numbers, a stepper, the line that explains.
// A classic script, since modules do not load from file://. Nothing is asked for, nothing is stored.
"use strict";

const See = (() => {
  const PAGES = {
    convolution: "Convolution", pooling: "Pooling", batch_normalization: "Batch normalization",
    softmax_cross_entropy: "Softmax and cross-entropy", dense: "Dense", adam_sgd: "Adam and SGD",
    receptive_field: "Receptive field", augmentation: "Augmentation", network: "A whole step",
    lesson: "Write a layer",
  };
  const grids = {}; // name: grid, of all that are on the page

  // A number for the eye: four digits or so. The whole of it is in the cell's data-value.
  // Nothing for null, which is not computed yet.
  function format(value) {
    if (value === null) return "";
    const size = Math.abs(value);
    if (!Number.isFinite(value)) return String(value);
    if (size !== 0 && (size < 5e-4 || size >= 1e6)) return minus(value.toExponential(1));
    const decimals = size < 10 ? 3 : size < 100 ? 2 : size < 1000 ? 1 : 0;
    return minus(String(Number(value.toFixed(decimals))));
  }

  // The fewest digits that mean this number; those of float32, where it is one.
  function shortest(value) {
    for (let digits = 1; Math.fround(value) === value && digits < 9; digits++) {
      const short = Number(value.toPrecision(digits));
      if (Math.fround(short) === value) return minus(String(short));
    }
    return minus(String(value));
  }

  const minus = (digits) => digits.replaceAll("-", "\u2212");

  // A number as a factor or a summand: negative ones in brackets.
  const term = (value) => (value < 0 ? `(${format(value)})` : format(value));

  // Summands with plus signs between them; of many the first ten.
  function sum(texts) {
    const first = texts.slice(0, 10).join(" + ");
    return texts.length > 10 ? `${first} + \u2026 (${texts.length} in all)` : first || "0";
  }

  // An element with properties and children: make("p", { id: "a" }, "text").
  function make(name, properties = {}, ...children) {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  }

  // The number in an input; the fallback, and a mark on the input, where there is none. Many telephones
  // offer a comma for the point.
  function number(input, fallback) {
    const text = input.value.trim().replaceAll("\u2212", "-").replace(",", ".");
    const value = text === "" ? NaN : Number(text);
    const good = Number.isFinite(value) && !(value < Number(input.min || -Infinity)) &&
      !(value > Number(input.max || Infinity));
    input.setAttribute("aria-invalid", String(!good));
    refuse(input, good ? "" : `a number${range(input)}` +
      (Number.isFinite(fallback) ? `; shown with ${format(fallback)}` : ""));
    return good ? value : fallback;
  }

  const range = ({ min = "", max = "" }) =>
    (min === "" ? "" : ` from ${min}`) + (max === "" ? "" : ` to ${max}`);

  // Words beside an input that has a label around it; nothing where they are empty.
  function refuse(input, words) {
    const label = input.closest("label");
    if (!label) return;
    label.querySelector(".refused")?.remove();
    if (words) label.append(make("small", { className: "refused" }, words));
  }

  // A table of numbers, each of which can be pointed at, by mouse or by arrow keys (one tab stop).
  //   name, title: for programs and for readers; rows, columns
  //   point(index): called when a number is pointed at; without it the table is only read
  //   hover: false where only a click or a key points
  //   change(index, value): called when the reader wrote a number; without it nothing can be. It may
  //   return false, for a number that it does not take
  //   editable(index): which numbers can be written, with change; all, unless told
  //   rowNames, columnNames: in place of 0, 1, 2 ...
  //   show(value): its text, format() unless told
  // Returns element, cells, set(values), mark(index, kind) with kind "on", "from" or "also", clear().
  function grid({ name, title = name, rows, columns, point, change, editable = () => true,
    hover = true,
    rowNames, columnNames, show = format }) {
    const table = make("table", {}, make("caption", {}, title));
    const cells = [], targets = []; // a target takes the focus: the cell, or the input in it
    const head = table.createTHead().insertRow(), body = table.createTBody();
    const nameOf = (names, k) => (names ? names[k] : String(k));
    head.append(make("td", { className: "corner" }));
    for (let c = 0; c < columns; c++) head.append(th(nameOf(columnNames, c), "col"));
    for (let r = 0; r < rows; r++) {
      const row = body.insertRow();
      row.append(th(nameOf(rowNames, r), "row"));
      for (let c = 0; c < columns; c++) {
        const index = r * columns + c, cell = row.insertCell(), written = change && editable(index);
        cells.push(cell);
        if (written) {
          const where = `${name}, row ${nameOf(rowNames, r)}, column ${nameOf(columnNames, c)}`;
          const input = make("input", { inputMode: "decimal", autocomplete: "off", size: 1 });
          input.setAttribute("aria-label", where);
          input.oninput = () => {
            const value = number(input, NaN);
            if (!Number.isNaN(value) && change(index, value) === false)
              input.setAttribute("aria-invalid", "true");
          };
          input.onblur = () => {
            input.value = shortest(made.values[index]);
            number(input);
          };
          cell.append(input);
        }
        targets.push(written ? cell.firstChild : cell);
        if (point || change) follow(index);
      }
    }
    if (point || change) {
      table.setAttribute("role", "grid");
      targets[0].tabIndex = 0;
    }

    function th(text, scope) {
      return make("th", { scope }, text);
    }

    function follow(index) {
      const target = targets[index];
      target.tabIndex = -1;
      target.onfocus = () => {
        targets.forEach((each) => { each.tabIndex = each === target ? 0 : -1; });
        if (target.select) target.select();
        if (point) point(index);
      };
      if (point && hover) cells[index].onmouseenter = () => point(index);
      target.onkeydown = (event) => {
        const to = neighbour(index, event, target);
        if (to === null) return;
        event.preventDefault();
        targets[to].focus();
      };
    }

    // Where an arrow key leads, at an edge nowhere; null for other keys, and for those that move
    // within a number that is being written.
    function neighbour(index, event, target) {
      const r = Math.floor(index / columns), c = index % columns;
      const steps = {
        ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
        Home: [0, -c], End: [0, columns - 1 - c],
      };
      const step = steps[event.key];
      if (!step || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return null;
      if (target.select && step[1] && isWithin(event.key, target)) return null;
      const i = r + step[0], j = c + step[1];
      return i < 0 || i >= rows || j < 0 || j >= columns ? index : i * columns + j;
    }

    // Whether there is something of the number left of the caret, or right of it.
    function isWithin(key, { selectionStart: start, selectionEnd: end, value }) {
      if (end - start === value.length) return false; // all is selected, as when it is reached
      return ["ArrowLeft", "Home"].includes(key) ? end > 0 : start < value.length;
    }

    const made = {
      element: make("div", { className: "grid", id: `grid-${name}` }, table),
      cells,
      values: [],
      set(values) {
        made.values = Array.from(values);
        made.values.forEach((value, index) => {
          const cell = cells[index];
          const target = targets[index];
          cell.dataset.value = value === null ? "" : String(value);
          if (target === cell) cell.textContent = show(value);
          else if (document.activeElement !== target) target.value = shortest(value);
        });
      },
      mark(index, kind) { cells[index].classList.add(kind); },
      clear() { cells.forEach((cell) => cell.classList.remove("on", "from", "also")); },
    };
    grids[name] = made;
    return made;
  }

  // Buttons back and forward and a slider, put into an element: show(k) is called for each step k
  // from 0 to count() - 1. Returns at(), go(k) and refresh(), which shows the same step again.
  function stepper(element, { label = "Steps", count, show }) {
    let at = 0;
    const back = make("button", { type: "button" }, "\u25C0 Back");
    const forward = make("button", { type: "button" }, "Forward \u25B6");
    const slider = make("input", { type: "range", min: 0, step: 1 });
    const where = make("output");
    slider.setAttribute("aria-label", label);
    element.classList.add("stepper");
    element.setAttribute("role", "group");
    element.setAttribute("aria-label", label);
    element.replaceChildren(back, forward, slider, where);

    function go(k) {
      const last = count() - 1;
      at = Math.max(0, Math.min(last, k));
      slider.max = last;
      slider.value = at;
      slider.setAttribute("aria-valuetext", `step ${at + 1} of ${last + 1}`);
      back.setAttribute("aria-disabled", String(at === 0));
      forward.setAttribute("aria-disabled", String(at === last));
      where.textContent = `${at + 1} of ${last + 1}`;
      show(at);
    }

    const step = (by) => () => { if (at + by >= 0 && at + by < count()) go(at + by); };
    back.onclick = step(-1);
    forward.onclick = step(1);
    slider.oninput = () => go(Number(slider.value));
    return { go, at: () => at, refresh: () => go(at) };
  }

  // A walk through the numbers of several arrays, chosen in a <select> whose options are their names:
  // show(what, index) is called for each. Returns to(what, index), for a number that is pointed at,
  // and refresh().
  function walk(select, element, { count, show }) {
    const steps = stepper(element, {
      label: "Numbers one after the other",
      count: () => count(select.value),
      show: (index) => {
        clear();
        light(select.value);
        show(select.value, index);
      },
    });
    select.onchange = () => steps.go(0);
    return {
      refresh: steps.refresh,
      to(what, index) {
        select.value = what;
        steps.go(index);
      },
    };
  }

  // Write into the line that explains (#why), which is read aloud when it changes. Texts in arrays
  // are bold.
  function say(...parts) {
    const nodes = parts.map((part) => (Array.isArray(part) ? make("b", {}, ...part) : part));
    document.getElementById("why").replaceChildren(...nodes);
  }

  // Light the lines of code that belong to what is shown: <code data-of="dx dkernel">.
  function light(what) {
    for (const line of document.querySelectorAll("pre code"))
      line.classList.toggle("lit", (line.dataset.of || "").split(" ").includes(what));
  }

  function clear() {
    Object.values(grids).forEach((each) => each.clear());
  }

  // All numbers on the page, whole: { name: [ ... ] }. The tests read them.
  function numbers() {
    return Object.fromEntries(Object.entries(grids).map(([name, each]) => [name, each.values]));
  }

  // The other pages, at the end of this one.
  function links() {
    const here = location.pathname.split("/").pop();
    const items = Object.entries(PAGES).map(([file, title]) => {
      const link = make("a", { href: `${file}.html` }, title);
      if (here === `${file}.html`) link.setAttribute("aria-current", "page");
      return make("li", {}, link);
    });
    const nav = make("nav", {}, make("ul", {}, ...items));
    nav.setAttribute("aria-label", "All pages");
    document.body.append(nav);
  }

  document.addEventListener("DOMContentLoaded", links);
  return { clear, format, grid, grids, light, make, number, numbers, say, shortest, stepper, sum,
    term, walk };
})();
