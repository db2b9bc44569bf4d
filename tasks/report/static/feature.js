"use strict";

/* A feature's page: its plots, and its top patch under the group element that the pointer or the slider selects. */
(() => {
  const source = document.getElementById("feature-data");
  document.addEventListener("keydown", (event) => {
    if (event.target !== document.body || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
    if (link) document.querySelector(`a[rel=${link}]`)?.click();
  });
  if (!source) return;

  const { html, angle, elementName, profilePlot, harmonics, norms } = Kaleidoscope;
  const data = JSON.parse(source.textContent);
  const n = data.rotations;
  const plot = profilePlot(data.profile, data, data.floor);
  document.getElementById("polar").append(plot);
  if (data.harmonics) document.getElementById("harmonics").append(harmonics(data.harmonics, data.order));
  document.getElementById("norms").append(norms(data.norms, data));

  const slider = document.getElementById("element");
  const picture = document.getElementById("turned");
  const cursor = plot.querySelector(".cursor");
  const marks = [...plot.querySelectorAll(".point")];
  const places = marks.map((mark) => {
    const box = mark.getBBox();
    return [box.x + box.width / 2, box.y + box.height / 2];
  });

  function show(g) {
    const name = elementName(g, data, data.profile.length);
    slider.value = g;
    slider.setAttribute("aria-valuetext", name);
    document.getElementById("element-name").textContent = name;
    document.getElementById("element-cosine").textContent = data.profile[g].toFixed(3).replace("-", "−");
    document.getElementById("element-norm").textContent = data.norms[g].toPrecision(3);
    // the rightmost transform acts first, and the page's angles run clockwise
    if (picture) picture.style.transform = `rotate(${-angle(g, n)}deg)${g >= n ? " scaleX(-1)" : ""}`;
    cursor.setAttribute("cx", places[g][0]);
    cursor.setAttribute("cy", places[g][1]);
  }

  function nearest(event) {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(plot.getScreenCTM().inverse());
    const distances = places.map(([x, y]) => Math.hypot(x - at.x, y - at.y));
    return distances.indexOf(Math.min(...distances));
  }
  // a browser also reports a resting pointer after each change of the page, which must not override the slider
  plot.addEventListener("pointermove", (event) => (event.movementX || event.movementY) && show(nearest(event)));
  plot.addEventListener("pointerdown", (event) => show(nearest(event)));
  slider.addEventListener("input", () => show(Number(slider.value)));
  show(0);

  const details = document.getElementById("numbers");
  details.addEventListener("toggle", () => {
    const body = details.querySelector("tbody");
    if (body.rows.length) return;
    data.profile.forEach((cosine, g) => body.append(html("tr", {},
      html("td", {}, String(g)), html("td", { class: "text" }, elementName(g, data, data.profile.length)),
      html("td", {}, cosine.toFixed(3)), html("td", {}, data.norms[g].toPrecision(4)))));
  });
})();
