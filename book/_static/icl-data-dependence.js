/**
 * Figures 2 and A.3: the seeds behind a point. Every configuration is a point that can be chosen by
 * mouse, touch or keyboard; a line below says where each of its seeds ended.
 */
(() => {
  "use strict";

  const { icl } = window;
  const REACH = 30; // of a pointer, in the units of a plot
  const SAME = 2; // points no further apart lie on each other

  // Marks around the origin, by matplotlib's names for them.
  const MARKS = {
    o: "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z",
    s: "M-3.5 -3.5h7v7h-7z",
    "^": "M0 -4.5l4.5 8h-9z",
    v: "M0 4.5l4.5 -8h-9z",
    D: "M0 -4.8l4.8 4.8l-4.8 4.8l-4.8 -4.8z",
    P: "M-1.5 -4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z",
  };

  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

  icl.dataDependence = {
    /**
     * What is known of a point, in words.
     * @param {object} data  as `icl.figures.data.explore` gives it
     * @param {object} column
     * @param {object} point
     */
    words: (data, column, point) => {
      const what = `${column.sign} = ${point.x}, B = ${point.B}`;
      if (!point.seeds.length) return `${what}: ${data.missing}.`;
      const parts = data.rows.flatMap((row) =>
        row.measures.map((name) => {
          const each = point.ends[name].map((value) => icl.fixed(value, 3));
          return `${data.names[name]} ${icl.fixed(mean(point.ends[name]), 3)} (${each.join(", ")})`;
        }),
      );
      return `${what}, mean and in brackets seeds ${point.seeds.join(", ")}: ${parts.join("; ")}.`;
    },
  };

  icl.part("data-dependence", (root, data) => {
    const status = icl.status();
    const plots = data.columns.flatMap((column) =>
      data.rows.map((row) => scatter(data, column, row, (point) => choose(column, point))),
    );

    /** Show one configuration in the plots that have it, and say what is behind it. */
    function choose(column, point) {
      for (const plot of plots) plot.mark(plot.column === column ? point : null);
      status.say(icl.dataDependence.words(data, column, point));
    }

    const places = icl.html("div", { class: "icl-plots" }, ...plots.map((plot) => plot.node));
    places.style.setProperty("--rows", data.rows.length);
    places.style.setProperty(
      "--columns",
      data.columns.map((column) => `minmax(0, ${size(column).width}fr)`).join(" "),
    );
    root.append(
      icl.html("div", { class: "icl-scans" }, places),
      key(data),
      status.node,
    );
    status.say(
      "Choose a point to see the seeds behind it: by mouse, by touch, or with Tab and the arrow keys.",
    );
  });

  /** Plots of one scale; where curves have names there is room for them. */
  function size({ points }) {
    const several = points.some(({ B }) => B !== points[0].B);
    return { width: several ? 280 : 215, height: 210, right: several ? 40 : 8 };
  }

  /** What marks mean, in words beside the signs themselves. */
  function key(data) {
    const some = data.columns.some(({ points }) => points.some(({ seeds }) => seeds.length));
    const none = data.columns.some(({ points }) => points.some(({ seeds }) => !seeds.length));
    const again = "where points lie on each other, click for the next";
    const bursts = Object.keys(data.bursts).join(", ");
    const several = ` (against K for B = ${bursts} from the left)`;
    return icl.html(
      "p",
      { class: "icl-key" },
      [
        ...(some
          ? [
              "Filled: mean over seeds; thin marks: seeds",
              "hollow, dashed: in-weights accuracy by the paper's test",
              again,
            ]
          : []),
        ...(none ? [`cross: ${data.missing}${several}`] : []),
      ].join("; "),
    );
  }

  /**
   * One plot of a row and a column.
   * @returns {{node: HTMLElement, column: object, mark: (point: object|null) => void}}
   */
  function scatter(data, column, row, choose) {
    const places = column.ticks.map(([place]) => place);
    const [low, high] = [Math.min(...places), Math.max(...places)];
    const margin = 0.08 * (high - low);
    const plot = icl.plot({
      title: `${column.name}, ${row.title}`,
      name: `${column.name}, ${row.title} against ${column.sign}`,
      x: { label: column.sign, domain: [low - margin, high + margin], ticks: thinned(column) },
      y: { label: "accuracy", domain: [-0.03, 1.03], ticks: icl.ticks([0, 1]) },
      role: "group",
      ...size(column),
    });
    plot.node.style.setProperty("--width", `${size(column).width}px`);
    const bursts = [...new Set(column.points.map(({ B }) => B))];
    const curves = bursts.map((B) => column.points.filter((point) => point.B === B));
    for (const [i, curve] of curves.entries()) {
      const { colour } = data.bursts[bursts[i]];
      const label = bursts.length > 1 ? `B = ${bursts[i]}` : "";
      for (const name of row.measures.slice().reverse()) {
        const primary = name === row.measures[0];
        line(plot, curve, name, colour, primary ? "" : "5 4", primary ? label : "");
      }
    }

    const nodes = new Map();
    for (const [i, curve] of curves.entries()) {
      const aside = 7 * (i - (curves.length - 1) / 2); // crosses of the curves stand side by side
      for (const point of curve) {
        nodes.set(point, dot(data, plot, column, row, point, aside));
      }
    }
    const points = [...nodes.keys()];
    plot.layer.append(...[...nodes.values()].map(({ node }) => node));
    nodes.get(points[0]).node.setAttribute("tabindex", 0);

    for (const [point, { node }] of nodes) {
      node.addEventListener("focus", () => choose(point));
      node.addEventListener("keydown", (event) => {
        const next = neighbour(curves, point, event.key);
        if (!next) return;
        event.preventDefault();
        nodes.get(next).node.focus();
      });
    }

    // The point nearest to a pointer, so that a finger need not hit a mark of a few pixels; and
    // those that it lies on, from the top.
    let chosen = null;
    const svg = plot.node.querySelector("svg");
    const nearest = (event) => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(
        svg.getScreenCTM().inverse(),
      );
      const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
      const places = points.map((point) => nodes.get(point));
      const closest = places.reduce((a, b) => (distance(b, at) < distance(a, at) ? b : a));
      if (distance(closest, at) >= REACH) return [];
      return points.filter((_, i) => distance(places[i], closest) <= SAME).reverse();
    };
    svg.addEventListener("pointermove", (event) => {
      const found = nearest(event);
      if (found.length && !found.includes(chosen)) choose(found[0]);
    });
    let held = null; // what was chosen before a press, which may move the focus
    svg.addEventListener("pointerdown", () => {
      held = chosen;
    });
    svg.addEventListener("click", (event) => {
      const found = nearest(event);
      if (found.length) choose(found[(found.indexOf(held) + 1) % found.length]);
    });

    return {
      node: plot.node,
      column,
      mark(marked) {
        chosen = marked;
        for (const [point, { node }] of nodes) {
          node.classList.toggle("icl-chosen", point === chosen);
          if (chosen) node.setAttribute("tabindex", point === chosen ? 0 : -1);
        }
      },
    };
  }

  /** Texts of an axis that do not touch: all, or every other one. */
  function thinned({ ticks }) {
    return ticks.length > 6 ? ticks.filter(([, text]) => Number(text) % 0.5 === 0) : ticks;
  }

  /** Means joined, fainter over what is not yet run; the label stands at the end of the line. */
  function line(plot, curve, name, colour, dash, label) {
    const run = curve.filter(({ seeds }) => seeds.length);
    run.slice(1).forEach((point, i) => {
      const whole = curve.indexOf(point) === curve.indexOf(run[i]) + 1;
      const ends = [run[i], point].map(({ at, ends }) => [plot.x(at), plot.y(mean(ends[name]))]);
      plot.layer.append(
        icl.svg("path", {
          class: "icl-line",
          d: `M${ends.map((end) => end.map((u) => u.toFixed(1)).join(" ")).join("L")}`,
          stroke: colour,
          "stroke-dasharray": dash,
          "stroke-opacity": whole ? 1 : 0.35,
        }),
      );
    });
    if (!run.length || !label) return;
    const last = run[run.length - 1];
    plot.line({ colour, label }).set([last.at], [mean(last.ends[name])]);
  }

  /** A configuration in a plot: what can be chosen. */
  function dot(data, plot, column, row, point, aside) {
    const { colour, marker } = data.bursts[point.B];
    const values = point.ends[row.measures[0]];
    const missing = !point.seeds.length;
    const x = plot.x(point.at) + (missing ? aside : 0);
    const y = plot.y(missing ? 0 : mean(values));
    const name = missing ? data.missing : `${row.title} ${icl.fixed(mean(values), 3)}`;
    const node = icl.svg("g", {
      class: "icl-point",
      role: "button",
      tabindex: -1,
      "aria-label": `${column.sign} = ${point.x}, B = ${point.B}: ${name}`,
      style: `--colour: ${colour}`,
    });
    node.append(icl.svg("circle", { class: "icl-ring", cx: x, cy: y, r: 9 }));
    if (missing) {
      const d = `M${x - 3.5} ${y - 3.5}l7 7m0 -7l-7 7`;
      node.append(icl.svg("path", { class: "icl-missing", d }));
      return { node, x, y };
    }
    for (const measure of row.measures.slice().reverse()) {
      for (const value of point.ends[measure]) {
        node.append(icl.svg("path", { class: "icl-seed", d: `M${x - 6} ${plot.y(value)}h12` }));
      }
      const primary = measure === row.measures[0];
      node.append(
        icl.svg("path", {
          class: primary ? "icl-mean" : "icl-hollow",
          d: MARKS[marker],
          transform: `translate(${x} ${plot.y(mean(point.ends[measure]))})`,
        }),
      );
    }
    return { node, x, y };
  }

  /** The next point along a curve, or the one of the next curve at the same place. */
  function neighbour(curves, point, key) {
    const row = curves.findIndex((curve) => curve.includes(point));
    const place = curves[row].indexOf(point);
    switch (key) {
      case "ArrowRight":
        return curves[row][place + 1];
      case "ArrowLeft":
        return curves[row][place - 1];
      case "ArrowUp":
        return curves[row + 1]?.[place];
      case "ArrowDown":
        return curves[row - 1]?.[place];
      case "Home":
        return curves[row][0];
      case "End":
        return curves[row].at(-1);
      default:
        return undefined;
    }
  }
})();
