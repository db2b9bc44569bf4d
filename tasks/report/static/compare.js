"use strict";

/* Two features of the gallery side by side: their profiles, top examples and numbers. */
const Comparison = (() => {
  const { html, decodeProfile, profilePlot } = Kaleidoscope;

  const number = (value, digits = 2) => (value === null ? "–" : value.toFixed(digits).replace("-", "−"));
  const share = (value) => `${+(100 * value).toPrecision(2)} %`;
  const glyph = (row) => html("i", { class: `glyph ${row.type.class}`, "aria-hidden": "true" });

  /* A patch of a sheet, in which a feature's patches lie side by side. */
  const patch = (row, place) => html("img", { class: "cell", src: `patches/${row.page}.webp`, alt: `feature ${row.feature}, patch ${place + 1}`, loading: "lazy", decoding: "async",
    width: 64, height: 64, style: place ? `--at: ${+((100 * place) / (row.patches - 1)).toPrecision(5)}%` : null });
  const patches = (row, count) => Array.from({ length: Math.min(row.patches, count) }, (_, place) => patch(row, place));

  const NUMBERS = [
    ["Dictionary", (row) => row.dictionary.label],
    ["Symmetry", (row) => row.type.label],
    ["Confidence", (row) => number(row.confidence)],
    ["Stabiliser", (row) => row.stabiliser?.label ?? "–"],
    ["Rotational order", (row) => row.order ?? "–"],
    ["Invariance", (row) => number(row.invariance)],
    ["Mirror score", (row) => number(row.mirror)],
    ["Stimulus type", (row) => row.stimulus ?? "–"],
    ["Family", (row) => row.families.join(", ") || "none"],
    ["Density", (row) => share(row.density)],
    ["Largest activation", (row) => number(row.max, 1)],
  ];

  function profile(row) {
    if (row.profile === null) return html("p", { class: "note" }, "Its dictionary has one block for each feature, and so no profile.");
    const plot = profilePlot(decodeProfile(row.profile), row.dictionary, GALLERY.floor);
    plot.querySelector(".cursor").remove();
    plot.setAttribute("aria-label", `Profile of feature ${row.feature}: cosine between its block at the identity and its block at each transform`);
    return html("div", { class: row.type.class }, plot);
  }

  function column(row) {
    return html("article", { "data-compared": row.page },
      html("h2", {}, html("a", { href: `features/${row.page}.html` }, `Feature ${row.feature}`), " ", html("small", {}, glyph(row), row.type.label)),
      html("div", { class: "patches" }, ...patches(row, row.patches)), profile(row));
  }

  /* rows: one or two of the gallery. */
  function panel(rows, clear) {
    const button = html("button", { type: "button", class: "quiet" }, "Clear");
    button.addEventListener("click", clear);
    if (rows.length < 2) {
      return [html("p", {}, `Feature ${rows[0].feature} of ${rows[0].dictionary.name} is chosen. Choose another one with its “Compare” to see both side by side. `, button)];
    }
    const numbers = NUMBERS.map(([label, value]) => html("tr", {}, html("th", { scope: "row", class: "text" }, label), ...rows.map((row) => html("td", { class: "text" }, String(value(row))))));
    return [
      html("div", { class: "pair" }, ...rows.map(column)),
      html("table", {}, html("thead", {}, html("tr", {}, html("th", { scope: "col", class: "text" }, "Measured"), ...rows.map((row) => html("th", { scope: "col", class: "text" }, `Feature ${row.feature}`)))),
        html("tbody", {}, ...numbers)), button];
  }

  return { panel, patches, number, share, glyph };
})();
