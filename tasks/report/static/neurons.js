"use strict";

/* Mixed neurons: filter by layer. */
(() => {
  const neurons = [...document.querySelectorAll("[data-layer]")];
  const chips = [...document.querySelectorAll("[data-filter-layer]")];

  function show(layer) {
    chips.forEach((chip) => chip.setAttribute("aria-pressed", chip.dataset.filterLayer === layer));
    neurons.forEach((neuron) => { neuron.hidden = layer !== "" && neuron.dataset.layer !== layer; });
    const shown = neurons.filter((neuron) => !neuron.hidden).length;
    document.getElementById("count").textContent = shown === neurons.length ? `${shown} neurons` : `${shown} of ${neurons.length} neurons`;
  }
  chips.forEach((chip) => chip.addEventListener("click", () => {
    const layer = chip.getAttribute("aria-pressed") === "true" ? "" : chip.dataset.filterLayer;
    history.replaceState(null, "", layer ? `#layer=${encodeURIComponent(layer)}` : location.pathname);
    show(layer);
  }));
  const given = new URLSearchParams(location.hash.slice(1)).get("layer");
  if (chips.some((chip) => chip.dataset.filterLayer === given)) show(given);
})();
