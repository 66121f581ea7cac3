// SPDX-License-Identifier: Apache-2.0
// The values at the pointer, or where the arrow keys have gone, in the legend of every chart.
"use strict";
(() => {
  const NEAR = 0.02; // the share of the axis within which a curve has a value at a place

  const numbers = (text) => text.trim().split(" ").map(Number);
  const text = (value) => String(Number(value.toPrecision(5)));

  function duration(seconds) {
    if (seconds >= 3600) return `${text(seconds / 3600)} h`;
    return seconds >= 60 ? `${text(seconds / 60)} min` : `${text(seconds)} s`;
  }
  const placeText = {
    steps: (step) => `step ${step.toLocaleString("en")}`,
    tokens: (tokens) => `${tokens.toLocaleString("en")} tokens`,
    seconds: duration,
  };

  function curveOf(item) {
    const at = item.querySelector(".at");
    return {
      style: item.className,
      name: item.querySelector(".name").textContent,
      at,
      last: at.textContent,
      steps: numbers(item.dataset.steps),
      tokens: numbers(item.dataset.tokens),
      seconds: numbers(item.dataset.seconds),
      values: numbers(item.dataset.values),
    };
  }

  // The position of the place nearest to `wanted`; places that are not known are never near.
  function nearest(places, wanted) {
    let best = 0;
    for (let i = 1; i < places.length; ++i) {
      const nearer = Math.abs(places[i] - wanted) < Math.abs(places[best] - wanted);
      if (nearer || Number.isNaN(places[best])) best = i;
    }
    return best;
  }

  function svgElement(svg, name, className) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    element.setAttribute("class", className);
    svg.append(element);
    return element;
  }

  // A plot on one axis, with a vertical line and a dot on each curve that follow the reader.
  function makePlot(box, curves, where) {
    const axis = box.dataset.axis;
    const [right, bottom, top] = ["right", "bottom", "top"].map((name) => Number(box.dataset[name]));
    const share = (value) =>
      "log" in box.dataset ? Math.log(value / bottom) / Math.log(top / bottom) : (value - bottom) / (top - bottom);
    const places = [...new Set(curves.flatMap((curve) => curve[axis]))].filter(Number.isFinite).sort((a, b) => a - b);
    const svg = box.querySelector("svg");
    const marks = [];

    function clear() {
      marks.splice(0).forEach((mark) => mark.remove());
      curves.forEach((curve) => (curve.at.textContent = curve.last));
      where.textContent = "";
    }

    function drawLine(place) {
      const line = svgElement(svg, "line", "cursor");
      const x = `${(100 * place) / right}%`;
      for (const [name, value] of Object.entries({ x1: x, x2: x, y1: "0", y2: "100%" })) line.setAttribute(name, value);
      marks.push(line);
    }

    function drawDot(curve, place, value) {
      const dot = svgElement(svg, "circle", `dot ${curve.style}`);
      dot.setAttribute("cx", `${(100 * place) / right}%`);
      dot.setAttribute("cy", `${100 * (1 - share(value))}%`);
      dot.setAttribute("r", "5");
      marks.push(dot);
    }

    // Returns what it shows as a sentence.
    function show(number) {
      const place = places[number];
      clear();
      drawLine(place);
      where.textContent = placeText[axis](place);
      const said = [];
      for (const curve of curves) {
        const i = nearest(curve[axis], place);
        const isNear = Math.abs(curve[axis][i] - place) <= NEAR * right;
        curve.at.textContent = isNear ? text(curve.values[i]) : "–";
        if (!isNear) continue;
        drawDot(curve, curve[axis][i], curve.values[i]);
        said.push(`${curve.name} ${text(curve.values[i])}`);
      }
      return `${where.textContent}: ${said.join(", ")}`;
    }

    return { box, svg, right, places, show, clear };
  }

  function follow(plot) {
    const spoken = document.getElementById("spoken");
    let number = plot.places.length - 1;
    plot.box.addEventListener("pointermove", (event) => {
      const box = plot.svg.getBoundingClientRect();
      number = nearest(plot.places, ((event.clientX - box.left) / box.width) * plot.right);
      plot.show(number);
    });
    plot.box.addEventListener("pointerleave", plot.clear);
    plot.box.addEventListener("blur", plot.clear);
    plot.box.addEventListener("keydown", (event) => {
      const last = plot.places.length - 1;
      const to = { ArrowLeft: number - 1, ArrowRight: number + 1, Home: 0, End: last }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      number = Math.min(Math.max(to, 0), last);
      spoken.textContent = plot.show(number);
    });
  }

  for (const figure of document.querySelectorAll("figure:has(.plot)")) {
    const curves = [...figure.querySelectorAll(".legend li")].map(curveOf);
    const where = figure.querySelector(".where");
    for (const box of figure.querySelectorAll(".plot")) {
      const plot = makePlot(box, curves, where);
      if (plot.places.length > 0) follow(plot);
    }
  }
})();
