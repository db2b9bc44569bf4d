"use strict";

/* The gallery: filters, sorts and pages the features of `GALLERY`. The address holds the choice, so it can be shared. */
(() => {
  const { html, decodeProfile, miniPolar } = Kaleidoscope;
  const { panel, patches, number, share, glyph } = Comparison;
  const PER_PAGE = 60;
  const DENSITIES = [0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3];
  const DEFAULTS = { dictionary: "", types: "", stabiliser: "", stimulus: "", density: "0", confidence: "0", search: "", sort: "confidence", order: "down", view: "cards", page: "1", compare: "" };
  const SORTS = { feature: "up", confidence: "down", density: "down", max: "down", invariance: "down", mirror: "down", order: "up" };

  const columns = GALLERY.columns;
  const rows = columns.feature.map((feature, i) => {
    const row = {};
    for (const name of ["patches", "feature", "density", "max", "confidence", "order", "invariance", "mirror", "profile", "families"]) row[name] = columns[name][i];
    row.dictionary = GALLERY.dictionaries[columns.dictionary_id[i]];
    row.type = GALLERY.types[columns.type[i]];
    row.stabiliser = columns.stabiliser[i] === null ? null : GALLERY.stabilisers[columns.stabiliser[i]];
    row.stimulus = columns.stimulus_type[i] === null ? null : GALLERY.stimuli[columns.stimulus_type[i]];
    row.page = `${row.dictionary.short}-${feature}`;
    return row;
  });
  const byPage = new Map(rows.map((row) => [row.page, row]));

  const control = (name) => document.getElementById(name);
  const results = control("results");
  let state;

  function readAddress() {
    const given = new URLSearchParams(location.hash.slice(1));
    state = { ...DEFAULTS };
    for (const name of Object.keys(DEFAULTS)) if (given.has(name)) state[name] = given.get(name);
    if (!(state.sort in SORTS)) state.sort = DEFAULTS.sort;
  }

  function writeAddress() {
    const changed = Object.entries(state).filter(([name, value]) => value !== DEFAULTS[name]);
    const hash = new URLSearchParams(changed).toString();
    history.replaceState(null, "", `${location.pathname}${hash ? `#${hash}` : ""}`);
  }

  /* Rows in the chosen order; sorted once for each choice, because filters keep the order. */
  let sorted = { rows: [] };
  function inOrder() {
    const { sort: key, order } = state;
    if (sorted.key !== key || sorted.order !== order) {
      const sign = order === "up" ? 1 : -1;
      const before = (a, b) => {
        if (a[key] === null || b[key] === null) return (a[key] === null) - (b[key] === null) || a.feature - b.feature;
        return sign * (a[key] - b[key]) || a.feature - b.feature;
      };
      sorted = { key, order, rows: [...rows].sort(before) };
    }
    return sorted.rows;
  }

  /* Words are compared with the few types, stimuli, stabilisers and dictionaries, not with each of thousands of features. */
  const KINDS = [...GALLERY.types, ...GALLERY.stabilisers, ...GALLERY.dictionaries];
  for (const kind of KINDS) kind.text = [kind.name, kind.label, kind.label.replaceAll(",", "")].join(" · ").toLowerCase();
  function saying(test) {
    const kinds = new Set(KINDS.filter((kind) => test(kind.text)));
    const stimuli = new Set(GALLERY.stimuli.filter(test));
    return (row) => kinds.has(row.type) || kinds.has(row.dictionary) || kinds.has(row.stabiliser) || stimuli.has(row.stimulus);
  }

  /* Whether a phrase that ends in a number is in a text, not followed by another digit. */
  function hasPhrase(text, phrase) {
    for (let at = text.indexOf(phrase); at >= 0; at = text.indexOf(phrase, at + 1)) {
      if (!/\d/.test(text.charAt(at + phrase.length))) return true;
    }
    return false;
  }

  /* All words must be found. A number alone is the start of a feature's number; after a word, as in "family 3", it belongs to that word. */
  function searchOf(query) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const isNumber = (word) => /^\d+$/.test(word ?? "x");
    const tests = words.map((word, i) => {
      const before = words[i - 1];
      if (isNumber(word) && isNumber(before ?? "0")) return (row) => String(row.feature).startsWith(word);
      if (isNumber(word)) {
        const says = saying((text) => hasPhrase(text, `${before} ${word}`));
        return (row) => row.feature === Number(word) || says(row) || (before === "family" && row.families.includes(Number(word)));
      }
      const says = saying((text) => text.includes(word));
      return (row) => says(row) || (word === "family" && row.families.length > 0) || (word.includes("-") && row.page.startsWith(word));
    });
    return (row) => tests.every((test) => test(row));
  }

  function matching() {
    const types = state.types ? state.types.split(",") : null;
    const density = DENSITIES[Number(state.density)] ?? 0;
    const confidence = Number(state.confidence) || 0;
    const found = searchOf(state.search);
    return inOrder().filter((row) =>
      (!state.dictionary || row.dictionary.short === state.dictionary) &&
      (!types || types.includes(row.type.name)) &&
      (!state.stabiliser || row.stabiliser?.name === state.stabiliser) &&
      (!state.stimulus || row.stimulus === state.stimulus) &&
      row.density >= density &&
      (confidence === 0 || (row.confidence !== null && row.confidence >= confidence)) &&
      found(row));
  }

  const compared = () => state.compare.split(",").filter((page) => byPage.has(page)).slice(-2);
  const link = (row) => `features/${row.page}.html`;
  const kind = (row) => html("span", { class: "type" }, glyph(row), row.type.name === "none" && row.stimulus ? row.stimulus : row.type.label);
  const profile = (row) => (row.profile === null ? null : miniPolar(decodeProfile(row.profile), row.dictionary.rotations, GALLERY.floor));

  /* Two features at most are compared; a third takes the place of the first. */
  function compareButton(row) {
    const chosen = compared().includes(row.page);
    const button = html("button", { type: "button", class: "compare", "data-compare": row.page, "aria-pressed": String(chosen), "aria-label": `Compare feature ${row.feature} of ${row.dictionary.name}` }, "Compare");
    button.addEventListener("click", () => {
      const others = compared().filter((page) => page !== row.page);
      change({ compare: (chosen ? others : [...others, row.page]).slice(-2).join(","), page: state.page });
      results.querySelector(`[data-compare="${row.page}"]`)?.focus({ preventScroll: true });
    });
    return button;
  }

  function card(row) {
    return html("li", { "data-feature": row.feature, "data-type": row.type.name },
      html("a", { class: `card ${row.type.class}`, href: link(row) },
        html("span", { class: "card-head" }, html("b", {}, String(row.feature)), kind(row)),
        html("span", { class: "card-body" }, html("span", { class: "patches" }, ...patches(row, 4)), profile(row)),
        html("span", { class: "card-foot" }, row.confidence === null ? null : html("span", {}, `confidence ${number(row.confidence)}`), html("span", {}, `density ${share(row.density)}`)),
        html("span", { class: "card-foot of", title: row.dictionary.label }, row.dictionary.name)),
      compareButton(row));
  }

  function tableRow(row) {
    return html("tr", { "data-feature": row.feature, "data-type": row.type.name, class: row.type.class },
      html("th", { scope: "row", class: "text" }, html("a", { href: link(row) }, String(row.feature)), html("small", { class: "of", title: row.dictionary.label }, row.dictionary.name)),
      html("td", {}, compareButton(row)),
      html("td", { class: "text" }, html("span", { class: "patches" }, ...patches(row, 4))),
      html("td", { class: "text" }, profile(row)),
      html("td", { class: "text" }, kind(row)),
      html("td", {}, number(row.confidence)),
      html("td", {}, row.order === null ? "–" : String(row.order)),
      html("td", {}, number(row.invariance)),
      html("td", {}, number(row.mirror)),
      html("td", { class: "text" }, row.stabiliser ? row.stabiliser.label : "–"),
      html("td", {}, share(row.density)),
      html("td", {}, number(row.max, 1)));
  }

  const HEADINGS = [["Feature", "feature", "text"], ["Compare"], ["Top patches"], ["Profile"], ["Type"], ["Confidence", "confidence"], ["Order", "order"],
    ["Invariance", "invariance"], ["Mirror", "mirror"], ["Stabiliser"], ["Density", "density"], ["Max.", "max"]];

  function table(page) {
    const heads = HEADINGS.map(([label, key, side]) => {
      if (!key) return html("th", { scope: "col", class: "text" }, label);
      const sorted = state.sort === key;
      const button = html("button", { type: "button", "data-sort": key }, label, html("span", { class: "arrow", "aria-hidden": "true" }, sorted ? (state.order === "up" ? "▲" : "▼") : ""));
      button.addEventListener("click", () => {
        change({ sort: key, order: sorted ? (state.order === "up" ? "down" : "up") : SORTS[key] });
        results.querySelector(`[data-sort=${key}]`).focus();
      });
      return html("th", { scope: "col", class: side, "aria-sort": sorted ? (state.order === "up" ? "ascending" : "descending") : "none" }, button);
    });
    return html("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of features" },
      html("table", { class: "features" }, html("thead", {}, html("tr", {}, ...heads)), html("tbody", {}, ...page.map(tableRow))));
  }

  function pager(pages, current) {
    const button = (label, page, name) => {
      const node = html("button", { type: "button", disabled: page < 1 || page > pages, "aria-label": name }, label);
      node.addEventListener("click", () => {
        change({ page: String(page) });
        results.scrollIntoView({ block: "start" });
        results.focus({ preventScroll: true });
      });
      return node;
    };
    return [button("«", current > 1 ? 1 : 0, "First page"), button("‹ Previous", current - 1, "Previous page"), html("span", {}, `Page ${current} of ${pages}`),
      button("Next ›", current + 1, "Next page"), button("»", current < pages ? pages : pages + 1, "Last page")];
  }

  function draw() {
    const found = matching();
    const pages = Math.max(1, Math.ceil(found.length / PER_PAGE));
    const current = Math.min(Math.max(1, Number.parseInt(state.page, 10) || 1), pages);
    const page = found.slice((current - 1) * PER_PAGE, current * PER_PAGE);
    control("count").textContent = found.length === rows.length ? `${rows.length.toLocaleString("en")} features` : `${found.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} features`;
    if (!found.length) results.replaceChildren(html("p", { class: "empty" }, "No feature matches. Loosen a filter, or reset all filters."));
    else if (state.view === "table") results.replaceChildren(table(page));
    else results.replaceChildren(html("ul", { class: "cards" }, ...page.map(card)));
    const pair = compared().map((page) => byPage.get(page));
    control("compare").hidden = !pair.length;
    control("compare").replaceChildren(...(pair.length ? panel(pair, () => change({ compare: "", page: state.page })) : []));
    control("pager").replaceChildren(...(pages > 1 ? pager(pages, current) : []));
    showControls();
  }

  function showControls() {
    for (const name of ["dictionary", "stabiliser", "density", "confidence", "sort"]) control(name).value = state[name];
    if (control("stimulus")) control("stimulus").value = state.stimulus;
    if (control("search").value !== state.search) control("search").value = state.search;
    control("density-value").textContent = DENSITIES[Number(state.density)] ? `≥ ${share(DENSITIES[Number(state.density)])}` : "any";
    control("confidence-value").textContent = Number(state.confidence) ? `≥ ${Number(state.confidence).toFixed(2)}` : "any";
    control("order").textContent = state.order === "up" ? "↑" : "↓";
    const types = state.types ? state.types.split(",") : [];
    document.querySelectorAll("[data-filter-type]").forEach((chip) => chip.setAttribute("aria-pressed", types.includes(chip.dataset.filterType)));
    document.querySelectorAll("[data-view]").forEach((button) => button.setAttribute("aria-pressed", button.dataset.view === state.view));
  }

  function change(changes) {
    state = { ...state, page: "1", ...changes };
    writeAddress();
    draw();
  }

  for (const name of ["dictionary", "stabiliser", "density", "confidence", "search", "stimulus"]) control(name)?.addEventListener("input", (event) => change({ [name]: event.target.value }));
  control("sort").addEventListener("input", (event) => change({ sort: event.target.value, order: SORTS[event.target.value] }));
  control("order").addEventListener("click", () => change({ order: state.order === "up" ? "down" : "up" }));
  control("reset").addEventListener("click", () => change({ ...DEFAULTS, view: state.view, compare: state.compare }));
  document.querySelectorAll("[data-view]").forEach((button) => button.addEventListener("click", () => change({ view: button.dataset.view, page: state.page })));
  document.querySelectorAll("[data-filter-type]").forEach((chip) => chip.addEventListener("click", () => {
    const types = new Set(state.types ? state.types.split(",") : []);
    if (!types.delete(chip.dataset.filterType)) types.add(chip.dataset.filterType);
    change({ types: [...types].join(",") });
  }));
  window.addEventListener("hashchange", () => { readAddress(); draw(); });

  readAddress();
  draw();
})();
