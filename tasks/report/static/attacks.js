"use strict";

/* Attack experiments: charts of scores against ε or the share of perturbed images; choice of attack and ε. */
(() => {
  const { html, svg, fixed, line, ring, chart } = Kaleidoscope;

  const band = (high, low) => ring([...high, ...[...low].reverse()]);
  const percent = (share) => `${+(100 * share).toPrecision(3)} %`;

  /* Lines of points [ε or share, score, low, high, 1 if there is evidence]; ε on a log2 axis, shares from 0 to 1. */
  function effect({ along, clean, random, lines }, label) {
    const shares = along === "fraction";
    const ends = lines.map(({ name, points }) => `${name} ${points[points.length - 1][1].toFixed(2)}`).join(", ");
    const { root, box, y } = chart(`${label}. Clean ${clean.toFixed(2)}; at the largest: ${ends}`, 1, [0, 0.25, 0.5, 0.75, 1], String,
      400, 290, [shares ? "share of perturbed images" : "ε, steps of 1/255, logarithmic", "TCAV score"]);
    const found = [...new Set(lines.flatMap(({ points }) => points.map(([where]) => where)))].sort((a, b) => a - b);
    const place = shares ? (where) => where : Math.log2;
    const [first, last] = [place(found[0]), place(found[found.length - 1])];
    const x = (where) => fixed(last > first ? box.left + 10 + ((box.right - box.left - 24) * (place(where) - first)) / (last - first) : (box.left + box.right) / 2);
    for (const where of found) root.append(svg("text", { x: x(where), y: box.bottom + 18, "text-anchor": "middle" }, shares ? percent(where) : String(where)));
    root.append(
      svg("rect", { class: "by-chance", x: box.left, width: box.right - box.left, y: y(random[1]), height: fixed(y(random[0]) - y(random[1])) },
        svg("title", {}, `random CAVs: ${random.map((score) => score.toFixed(2)).join(" to ")}`)),
      svg("line", { class: "clean", x1: box.left, x2: box.right, y1: y(clean), y2: y(clean) }, svg("title", {}, `clean: ${clean.toFixed(2)}`)));
    for (const { name, class: css, dashed, points } of lines) {
      const at = (column) => points.map((point) => [x(point[0]), y(point[column])]);
      root.append(svg("g", { class: `line effect ${css}${dashed ? " dashed" : ""}` },
        dashed ? null : svg("path", { class: "interval", d: band(at(3), at(2)) }), svg("path", { class: "mean", d: line(at(1)) }),
        ...points.map(([where, , low, high]) => svg("line", { class: "whisker", x1: x(where), x2: x(where), y1: y(low), y2: y(high) })),
        ...points.map(([where, score, low, high, evidence]) => svg("circle", { class: evidence ? "evidence" : "nothing", cx: x(where), cy: y(score), r: 4 },
          svg("title", {}, `${name}, ${shares ? percent(where) : `ε ${where}`}: ${score.toFixed(2)}, ${low.toFixed(2)} to ${high.toFixed(2)}${evidence ? "" : ", no evidence"}`)))));
    }
    return [root, html("p", { class: "legend" }, ...lines.map(({ name, class: css, dashed }) => html("span", { class: "key stroke" },
      svg("svg", { viewBox: "0 0 26 8", class: `sample chart ${css}`, "aria-hidden": "true" }, svg("g", { class: `line${dashed ? " dashed" : ""}` }, svg("path", { d: "M1 4H25" }))), name)))];
  }

  document.querySelectorAll("[data-effect]").forEach((place) => place.append(...effect(JSON.parse(place.dataset.effect), place.dataset.label)));

  document.querySelectorAll(".experiment").forEach((experiment) => {
    const chosen = {};
    experiment.querySelectorAll("[data-choose][aria-pressed='true']").forEach((button) => { chosen[button.dataset.choose] = button.value; });
    experiment.querySelectorAll("[data-choose]").forEach((button) => button.addEventListener("click", () => {
      chosen[button.dataset.choose] = button.value;
      experiment.querySelectorAll("[data-choose]").forEach((each) => each.setAttribute("aria-pressed", chosen[each.dataset.choose] === each.value));
      experiment.querySelectorAll("[data-epsilon]").forEach((each) => {
        each.hidden = each.dataset.epsilon !== chosen.epsilon || (each.dataset.attack ?? chosen.attack) !== chosen.attack;
      });
      experiment.querySelectorAll("[data-row]").forEach((row) => row.setAttribute("aria-current", row.dataset.row === chosen.attack));
      experiment.querySelector(".none").hidden = [...experiment.querySelectorAll(".exemplar-rows")].some((rows) => !rows.hidden);
    }));
  });
})();
