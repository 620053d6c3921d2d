/**
 * Walk the landscape: gradient descent on eq. 10, from a start and for N and L of the reader's
 * choice. The arithmetic is that of `icl.landscape` for N1 = N, and is compared with it in tests.
 */
(() => {
  "use strict";

  const { icl } = window;

  // The landscape

  const sigmoid = (x) => 0.5 * (1 + Math.tanh(x / 2));

  /** log(e^a + e^b) without overflow; an empty group of labels is a = -Infinity. */
  const logAddExp = (a, b) =>
    Math.max(a, b) + (a === b ? Math.LN2 : Math.log1p(Math.exp(-Math.abs(a - b))));

  /** What loss and gradient share, from the attention logit y and xi on. */
  const terms = (N, L, y, xi) => {
    const r = sigmoid(y - Math.log(2 * N));
    // (e^y - 1) / (e^y + 2N) without overflow, and exactly 0 at y = 0
    const g = -Math.expm1(-Math.abs(y)) * (y > 0 ? r : -(1 - r) / (2 * N));
    const context = Math.log(N - 1) - g * xi;
    const outside = Math.log(L - N) - r * xi;
    const loss = logAddExp(logAddExp(0, context), outside);
    return { r, g, p: Math.exp(context - loss), q: Math.exp(outside - loss), loss };
  };

  const share = (N, beta1) => sigmoid(beta1 - Math.log(N));

  const landscape = {
    /** Attention logit y of eq. 9. */
    logit: (N, [beta1, alpha]) => alpha * share(N, beta1),

    /** Loss over the two logits on which it depends. */
    surface: (N, L, y, xi) => terms(N, L, y, xi).loss,

    /** Eq. 10, in nats. @param {number[]} theta beta1, alpha, xi */
    loss: (N, L, theta) => terms(N, L, landscape.logit(N, theta), theta[2]).loss,

    /** Derivatives of the loss by beta1, alpha and xi. */
    gradient: (N, L, [beta1, alpha, xi]) => {
      const s = share(N, beta1);
      const { r, g, p, q } = terms(N, L, alpha * s, xi);
      const byY = -((1 + 1 / (2 * N)) * p + q) * xi * r * (1 - r);
      return [byY * alpha * s * (1 - s), byY * s, -(p * g + q * r)];
    },

    /**
     * Plain gradient descent, theta <- theta - rate x gradient.
     * @returns {{time: Float64Array, beta1: Float64Array, alpha: Float64Array, xi: Float64Array,
     *   y: Float64Array, loss: Float64Array}}  steps + 1 points
     */
    descend: (N, L, start, rate, steps) => {
      const names = ["time", "beta1", "alpha", "xi", "y", "loss"];
      const path = Object.fromEntries(names.map((name) => [name, new Float64Array(steps + 1)]));
      let theta = start;
      for (let step = 0; step <= steps; step++) {
        path.time[step] = rate * step;
        [path.beta1[step], path.alpha[step], path.xi[step]] = theta;
        path.y[step] = landscape.logit(N, theta);
        path.loss[step] = landscape.loss(N, L, theta);
        const slope = landscape.gradient(N, L, theta);
        theta = theta.map((value, i) => value - rate * slope[i]);
      }
      return path;
    },

    /** How a path ends, in words; `fates` are those of L = N: for xi > 0, and for xi < 0. */
    fate: (N, L, path, [head, elimination]) => {
      const last = path.time.length - 1;
      const slope = landscape.gradient(N, L, [path.beta1[last], path.alpha[last], path.xi[last]]);
      if (slope.every((value) => value === 0))
        return "the gradient is exactly zero, it never leaves";
      if (path.loss[last] > 0.1 * Math.log(L)) return "the loss is still above a tenth of log L";
      return `it has found ${path.xi[last] > 0 ? head : `a solution ${elimination}`}`;
    },
  };
  icl.landscape = landscape;

  // The part

  const COLUMNS = 96;
  const ROWS = 72; // of the map of the surface
  const LEAST = 2; // items
  const MOST = { N: 16, L: 64 };
  const WALK = 1000; // places of the slider along the path
  const SECONDS = 8; // that a walk takes

  icl.part("landscape", (root, data) => {
    const { measures, span, fates } = data;
    let path;

    const short = (name) => measures[name].label.split(",")[0];
    const show = (value) => icl.fixed(value, 2);
    const logit = (name) => {
      const index = ["beta1", "alpha", "xi"].indexOf(name);
      return icl.slider({
        label: `${short(name)} at the start`,
        min: -1,
        max: 1,
        step: 0.05,
        value: data.start[index],
        format: show,
        change: follow,
      });
    };
    const settings = {
      N: icl.slider({
        label: "N, items",
        min: LEAST,
        max: Math.max(MOST.N, data.N),
        value: data.N,
        change: (N) => {
          settings.L.set({ min: N });
          follow();
        },
      }),
      L: icl.slider({
        label: "L, labels",
        min: data.N,
        max: Math.max(MOST.L, data.L),
        value: data.L,
        change: () => follow(),
      }),
    };
    const start = ["beta1", "alpha", "xi"].map(logit);
    const horizon = icl.slider({
      label: "follow until",
      min: 0,
      max: data.horizons.length - 1,
      value: data.horizons.indexOf(data.until),
      format: (index) => `time ${icl.whole(data.horizons[index])}`,
      change: follow,
    });
    const moment = icl.slider({
      label: "walk along the path",
      min: 0,
      max: WALK,
      value: WALK,
      format: (value) => `time ${icl.fixed((value / WALK) * data.horizons[horizon.value], 1)}`,
      change: step,
    });

    const map = icl.plot({
      title: "Path on the loss",
      x: { label: "ξ, classifier", domain: span.xi },
      y: { label: "y, attention", domain: span.y },
      height: 300,
    });
    const paint = map.map({ smooth: true });
    const key = icl.key("loss", data.scale);
    const walked = map.line({ colour: "white", halo: true });
    const origin = map.dot(data.ends.start);
    const here = map.dot(data.ends.end);

    const time = { label: "time (learning rate × steps)", domain: [0, data.until] };
    const plots = {
      loss: icl.plot({
        title: "Loss (nats)",
        x: { ...time, label: "" },
        y: { label: "", domain: [0, 1] },
        height: 130,
        right: 34,
      }),
      logits: icl.plot({
        title: "Logits",
        x: time,
        y: { label: "", domain: [0, 1] },
        height: 190,
        right: 34,
      }),
    };
    const drawn = { loss: ["loss"], logits: ["beta1", "alpha", "xi"] };
    const names = Object.values(drawn).flat();
    const lines = {};
    for (const [place, shown] of Object.entries(drawn)) {
      for (const name of shown) {
        const label = place === "loss" ? "" : short(name);
        lines[name] = plots[place].line({ ...measures[name], label });
      }
    }
    const cursors = Object.values(plots).map((plot) => plot.cursor());
    const status = icl.status();

    /** Draw the surface: the one thing that the start does not change. */
    let painted = "";
    function surface(N, L) {
      if (painted === `${N} ${L}`) return;
      painted = `${N} ${L}`;
      const top = data.steepest * Math.log(L);
      const at = ([low, high], part) => low + part * (high - low);
      const shares = Float64Array.from({ length: COLUMNS * ROWS }, (_, i) => {
        const row = Math.floor(i / COLUMNS);
        const y = at(span.y, 1 - (row + 0.5) / ROWS);
        const xi = at(span.xi, ((i % COLUMNS) + 0.5) / COLUMNS);
        return landscape.surface(N, L, y, xi) / top;
      });
      paint(shares, COLUMNS, data.scale);
      key.set("0", `${icl.fixed(top, 1)} and more`);
    }

    /** Follow the path from the start and draw all of it. */
    function follow() {
      const [N, L] = [settings.N.value, settings.L.value];
      const until = data.horizons[horizon.value];
      const from = start.map((slider) => slider.value);
      path = landscape.descend(N, L, from, data.rate, Math.round(until / data.rate));
      surface(N, L);
      walked.set(path.xi, path.y);
      origin.set(path.xi[0], path.y[0]);
      for (const [place, plot] of Object.entries(plots)) {
        const values = drawn[place].flatMap((name) => extremes(path[name]));
        plot.domain("x", [0, until]);
        plot.domain("y", [Math.min(0, ...values), Math.max(0.1, ...values) * 1.05]);
        for (const name of drawn[place]) lines[name].set(path.time, path[name]);
      }
      moment.set({});
      step();
    }

    /** Go to the chosen moment and say where one is. */
    function step() {
      const i = Math.round((moment.value / WALK) * (path.time.length - 1));
      here.set(path.xi[i], path.y[i]);
      for (const cursor of cursors) cursor.set(path.time[i]);
      const where = names.map((name) => `${short(name)} ${show(path[name][i])}`).join(", ");
      const [N, L] = [settings.N.value, settings.L.value];
      const words =
        `N = ${N}, L = ${L}. At time ${icl.fixed(path.time[i], 1)}: ${where}; y ${show(path.y[i])}. ` +
        `At the end ${landscape.fate(N, L, path, fates)}.`;
      for (const plot of [map, ...Object.values(plots)]) plot.describe(words);
      status.say(words);
    }

    follow();
    root.append(
      icl.controls("Settings of the landscape", settings.N, settings.L, ...start, horizon),
      icl.html(
        "div",
        { class: "icl-plots" },
        icl.html("div", {}, map.node, key.node),
        icl.html("div", {}, plots.loss.node, plots.logits.node),
      ),
      icl.walk("Walk", moment, icl.player(moment, SECONDS)),
      status.node,
    );
  });

  /** Least and greatest of a long list, which Math.min(...list) may be too long for. */
  function extremes(values) {
    let [low, high] = [Infinity, -Infinity];
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    return [low, high];
  }
})();
