"use strict";

/* Families: the map of all features, the circle of a family's members, and the spread of their profiles. */
(() => {
  const { html, svg, fitted, fixed, ring, onCircle, spokes, degrees, polarPoints, profilePlot } = Kaleidoscope;
  const place = (row) => `${row.degrees === null ? "" : `, at ${Math.round(row.degrees)}°`}${row.mirrored ? ", mirrored" : ""}`;
  /* Angles of a member on the full circle, one for each repetition of its family. */
  const repeated = (turn, period) => Array.from({ length: Math.max(1, Math.round(360 / period)) }, (_, i) => turn + i * period);

  /* A card's circle: a dot for each member, hollow where one is missing, with the covered share in the middle. */
  function smallCircle({ period, covered, members, missing }) {
    const dots = (name, turn) => repeated(turn, period).map((at, i) => {
      const [x, y] = onCircle(at, 26);
      return svg("circle", { class: i ? `${name} again` : name, cx: fixed(x), cy: fixed(y), r: 2.4 });
    });
    return svg("svg", { class: "polar mini", viewBox: "-33 -33 66 66", role: "img",
      "aria-label": `${covered} of orientations covered${missing.length ? `; missing at ${missing.map(degrees).join(", ")}` : ""}` },
      svg("circle", { class: "rim", r: 26 }), ...missing.flatMap((turn) => dots("missing", turn)), ...members.flatMap((turn) => dots("member", turn)),
      svg("text", { class: "covered", dy: "0.35em", "text-anchor": "middle" }, covered));
  }

  const [RIM, HUB] = [316, 74];
  const SIDES = Array.from({ length: 40 }, (_, i) => 84 * 0.94 ** i);

  /* Places discs of one size, each on the ray of its member's orientation: from radius `start` towards `end`, as near to
     `start` as the other discs allow. null where a disc would lie beyond `end`. */
  function swarm(members, period, side, start, end) {
    const sign = Math.sign(end - start);
    const discs = [];
    for (const member of members) {
      const blocked = [];
      for (const disc of discs) for (const copy of [-period, 0, period]) {
        const turn = ((member.degrees - disc.member.degrees + copy) * Math.PI) / 180;
        const [along, across] = [disc.r * Math.cos(turn), disc.r * Math.sin(turn)];
        if (Math.abs(across) < side) blocked.push([-1, 1].map((end) => sign * along + end * Math.sqrt(side ** 2 - across ** 2)));
      }
      let r = sign * start;
      for (const [near, far] of blocked.sort((x, y) => x[0] - y[0])) if (r > near - 1e-6 && r < far) r = far;
      if (r > sign * end) return null;
      discs.push({ member, r: sign * r });
    }
    return discs;
  }

  /* The largest discs that fit between radius `least` and the rim, starting from the widest possible circle. */
  function outwards(members, period, least) {
    for (const side of SIDES) for (let base = RIM - side / 2; base >= least + side / 2; base -= 12) {
      const discs = 2 * base * Math.sin((Math.min(period, 180) * Math.PI) / 360) < side ? null : swarm(members, period, side, base, RIM - side / 2 + 1e-3);
      if (discs) return { discs, side, base };
    }
    return { discs: members.map((member) => ({ member, r: RIM })), side: 8, base: RIM };
  }
  function inwards(members, period, from, largest) {
    for (const side of SIDES.filter((each) => each <= largest)) {
      const discs = swarm(members, period, side, from - side / 2, HUB + side / 2);
      if (discs) return { discs, side };
    }
    return { discs: members.map((member) => ({ member, r: HUB })), side: 8 };
  }

  function membersCircle({ period, missing, members }, dictionary) {
    const ordered = [...members].sort((a, b) => b.prototype - a.prototype || b.similarity - a.similarity);
    const [plain, mirrored] = [false, true].map((which) => ordered.filter((member) => member.mirrored === which));
    const outer = outwards(plain, period, HUB + 62);
    const inner = inwards(mirrored, period, outer.base - outer.side / 2 - 6, outer.side);

    /* The first patch of a sheet covers a square. */
    const sheetOf = (member) => `../patches/${dictionary}-${member.feature}.webp`;
    const picture = svg("image", { class: "patch", x: -52, y: -64, width: 104, height: 104, preserveAspectRatio: "xMinYMid slice", "aria-hidden": "true" });
    const label = svg("text", { class: "number", y: 58, "text-anchor": "middle" });
    function show(member) {
      picture.setAttribute("href", member.pictured ? sheetOf(member) : "");
      label.textContent = String(member.feature);
    }

    const marks = [];
    for (const turn of missing) for (const at of repeated(turn, period)) {
      const [x, y] = onCircle(at, outer.base);
      const width = Math.min(outer.side, 34);
      marks.push(svg("circle", { class: "missing", cx: fixed(x), cy: fixed(y), r: fixed(width * 0.44) }, svg("title", {}, `a member is missing at ${degrees(turn)}`)));
    }
    for (const { discs, side } of [outer, inner]) for (const { member, r } of discs) {
      const name = `${member.feature}${member.prototype ? ", the prototype" : place(member)}${member.stimulus ? `; stimulus type ${member.stimulus}` : ""}`;
      repeated(member.degrees, period).forEach((at, again) => {
        const [x, y] = onCircle(at, r);
        const half = side * 0.47;
        const disc = { cx: fixed(x), cy: fixed(y), r: fixed(half) };
        const link = svg("a", { class: `member${again ? " again" : ""}${member.prototype ? " prototype" : ""}`, href: `../features/${dictionary}-${member.feature}.html`,
          "data-feature": member.feature, tabindex: again ? -1 : null, "aria-hidden": again ? "true" : null, "aria-label": name },
        svg("circle", { class: "ground", ...disc }),
        member.pictured ? svg("image", { class: "patch", x: fixed(x - half), y: fixed(y - half), width: fixed(2 * half), height: fixed(2 * half), href: sheetOf(member), preserveAspectRatio: "xMinYMid slice" }) : null,
        svg("circle", { class: "edge", ...disc }), svg("title", {}, name));
        for (const event of ["pointerenter", "focus"]) link.addEventListener(event, () => show(member));
        marks.push(link);
      });
    }
    show(ordered[0]);
    return fitted(svg("svg", { class: "polar ring-of-members", viewBox: "-352 -344 704 688", role: "group",
      "aria-label": `${members.length} members by orientation; the table below lists all` },
      spokes(HUB + 4, RIM + 6), svg("circle", { class: "rim", r: fixed(outer.base) }), ...marks, picture, label));
  }

  /* Mean profile of a family over the rotations, and the band of most members. */
  function spread({ floor, kind, profile, profile_low: low, profile_high: high }) {
    const n = profile.length;
    const points = (values) => polarPoints(values, n, floor, 150);
    const plot = profilePlot(profile, { rotations: n, kind }, floor);
    plot.setAttribute("aria-label", `Polar plot of the members' mean cosine to the identity, from ${Math.min(...profile).toFixed(2)} to 1`);
    plot.querySelector(".cursor").remove();
    plot.querySelector(".rotations").before(svg("path", { class: "band", d: ring(points(high)) + ring(points(low)), "fill-rule": "evenodd" }));
    plot.querySelector(".rotations").classList.add("open");
    return plot;
  }

  document.querySelectorAll("[data-small]").forEach((spot) => spot.append(smallCircle(JSON.parse(spot.dataset.small))));
  document.querySelectorAll("[data-members]").forEach((spot) => spot.append(membersCircle(JSON.parse(spot.dataset.members), spot.dataset.dictionary)));
  document.querySelectorAll("[data-spread]").forEach((spot) => spot.append(spread(JSON.parse(spot.dataset.spread))));
  document.getElementById("analysis")?.addEventListener("change", (event) => { location.href = event.target.value; });

  const source = document.getElementById("map-data");
  if (!source) return;

  const data = JSON.parse(source.textContent);
  const { columns } = data;
  const points = columns.feature.map((feature, i) => Object.fromEntries(Object.keys(columns).map((name) => [name, columns[name][i]])));
  const frame = document.querySelector(".map-frame");
  const canvas = frame.querySelector("canvas");
  const tip = frame.querySelector(".tip");
  const pen = canvas.getContext("2d");
  const legends = Object.fromEntries([...document.querySelectorAll("[data-legend]")].map((legend) => [legend.dataset.legend, legend]));
  const chips = (name) => [...(legends[name]?.children ?? [])];
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  const [left, right, bottom, top] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];

  let colour = document.querySelector("[data-colour][aria-pressed=true]").dataset.colour;
  let alone = new Set();
  let chosen = null;
  let size = { width: 1, height: 1 };
  let view = { zoom: 1, x: (left + right) / 2, y: (bottom + top) / 2 };

  const scale = () => view.zoom * Math.min((size.width - 48) / (right - left || 1), (size.height - 48) / (top - bottom || 1));
  const at = (point) => [size.width / 2 + (point.x - view.x) * scale(), size.height / 2 - (point.y - view.y) * scale()];

  /* Colours come from the style sheet: those of the legend's chips, and a hue for each family. */
  let palette = {};
  function readColours() {
    const value = (node, name) => getComputedStyle(node).getPropertyValue(name).trim();
    palette = { ink: value(canvas, "--ink"), soft: value(canvas, "--soft"), panel: value(canvas, "--panel"), tone: value(canvas, "--tone") };
    for (const name of Object.keys(legends)) palette[name] = chips(name).map((chip) => value(chip, "--type"));
  }
  const colourOf = (point) => {
    if (colour !== "family") return palette[colour][point[colour]];
    return point.family === null ? palette.soft : `oklch(${palette.tone} 0.14 ${(point.family * 137.5) % 360})`;
  };

  let waiting = false;
  function draw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      paint();
    });
  }

  function paint() {
    const ratio = window.devicePixelRatio || 1;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, size.width, size.height);
    const radius = Math.min(9, (points.length > 1000 ? 2.7 : points.length > 200 ? 3.8 : 5.5) * view.zoom ** 0.4);
    const near = (point) => chosen && chosen.family !== null && point.family === chosen.family;
    const strength = (point) => {
      if (alone.size && !alone.has(point[colour])) return 0.08;
      if (chosen && chosen.family !== null) return near(point) ? 1 : 0.22;
      return colour === "family" && point.family === null ? 0.35 : 0.82;
    };
    const order = points.map((point) => [strength(point), point]).sort((a, b) => a[0] - b[0]);
    for (const [alpha, point] of order) {
      const [x, y] = at(point);
      if (x < -9 || y < -9 || x > size.width + 9 || y > size.height + 9) continue;
      pen.globalAlpha = alpha;
      pen.fillStyle = colourOf(point);
      pen.beginPath();
      pen.arc(x, y, near(point) ? radius + 1 : radius, 0, 2 * Math.PI);
      pen.fill();
    }
    pen.globalAlpha = 1;
    if (chosen) {
      const [x, y] = at(chosen);
      pen.strokeStyle = palette.ink;
      pen.lineWidth = 2;
      pen.beginPath();
      pen.arc(x, y, radius + 3.5, 0, 2 * Math.PI);
      pen.stroke();
    }
  }

  const page = (point) => `features/${data.short}-${point.feature}.html`;
  function choose(point) {
    if (point === chosen) return;
    chosen = point;
    canvas.style.cursor = point ? "pointer" : "";
    tip.hidden = !point;
    draw();
    if (!point) return;
    const stimulus = point.stimulus === null ? null : chips("stimulus")[point.stimulus].childNodes[1].textContent.trim();
    const family = point.family === null ? "in no family" : `family ${point.family}, ${data.sizes[point.family]} members${place(point)}`;
    const kind = legends.type && chips("type")[point.type];
    tip.replaceChildren(...[
      point.pictured ? html("img", { class: "cell", src: `patches/${data.short}-${point.feature}.webp`, alt: `feature ${point.feature}, patch 1`, width: 72, height: 72 }) : null,
      html("div", {}, html("a", { href: page(point), tabindex: -1 }, `Feature ${point.feature}`),
        kind ? html("span", {}, kind.firstChild.cloneNode(), kind.childNodes[1].textContent.trim()) : null,
        stimulus ? html("span", {}, `stimulus type ${stimulus}`) : null,
        html("span", {}, family))].filter(Boolean));
    if (kind) tip.className = `tip ${kind.classList[1]}`;
    put();
  }
  function put() {
    if (!chosen) return;
    const [x, y] = at(chosen);
    const { offsetWidth: width, offsetHeight: height } = tip;
    tip.style.left = `${Math.max(6, Math.min(size.width - width - 6, x > size.width / 2 ? x - width - 16 : x + 16))}px`;
    tip.style.top = `${Math.max(6, Math.min(size.height - height - 6, y - height / 2))}px`;
  }

  function nearest(event, reach) {
    const box = canvas.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    let [best, least] = [null, reach * reach];
    for (const point of points) {
      if (alone.size && !alone.has(point[colour])) continue;
      const [x, y] = at(point);
      const away = (x - px) ** 2 + (y - py) ** 2;
      if (away < least) [best, least] = [point, away];
    }
    return best;
  }

  /* The nearest feature in the quadrant of an arrow key. */
  function towards(dx, dy) {
    const [x0, y0] = chosen ? at(chosen) : [size.width / 2, size.height / 2];
    let [best, least] = [chosen, Infinity];
    for (const point of points) {
      const [x, y] = at(point);
      const [along, across] = [(x - x0) * dx + (y - y0) * dy, Math.abs((x - x0) * dy) + Math.abs((y - y0) * dx)];
      const away = along + 2 * across;
      if (point !== chosen && along > 0 && across <= along && away < least) [best, least] = [point, away];
    }
    return best;
  }

  function zoom(factor, event) {
    const before = scale();
    const fitted = { zoom: 1, x: (left + right) / 2, y: (bottom + top) / 2 };
    const next = Math.min(40, Math.max(1, view.zoom * factor));
    if (!factor || next === 1) view = fitted;
    else if (event) {
      const box = canvas.getBoundingClientRect();
      const [dx, dy] = [event.clientX - box.left - size.width / 2, size.height / 2 - (event.clientY - box.top)];
      const gain = 1 / before - view.zoom / (next * before);
      view = { zoom: next, x: view.x + dx * gain, y: view.y + dy * gain };
    } else view = { zoom: next, x: chosen ? chosen.x : view.x, y: chosen ? chosen.y : view.y };
    canvas.style.touchAction = view.zoom > 1 ? "none" : "pan-y";
    put();
    draw();
  }

  let drag = null;
  canvas.addEventListener("pointerdown", (event) => { drag = { x: event.clientX, y: event.clientY, moved: false }; });
  canvas.addEventListener("pointermove", (event) => {
    if (drag && view.zoom > 1 && (drag.moved || Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > 4)) {
      view = { ...view, x: view.x - (event.clientX - drag.x) / scale(), y: view.y + (event.clientY - drag.y) / scale() };
      drag = { x: event.clientX, y: event.clientY, moved: true };
      put();
      draw();
    } else if (event.pointerType !== "touch") choose(nearest(event, 14));
  });
  canvas.addEventListener("pointercancel", () => { drag = null; });
  /* On a touch screen the first tap shows the tip; a tap on the tip or a second tap opens the feature. */
  canvas.addEventListener("click", (event) => {
    const moved = drag?.moved;
    drag = null;
    if (moved) return;
    const point = nearest(event, event.pointerType === "touch" ? 26 : 14);
    if (point && (event.pointerType !== "touch" || point === chosen)) location.href = page(point);
    else choose(point);
  });
  frame.addEventListener("pointerleave", () => { drag = null; choose(null); });
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 120), event);
  }, { passive: false });
  canvas.addEventListener("dblclick", (event) => zoom(2, event));
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (step) choose(towards(...step));
    else if (event.key === "Enter" && chosen) location.href = page(chosen);
    else if (event.key === "+" || event.key === "=") zoom(1.6);
    else if (event.key === "-") zoom(0.625);
    else if (event.key === "Escape") choose(null);
    else return;
    event.preventDefault();
  });
  canvas.addEventListener("focus", () => { if (!chosen && canvas.matches(":focus-visible")) choose(towards(1, 0) ?? points[0]); });
  canvas.addEventListener("blur", () => choose(null));
  document.querySelectorAll("[data-zoom]").forEach((button) => button.addEventListener("click", () => zoom(Number(button.dataset.zoom))));

  document.querySelectorAll("[data-colour]").forEach((button) => button.addEventListener("click", () => {
    colour = button.dataset.colour;
    alone = new Set();
    document.querySelectorAll("[data-colour]").forEach((each) => each.setAttribute("aria-pressed", each === button));
    for (const [name, legend] of Object.entries(legends)) {
      legend.hidden = name !== colour;
      chips(name).forEach((chip) => chip.setAttribute("aria-pressed", "false"));
    }
    draw();
  }));
  for (const name of Object.keys(legends)) chips(name).forEach((chip, i) => chip.addEventListener("click", () => {
    if (!alone.delete(i)) alone.add(i);
    chip.setAttribute("aria-pressed", alone.has(i));
    draw();
  }));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readColours(); draw(); });
  new ResizeObserver(() => {
    size = { width: canvas.clientWidth, height: canvas.clientHeight };
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(size.width * ratio);
    canvas.height = Math.round(size.height * ratio);
    paint();
    put();
  }).observe(canvas);

  function chooseGiven() {
    const given = new URLSearchParams(location.hash.slice(1)).get("feature");
    const point = given && points.find((each) => String(each.feature) === given);
    if (!point) return;
    choose(point);
    frame.scrollIntoView({ block: "center" });
  }
  window.addEventListener("hashchange", chooseGiven);
  readColours();
  size = { width: canvas.clientWidth, height: canvas.clientHeight };
  chooseGiven();
})();
