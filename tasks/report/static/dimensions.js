"use strict";

/* Tuning dimensions: tuning curves, charts against the number of dimensions, harmonics; choice of method. */
(() => {
  const { html, svg, fitted, fixed, ring, onCircle, line, chart, degrees } = Kaleidoscope;

  const band = (high, low) => ring([...high, ...[...low].reverse()]);
  const percent = (value) => `${+(100 * value).toPrecision(3)} %`;

  /* The score along a parameter: its mean, and a band of its standard deviation over all other parameters. */
  function along(numbers) {
    const { parameter, period, values, means, stds, preferred, unit } = numbers;
    const low = Math.min(0, ...means.map((mean, i) => mean - stds[i]));
    const high = Math.max(0, ...means.map((mean, i) => mean + stds[i]));
    const share = (score) => (score - low) / (high - low || 1);
    const ends = [-1, 0, 1].map((sign) => means.map((mean, i) => mean + sign * stds[i]));
    const said = values.map((value, i) => `${period ? degrees(value) : value}: ${means[i].toFixed(2)}`).join(", ").replaceAll("-", "−");
    const label = svg("title", {}, `score along ${parameter}${period ? "" : `, ${unit}`}: ${said}`);
    if (!period) return straight(numbers, share, ends, label);

    /* A parameter that repeats within a full turn is drawn once for each repetition. */
    const turns = Array.from({ length: 360 / period }, (_, k) => k * period);
    const points = (scores) => turns.flatMap((turn) => scores.map((score, i) => onCircle(values[i] + turn, 30 * share(score))));
    const [bottom, middle, top] = ends.map(points);
    return fitted(svg("svg", { class: "polar mini", viewBox: "-33 -33 66 66", role: "img", style: preferred === null ? null : `--hue: ${Math.round((preferred * 360) / period)}` },
      label, svg("circle", { class: "rim", r: 30 }), svg("path", { class: "spoke", d: "M-30 0H30M0 -30V30" }), svg("circle", { class: "zero", r: fixed(30 * share(0)) }),
      svg("path", { class: "spread", "fill-rule": "evenodd", d: ring(top) + ring(bottom) }), svg("path", { class: "mean", d: ring(middle) })));
  }

  function straight({ logarithmic, values }, share, ends, label) {
    const places = values.map((value) => (logarithmic ? Math.log2(value) : value));
    const [first, last] = [places[0], places[places.length - 1]];
    const points = (scores) => scores.map((score, i) => [4 + (58 * (places[i] - first)) / (last - first || 1), 48 - 40 * share(score)]);
    const [bottom, middle, top] = ends.map(points);
    const zero = fixed(48 - 40 * share(0));
    return fitted(svg("svg", { class: "polar mini", viewBox: "0 0 66 66", role: "img" },
      label, svg("line", { class: "zero", x1: 4, x2: 62, y1: zero, y2: zero }),
      svg("path", { class: "spread", d: band(top, bottom) }), svg("path", { class: "mean", d: line(middle) }),
      svg("text", { x: 4, y: 59 }, String(+values[0].toPrecision(2))), svg("text", { x: 62, y: 59, "text-anchor": "end" }, String(+values[values.length - 1].toPrecision(2)))));
  }

  /* Shares against the number of first dimensions, on a logarithmic axis from 0. */
  function lines(all, label, title) {
    const most = Math.max(...all.flatMap(({ points }) => points.map(([k]) => k)));
    const ends = all.map(({ name, dashed, points: [...points] }) => [name, dashed, points.pop()]).map(([name, dashed, [k, value]]) => `${name}, ${k} ${dashed ? "removed" : "kept"}: ${percent(value)}`).join("; ");
    const { root, box, y } = chart(`${label}. ${ends}`, 1, [0, 0.25, 0.5, 0.75, 1], percent, 330, 280, ["number of first dimensions, logarithmic", title]);
    const x = (k) => fixed(box.left + 6 + ((box.right - box.left - 12) * Math.log2(1 + k)) / Math.log2(1 + most));
    for (const k of [0, 1, 2, 4, 8, 16, 32, 64, 128, 256].filter((each) => each <= most)) {
      root.append(svg("text", { x: x(k), y: box.bottom + 18, "text-anchor": "middle" }, String(k)));
    }
    for (const { name, class: css, dashed, points } of [...all].reverse()) {
      const at = points.map(([k, value]) => [x(k), y(value)]);
      root.append(svg("g", { class: `line ${css}${dashed ? " dashed" : ""}` }, svg("path", { d: line(at) }),
        ...at.map(([px, py], i) => svg("circle", { cx: px, cy: py, r: points.length > 12 ? 2.2 : 3 },
          svg("title", {}, `${name}, ${points[i][0]} dimensions${dashed ? " removed" : ""}: ${percent(points[i][1])}${points[i].length > 2 ? `, 95 % interval ${percent(points[i][2])} to ${percent(points[i][3])}` : ""}`)))));
    }
    return root;
  }

  /* A bar for each dimension, of its shares in the group's irreps. */
  function irreps(shares, names, classes) {
    const { root, box, y } = chart(`Shares of ${names.join(", ")} in the variance of ${shares.length} dimensions`, 1, [0, 0.25, 0.5, 0.75, 1], percent, 640, 230, ["dimension", "share of its variance"]);
    const slot = (box.right - box.left) / shares.length;
    const every = Math.ceil((26 * shares.length) / (box.right - box.left));
    shares.forEach((bar, dimension) => {
      let below = 0;
      const left = box.left + slot * dimension;
      bar.forEach((share, i) => {
        root.append(svg("rect", { class: `irrep ${classes[i]}`, x: fixed(left + slot * 0.12), width: fixed(slot * 0.76), y: y(below + share), height: fixed(y(below) - y(below + share)) },
          svg("title", {}, `dimension ${dimension}, ${names[i]}: ${percent(share)}`)));
        below += share;
      });
      if (dimension % every === 0) root.append(svg("text", { x: fixed(left + slot / 2), y: box.bottom + 18, "text-anchor": "middle" }, String(dimension)));
    });
    return [root, html("p", { class: "legend" }, ...names.map((name, i) => html("span", { class: `key square ${classes[i]}` }, name)))];
  }

  document.querySelectorAll("[data-along]").forEach((place) => place.append(along(JSON.parse(place.dataset.along))));
  document.querySelectorAll("[data-lines]").forEach((place) => place.append(lines(JSON.parse(place.dataset.lines), place.dataset.label, place.dataset.title)));
  document.querySelectorAll("[data-irreps]").forEach((place) => place.append(...irreps(JSON.parse(place.dataset.irreps), place.dataset.names.split(" "), place.dataset.classes.split(" "))));

  function show(id) {
    const section = document.getElementById(id).closest("section");
    section.querySelectorAll(".dimension-method").forEach((each) => { each.hidden = each.id !== id; });
    section.querySelectorAll("[data-method]").forEach((each) => each.setAttribute("aria-pressed", each.dataset.method === id));
  }
  document.querySelectorAll("[data-method]").forEach((button) => button.addEventListener("click", () => show(button.dataset.method)));

  /* An address with a strip's id shows that strip and its method. */
  function showGiven() {
    const given = document.getElementById(location.hash.slice(1));
    const method = given?.closest(".dimension-method");
    if (!method) return;
    show(method.id);
    const details = given.closest("details");
    if (details) details.open = true;
    given.scrollIntoView({ block: "center" });
  }
  window.addEventListener("hashchange", showGiven);
  showGiven();
})();
