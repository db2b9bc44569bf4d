"use strict";

/* The plots of a feature's details, and the page's numbers as a file. */
(() => {
  const { html, svg, fixed, chart, ticksUpTo } = Kaleidoscope;
  const data = JSON.parse(document.getElementById("details-data").textContent);
  const signed = (value, digits = 2) => value.toFixed(digits).replace("-", "−");
  const percent = (share) => `${+(100 * share).toPrecision(2)} %`;

  /* Bars of equal width on a logarithmic axis, with a label at every power of two. */
  function histogram(bins) {
    const position = (bin) => Math.round(4 * Math.log2(bin.upper ?? bin.lower * 2 ** 0.25)) - 1;
    const first = position(bins[0]);
    const count = position(bins[bins.length - 1]) - first + 1;
    const rows = bins.reduce((sum, bin) => sum + bin.rows, 0);
    const top = Math.max(...bins.map((bin) => bin.rows));
    const range = (bin) => `${+bin.lower.toPrecision(3)} to ${bin.upper === null ? "any" : +bin.upper.toPrecision(3)}`;
    const mode = bins.find((bin) => bin.rows === top);
    const label = `Histogram of ${rows} activations from ${range(bins[0])} to ${range(bins[bins.length - 1])}; most, ${top} rows, from ${range(mode)}`;
    const { root, box, y } = chart(label, top, ticksUpTo(top).filter((tick) => Number.isInteger(tick)), (tick) => tick.toLocaleString("en"), 480, 260, ["activation, logarithmic", "rows"]);
    const slot = (box.right - box.left) / count;
    for (const bin of bins) {
      const left = box.left + slot * (position(bin) - first);
      root.append(svg("rect", { class: "bar", x: fixed(left + slot * 0.06), y: y(bin.rows), width: fixed(slot * 0.88), height: fixed(Math.max(box.bottom - y(bin.rows), 0.8)), rx: 1.5 },
        svg("title", {}, `${range(bin)}: ${bin.rows} ${bin.rows === 1 ? "row" : "rows"}`)));
    }
    const octaves = [];
    for (let octave = Math.ceil(first / 4); 4 * octave <= first + count; octave += 1) octaves.push(octave);
    const every = Math.ceil(octaves.length / 6);
    octaves.filter((_, i) => i % every === 0).forEach((octave) => {
      const x = fixed(box.left + slot * (4 * octave - first));
      root.append(svg("line", { class: "axis", x1: x, x2: x, y1: box.bottom, y2: box.bottom + 5 }),
        svg("text", { x, y: box.bottom + 20, "text-anchor": "middle" }, String(+(2 ** octave).toPrecision(2))));
    });
    return root;
  }

  /* A list of named values, each with a bar from zero. */
  function bars(entries) {
    const least = Math.min(0, ...entries.map((entry) => entry.value));
    const most = Math.max(0, ...entries.map((entry) => entry.value));
    const at = (value) => (100 * (value - least)) / (most - least || 1);
    return html("ol", { class: "rows-of-bars", style: `--zero: ${fixed(at(0))}%` }, ...entries.map(({ name, value, text, note }) => html("li", {},
      html("span", {}, name),
      html("span", { class: "axis", "aria-hidden": "true" },
        html("span", { class: value < 0 ? "negative" : "positive", style: `left: ${fixed(Math.min(at(value), at(0)))}%; width: ${fixed(Math.abs(at(value) - at(0)))}%` })),
      html("span", { class: "number" }, text, " ", html("small", {}, note)))));
  }

  function matches(body) {
    for (const match of data.matches) {
      const name = match.differs_in_seed_alone ? [match.dictionary_label, " ", html("small", {}, "another seed of this one")] : [match.dictionary_label];
      const feature = match.page ? html("a", { href: match.page }, String(match.feature)) : String(match.feature);
      const mutual = match.mutual === null ? "unknown" : match.mutual ? "yes" : "no";
      body.append(html("tr", {}, html("td", { class: "text" }, ...name), html("td", { "data-label": "feature" }, feature), html("td", { "data-label": "cosine" }, signed(match.cosine)), html("td", { class: "text", "data-label": "mutual" }, mutual)));
    }
  }

  const place = (id, draw) => document.getElementById(id)?.append(draw());
  place("histogram", () => histogram(data.histogram));
  place("neurons", () => bars(data.neurons.map(({ neuron, weight, share }) => ({ name: `neuron ${neuron}`, value: weight, text: signed(weight, 3), note: percent(share) }))));
  place("effects", () => bars(data.logit_effects.map(({ class_name, change, std_error }) => ({
    name: class_name, value: change, text: signed(change), note: std_error === null ? "" : `± ${std_error.toFixed(2)}` }))));
  const body = document.querySelector("#matches tbody");
  if (body) matches(body);

  const button = document.getElementById("as-json");
  button.hidden = false;
  button.addEventListener("click", () => {
    const more = document.getElementById("feature-data");
    const whole = more ? { ...data, symmetry: JSON.parse(more.textContent) } : data;
    const link = html("a", { download: `${data.dictionary_id.slice(0, 12)}-${data.feature}.json`,
      href: URL.createObjectURL(new Blob([JSON.stringify(whole, null, 1)], { type: "application/json" })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
})();
