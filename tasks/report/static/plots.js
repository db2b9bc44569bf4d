"use strict";

/* Small SVG plots, drawn in the browser from the numbers in a page. */
const Kaleidoscope = (() => {
  const NAMESPACE = "http://www.w3.org/2000/svg";

  function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.filter((child) => child !== null));
    return node;
  }
  const html = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);
  const svg = (name, attributes = {}, ...children) => fill(document.createElementNS(NAMESPACE, name), attributes, children);

  /* Text in a plot keeps its size on the screen, however small the plot is: --unit is the length of a CSS pixel in the plot's units. */
  const sizes = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) if (contentRect.width) target.style.setProperty("--unit", target.viewBox.baseVal.width / contentRect.width);
  });
  function fitted(plot) {
    sizes.observe(plot);
    return plot;
  }

  const fixed = (value) => Math.round(value * 100) / 100;
  const degrees = (value) => `${+value.toFixed(2)}°`;
  const line = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${fixed(x)} ${fixed(y)}`).join("");
  const ring = (points) => `${line(points)}Z`;
  const diamond = ([x, y], r) => ring([[x, y - r], [x + r, y], [x, y + r], [x - r, y]]);

  /* Transforms are described by { rotations: n, kind: "hue" or "scale" or absent, scales: of an octave }.
     Element g < n is the rotation r^g, g >= n the reflection r^(g-n) s: first the mirror s, then the rotation. Of scales, element g
     enlarges by g steps, and the second half of the elements shrinks. */
  const angle = (g, n) => (360 * (g % n)) / n;
  const scaleStep = (g, order) => ((g + (order - 1) / 2) % order) - (order - 1) / 2;
  const scaleName = (octaves) => `${+(2 ** octaves).toPrecision(3)}×`;
  const elementName = (g, { rotations: n, kind, scales }, order) => {
    if (g === 0) return "identity";
    if (kind === "scale") return `scaled ${scaleName(scaleStep(g, order) / scales)}`;
    const [mirrored, turned] = kind === "hue" ? ["green and blue exchanged", "hue turned"] : ["mirrored", "rotated"];
    if (g === n) return kind === "hue" ? mirrored : "mirrored left–right";
    return g < n ? `${turned} ${degrees(angle(g, n))}` : `${mirrored}, then ${turned} ${degrees(angle(g, n))}`;
  };

  /* Cosines as bytes, -127 … 127, in base64. */
  function decodeProfile(text) {
    return Array.from(atob(text), (letter) => {
      const byte = letter.charCodeAt(0);
      return (byte > 127 ? byte - 256 : byte) / 127;
    });
  }

  /* Radius is linear in the cosine, from `floor` at the centre to 1 at the rim: negative cosines lie
     inside the circle that marks 0. */
  function polarPoints(profile, n, floor, radius) {
    return profile.map((cosine, g) => {
      const r = (radius * (cosine - floor)) / (1 - floor);
      const turn = (angle(g, n) * Math.PI) / 180;
      return [r * Math.cos(turn), -r * Math.sin(turn)];
    });
  }

  /* Points of a profile over scales, from the smallest scale on the left to the largest on the right. */
  function scalePoints(profile, floor, radius) {
    const last = (profile.length - 1) / 2;
    return profile.map((cosine, g) => [(radius * scaleStep(g, profile.length)) / last, radius - (2 * radius * (cosine - floor)) / (1 - floor)]);
  }
  const ascending = (points) => [...points].sort(([a], [b]) => a - b);

  function miniScales(profile, floor) {
    const points = scalePoints(profile, floor, 28);
    const zero = fixed(28 + (56 * floor) / (1 - floor));
    return svg("svg", { class: "polar mini", viewBox: "-33 -33 66 66", "aria-hidden": "true" },
      svg("line", { class: "zero", x1: -30, x2: 30, y1: zero, y2: zero }),
      svg("path", { class: "rotations open", d: line(ascending(points)) }),
      svg("circle", { class: "identity", cx: fixed(points[0][0]), cy: fixed(points[0][1]), r: 2.6 }));
  }

  function miniPolar(profile, n, floor) {
    if (n === 1 && profile.length > 2) return miniScales(profile, floor);
    const points = polarPoints(profile, n, floor, 30);
    return svg("svg", { class: "polar mini", viewBox: "-33 -33 66 66", "aria-hidden": "true" },
      svg("circle", { class: "rim", r: 30 }),
      svg("circle", { class: "zero", r: fixed((30 * -floor) / (1 - floor)) }),
      svg("path", { class: "rotations", d: ring(points.slice(0, n)) }),
      n < points.length ? svg("path", { class: "reflections", d: ring(points.slice(n)) }) : null,
      svg("circle", { class: "identity", cx: 30, r: 2.6 }));
  }

  function spokes(inner, radius) {
    const frame = svg("g", { class: "frame" });
    for (let turn = 0; turn < 360; turn += 45) {
      const [c, s] = [Math.cos((turn * Math.PI) / 180), -Math.sin((turn * Math.PI) / 180)];
      frame.append(
        svg("line", { class: "spoke", x1: fixed(inner * c), y1: fixed(inner * s), x2: fixed(radius * c), y2: fixed(radius * s) }),
        svg("text", { class: "angle", x: fixed((radius + 25) * c), y: fixed((radius + 18) * s), dy: "0.35em", "text-anchor": "middle" }, `${turn}°`));
    }
    return frame;
  }

  function cosineSteps(floor) {
    const steps = [];
    for (let cosine = Math.ceil(floor * 2) / 2; cosine <= 1; cosine += 0.5) if (cosine > floor) steps.push(cosine);
    return steps;
  }

  /* A profile over scales: scale to the right, cosine upwards. */
  function overScales(profile, group, floor) {
    const points = scalePoints(profile, floor, 150);
    const frame = svg("g", { class: "frame" });
    for (const cosine of cosineSteps(floor)) {
      const y = fixed(150 - (300 * (cosine - floor)) / (1 - floor));
      frame.append(
        svg("line", { class: cosine === 0 ? "zero" : "ring", x1: -150, x2: 150, y1: y, y2: y }),
        svg("text", { class: "angle", x: -162, y, dy: "0.35em", "text-anchor": "end" }, String(cosine).replace("-", "−")));
    }
    const last = (profile.length - 1) / 2;
    const each = Math.max(1, Math.round(last / 2));
    for (let at = -Math.floor(last / each) * each; at <= last; at += each) {
      frame.append(svg("text", { class: "angle", x: fixed((150 * at) / last), y: 172, "text-anchor": "middle" }, scaleName(at / group.scales)));
    }
    const marks = svg("g", { class: "marks" }, ...points.map(([x, y], g) => svg("circle", { class: "point rotation", "data-element": g, cx: fixed(x), cy: fixed(y), r: 4 },
      svg("title", {}, `${elementName(g, group, profile.length)}: cosine ${profile[g].toFixed(3)}`))));
    const [x, y] = points[0].map(fixed);
    return fitted(svg("svg", { class: "polar", viewBox: "-190 -184 380 368", role: "img",
      "aria-label": `Plot of the cosine between the block of the identity and the blocks of ${profile.length} scales; the table below lists all values` },
      frame,
      svg("path", { class: "rotations open", d: line(ascending(points)) }),
      marks,
      svg("circle", { class: "identity", cx: x, cy: y, r: 7.5 }),
      svg("circle", { class: "cursor", cx: x, cy: y, r: 11 })));
  }

  function profilePlot(profile, group, floor) {
    if (group.kind === "scale") return overScales(profile, group, floor);
    const n = group.rotations;
    const radius = 150;
    const at = (cosine) => fixed((radius * (cosine - floor)) / (1 - floor));
    const points = polarPoints(profile, n, floor, radius);
    const steps = cosineSteps(floor);

    const frame = spokes(at(0), radius);
    frame.prepend(svg("circle", { class: "negative", r: at(0) }));
    for (const cosine of steps) frame.append(svg("circle", { class: cosine === 0 ? "zero" : "ring", r: at(cosine) }));

    const marks = svg("g", { class: "marks" });
    points.forEach((point, g) => {
      const label = svg("title", {}, `${elementName(g, group, profile.length)}: cosine ${profile[g].toFixed(3)}`);
      marks.append(g < n
        ? svg("circle", { class: "point rotation", "data-element": g, cx: fixed(point[0]), cy: fixed(point[1]), r: n > 16 ? 3 : 4 }, label)
        : svg("path", { class: "point reflection", "data-element": g, d: diamond(point, n > 16 ? 3.6 : 4.8) }, label));
    });
    const [x, y] = points[0];
    const labels = svg("g", { class: "labels" });
    for (const cosine of steps) {
      const [c, s] = [Math.cos((67.5 * Math.PI) / 180), -Math.sin((67.5 * Math.PI) / 180)];
      labels.append(svg("text", { x: fixed((at(cosine) - 11) * c), y: fixed((at(cosine) - 11) * s), dy: "0.35em", "text-anchor": "middle" },
        String(cosine).replace("-", "−")));
    }
    return fitted(svg("svg", { class: "polar", viewBox: "-190 -184 380 368", role: "img",
      "aria-label": `Polar plot of the cosine between the block of the identity and the blocks of ${profile.length} transforms; the table below lists all values` },
      frame,
      n < points.length ? svg("path", { class: "reflections", d: ring(points.slice(n)) }) : null,
      svg("path", { class: "rotations", d: ring(points.slice(0, n)) }),
      labels,
      marks,
      svg("circle", { class: "identity", cx: fixed(x), cy: fixed(y), r: 7.5 }),
      svg("circle", { class: "cursor", cx: fixed(x), cy: fixed(y), r: 11 })));
  }

  /* Axes of a small chart: y from 0 to `top`, with a grid line at each tick. titles: of the axes [x, y]. On a phone it is narrower. */
  function chart(label, top, ticks, format, wide = 480, height = 230, titles = ["", ""]) {
    const width = Math.min(wide, Math.max(290, document.documentElement.clientWidth - 80));
    const box = { left: 48, right: width - 10, top: 30, bottom: height - 46 };
    const y = (value) => fixed(box.bottom - ((box.bottom - box.top) * value) / top);
    const root = fitted(svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }));
    root.append(
      svg("text", { class: "axis-title", x: 0, y: 12 }, titles[1]),
      svg("text", { class: "axis-title", x: box.right, y: box.bottom + 38, "text-anchor": "end" }, titles[0]));
    for (const tick of ticks) {
      root.append(
        svg("line", { class: tick === 0 ? "axis" : "grid", x1: box.left, x2: box.right, y1: y(tick), y2: y(tick) }),
        svg("text", { x: box.left - 8, y: y(tick), dy: "0.35em", "text-anchor": "end" }, format(tick)));
    }
    return { root, box, y };
  }

  function ticksUpTo(top) {
    const raw = top / 3;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw * 0.999);
    const ticks = [];
    for (let i = 0; i * step <= top * 1.001; i += 1) ticks.push(+(i * step).toPrecision(12));
    return ticks;
  }

  function harmonics(energies, order) {
    const top = Math.max(...energies, 1e-9);
    const percent = (value) => `${+(100 * value).toPrecision(3)} %`;
    const most = energies.indexOf(Math.max(...energies));
    const { root, box, y } = chart(`Share of the rotation profile's energy by harmonic: the largest is ${percent(energies[most])} in harmonic ${most}`, top, ticksUpTo(top), percent,
      480, 230, ["harmonic: cycles in a full turn", "share of the energy"]);
    const slot = (box.right - box.left) / energies.length;
    const every = Math.ceil((26 * energies.length) / (box.right - box.left));
    energies.forEach((energy, k) => {
      const middle = box.left + slot * (k + 0.5);
      root.append(svg("rect", { class: k === order && k > 0 ? "bar chief" : "bar", x: fixed(middle - slot * 0.36), y: y(energy),
        width: fixed(slot * 0.72), height: fixed(box.bottom - y(energy)), rx: 1.5 }, svg("title", {}, `harmonic ${k}: ${percent(energy)}`)));
      if (k % every === 0) root.append(svg("text", { x: fixed(middle), y: box.bottom + 18, "text-anchor": "middle" }, String(k)));
    });
    return root;
  }

  function norms(values, group) {
    const [n, order, onScales] = [group.rotations, values.length, group.kind === "scale"];
    const top = Math.max(...values, 1e-9) * 1.08;
    const [least, most] = [Math.min(...values), Math.max(...values)].map((value) => value.toPrecision(3));
    const { root, box, y } = chart(`Norm of each block against ${onScales ? "its scale" : "the angle of its rotation"}, from ${least} to ${most}`, top, ticksUpTo(top), (value) => String(+value.toPrecision(3)),
      480, 230, [onScales ? "scale of the image" : group.kind === "hue" ? "angle by which hue is turned" : "angle of the transform's rotation", "norm"]);
    if (onScales) {
      const last = (order - 1) / 2;
      const x = (step) => fixed((box.left + box.right) / 2 + ((box.right - box.left - 24) * step) / (2 * last));
      const points = values.map((value, g) => [x(scaleStep(g, order)), y(value)]);
      const each = Math.max(1, Math.round(last / 2));
      for (let at = -Math.floor(last / each) * each; at <= last; at += each) root.append(svg("text", { x: x(at), y: box.bottom + 18, "text-anchor": "middle" }, scaleName(at / group.scales)));
      root.append(svg("path", { class: "rotations open", d: line(ascending(points)) }));
      points.forEach(([px, py]) => root.append(svg("circle", { class: "point rotation", cx: px, cy: py, r: 3.6 })));
      root.append(svg("circle", { class: "identity", cx: points[0][0], cy: points[0][1], r: 6 }));
      return root;
    }
    const x = (turn) => fixed(box.left + 6 + ((box.right - box.left - 12) * turn) / 360);
    const rotations = values.slice(0, n).map((value, g) => [x(angle(g, n)), y(value)]);
    const reflections = values.slice(n).map((value, g) => [x(angle(g, n)), y(value)]);
    for (let turn = 0; turn <= 360; turn += 90) root.append(svg("text", { x: x(turn), y: box.bottom + 18, "text-anchor": "middle" }, `${turn}°`));
    if (reflections.length) root.append(svg("path", { class: "reflections", d: line([...reflections, [x(360), reflections[0][1]]]) }));
    root.append(
      svg("path", { class: "rotations open", d: line([...rotations, [x(360), rotations[0][1]]]) }));
    const size = n > 16 ? 2.6 : 3.6;
    reflections.forEach((point) => root.append(svg("path", { class: "point reflection", d: diamond(point, size + 0.8) })));
    rotations.forEach(([px, py]) => root.append(svg("circle", { class: "point rotation", cx: px, cy: py, r: size })));
    root.append(svg("circle", { class: "identity", cx: rotations[0][0], cy: rotations[0][1], r: 6 }));
    return root;
  }

  function sparkline(values) {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const points = values.map((value, i) => [2 + (96 * i) / Math.max(values.length - 1, 1), 22 - (20 * (value - low)) / (high - low || 1)]);
    return svg("svg", { class: "spark", viewBox: "0 0 100 24", role: "img", "aria-label": `loss from ${values[0].toPrecision(3)} to ${values[values.length - 1].toPrecision(3)}` },
      svg("path", { d: line(points) }));
  }

  /* Tuning to curves. A tuning curve is n responses evenly spaced around the circle; 0° is right, angles run counter-clockwise. */
  const onCircle = (turn, r) => [r * Math.cos((turn * Math.PI) / 180), -r * Math.sin((turn * Math.PI) / 180)];
  const around = (shares, radius) => ring(shares.map((share, j) => onCircle((360 * j) / shares.length, radius * Math.max(share, 0))));
  const decodeCurve = (text) => Array.from(atob(text), (letter) => letter.charCodeAt(0) / 255);
  const hue = (peak) => `--hue: ${Math.round(peak)}`;

  function sector(start, width, inner, outer) {
    const turns = Array.from({ length: Math.ceil(width / 3) + 1 }, (_, i, last = Math.ceil(width / 3)) => start + (width * i) / last);
    return ring([...turns.map((turn) => onCircle(turn, outer)), ...turns.reverse().map((turn) => onCircle(turn, inner))]);
  }

  const RIM = 126;
  const PEAKS = 138;

  /* All detectors of neurons or of a dictionary's features. */
  function circle({ detectors, gaps, uncovered }, name) {
    const frame = spokes(0, PEAKS + 8);
    frame.append(svg("circle", { class: "ring", r: RIM / 2 }), svg("circle", { class: "ring", r: RIM }));
    const bands = svg("g", { class: "bands" },
      ...gaps.map(([start, width]) => svg("path", { class: "gap", d: sector(start, width, RIM + 4, PEAKS + 8) }, svg("title", {}, `no neuron has its peak in ${Math.round(width)}° from ${Math.round(start)}°`))),
      ...uncovered.map(([start, width]) => svg("path", { class: "uncovered", d: sector(start, width, RIM + 4, PEAKS + 8) }, svg("title", {}, `no neuron reaches half its maximum in ${Math.round(width)}° from ${Math.round(start)}°`))));
    const ordered = [...detectors].sort((a, b) => a.missing - b.missing);
    return fitted(svg("svg", { class: `polar circle${detectors.length > 60 ? " crowded" : ""}`, viewBox: "-190 -184 380 368", role: "img",
      "aria-label": detectors.length ? `${name}: tuning curves of ${detectors.length} curve detectors around the circle; the table below lists them` : `${name}: no curve detectors` },
      frame, bands,
      ...ordered.map(({ unit, peak, missing, href, curve }) => {
        const at = onCircle(peak, PEAKS + 2);
        return svg("a", { class: `detector${missing ? " missing" : ""}`, href, tabindex: -1, style: hue(peak), "data-unit": unit },
          svg("path", { class: "curve", d: around(decodeCurve(curve), RIM) }),
          missing ? svg("path", { class: "peak", d: diamond(at, 6.5) }) : svg("circle", { class: "peak", cx: fixed(at[0]), cy: fixed(at[1]), r: 4 }),
          svg("title", {}, `${unit}: peak ${Math.round(peak)}°${missing ? ", missing among the neurons" : ""}`));
      })));
  }

  function miniCurve(shares) {
    return svg("svg", { class: "polar mini", viewBox: "-33 -33 66 66", "aria-hidden": "true" },
      svg("circle", { class: "rim", r: 30 }), svg("circle", { class: "zero", r: 15 }), svg("path", { class: "curve", d: around(shares, 30) }));
  }

  function miniPeaks(peaks) {
    return svg("svg", { class: "polar mini", viewBox: "-33 -33 66 66", role: "img", "aria-label": `peaks at ${peaks.map((peak) => `${Math.round(peak)}°`).join(", ")}` },
      svg("circle", { class: "rim", r: 26 }),
      ...peaks.map((peak) => svg("circle", { class: "peak", style: hue(peak), cx: fixed(onCircle(peak, 26)[0]), cy: fixed(onCircle(peak, 26)[1]), r: 3.4 })));
  }

  /* One unit's mean curve and those of its renderings, divided by the largest response to any of them. */
  function tuningSheet({ peak, curves }) {
    const top = Math.max(...Object.values(curves).flat(), 1e-9);
    const frame = spokes(0, 150);
    const labels = svg("g", { class: "labels" });
    for (const tick of ticksUpTo(top).slice(1)) {
      const r = (150 * tick) / top;
      frame.append(svg("circle", { class: "ring", r: fixed(r) }));
      const [x, y] = onCircle(peak + 157.5, r - 9);
      labels.append(svg("text", { x: fixed(x), y: fixed(y), dy: "0.35em", "text-anchor": "middle" }, String(tick)));
    }
    const over = (name) => around(curves[name].map((response) => response / top), 150);
    const renderings = Object.keys(curves).filter((name) => name !== "arc");
    const kind = (name) => name.replace("arc ", "");
    const plot = svg("svg", { class: "polar sheet", viewBox: "-190 -184 380 368", role: "img", style: hue(peak),
      "aria-label": `Polar plot of the response to arcs by orientation, with its peak at ${Math.round(peak)}°` },
      frame, svg("path", { class: "curve", d: over("arc") }),
      ...renderings.map((name) => svg("path", { class: `rendering ${kind(name).replace(" ", "-")}`, d: over(name) }, svg("title", {}, kind(name)))), labels);
    return [fitted(plot), html("p", { class: "legend" }, html("span", { class: "key mean", style: hue(peak) }, "mean"),
      ...renderings.map((name) => html("span", { class: "key stroke" },
        svg("svg", { viewBox: "0 0 26 8", class: "sample", "aria-hidden": "true" }, svg("path", { class: `rendering ${kind(name).replace(" ", "-")}`, d: "M1 4H25" })), kind(name))))];
  }

  /* Number of features in each half decade of density. */
  function densities(bins, least) {
    const most = Math.max(...bins.map((bin) => bin.features));
    const width = 120 / (-2 * least);
    return svg("svg", { class: "densities", viewBox: "0 0 120 34", role: "img", "aria-label": `features by density: ${bins.map((bin) => `${bin.features} from 10^${bin.log10}`).join(", ")}` },
      svg("line", { class: "axis", x1: 0, x2: 120, y1: 33.5, y2: 33.5 }),
      ...bins.map((bin) => {
        const height = Math.max(1.5, (30 * bin.features) / most);
        const x = Math.min(2 * (bin.log10 - least), -2 * least - 1) * width;
        return svg("rect", { x: fixed(x + width * 0.08), y: fixed(33 - height), width: fixed(width * 0.84), height: fixed(height), rx: 1 },
          svg("title", {}, `${bin.features} features from 10^${bin.log10} to 10^${bin.log10 + 0.5}`));
      }));
  }

  document.querySelectorAll("[data-profile]").forEach((place) => {
    place.append(miniPolar(decodeProfile(place.dataset.profile), Number(place.dataset.rotations), Number(place.dataset.floor)));
  });
  document.querySelectorAll("[data-losses]").forEach((place) => place.append(sparkline(JSON.parse(place.dataset.losses))));

  document.querySelectorAll("[data-circle]").forEach((place) => place.append(circle(JSON.parse(place.dataset.circle), place.dataset.name)));
  document.querySelectorAll("[data-curve]").forEach((place) => place.append(miniCurve(decodeCurve(place.dataset.curve))));
  document.querySelectorAll("[data-peaks]").forEach((place) => place.append(miniPeaks(JSON.parse(place.dataset.peaks))));
  document.querySelectorAll("[data-tuning]").forEach((place) => place.append(...tuningSheet(JSON.parse(place.dataset.tuning))));
  document.querySelectorAll("[data-densities]").forEach((place) => place.append(densities(JSON.parse(place.dataset.densities), Number(place.dataset.least))));

  return { html, svg, fitted, fixed, line, ring, onCircle, spokes, chart, ticksUpTo, angle, elementName, degrees, decodeProfile, polarPoints, miniPolar, profilePlot, harmonics, norms };
})();
