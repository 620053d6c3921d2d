/**
 * What the interactive parts of the book share. Classic deferred scripts, so that they also work
 * from file://; this one comes first, then a file a part, `icl-NAME.js`.
 *
 * A part is published by `icl.figures.interactive.show_part` and taken over by `icl.part`. The rest
 * here are its building blocks: native controls with labels and values, a line of text that says
 * what the picture shows, and a plot in SVG with an optional map of colours behind it.
 */
(() => {
  "use strict";

  const icl = (window.icl = {});

  /**
   * Take over every part of a name: `mount` gets an empty element to fill and the part's data. When
   * it returns, the element replaces the static picture; when it fails, the picture stays.
   * @param {string} name as in `show_part(name, ...)`
   * @param {(root: HTMLElement, data: any) => void} mount
   */
  icl.part = (name, mount) => {
    for (const place of document.querySelectorAll(`.icl-part[data-part="${name}"]`)) {
      const data = JSON.parse(place.querySelector('script[type="application/json"]').textContent);
      const root = icl.html("div", { class: "icl-live" });
      mount(root, data);
      place.querySelector(".icl-static").replaceWith(root);
    }
  };

  // Elements

  const fill = (node, attributes, children) => {
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };

  /**
   * @param {string} tag
   * @param {Object<string, string|number>} [attributes]
   * @param {...(Node|string)} children
   * @returns {HTMLElement}
   */
  icl.html = (tag, attributes = {}, ...children) =>
    fill(document.createElement(tag), attributes, children);

  /** The same for SVG. @returns {SVGElement} */
  icl.svg = (tag, attributes = {}, ...children) =>
    fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

  let counter = 0;
  const unique = () => `icl-${++counter}`;

  // Controls. Each has `node`, to be put into a group of controls, and `value`.

  const group = (kind, name, controls) =>
    icl.html(
      "div",
      { class: kind, role: "group", "aria-label": name },
      ...controls.map((control) => control.node),
    );

  /** A group of controls under a name. @returns {HTMLElement} */
  icl.controls = (name, ...controls) => group("icl-controls", name, controls);

  /** A wide slider and a button beside it. @returns {HTMLElement} */
  icl.walk = (name, ...controls) => group("icl-controls icl-walk", name, controls);

  /**
   * A native slider with its label and its value in words. `set` changes limits or value without
   * calling `change`.
   * @param {{label: string, min: number, max: number, step?: number, value: number,
   *   format?: (value: number) => string, change: (value: number) => void}} options
   */
  icl.slider = ({ label, min, max, step = 1, value, format = String, change }) => {
    const id = unique();
    const input = icl.html("input", { type: "range", id, min, max, step, value });
    // Not announced: the input says the same, and an output would talk while the slider moves.
    const output = icl.html("output", { for: id, "aria-live": "off" });
    const slider = {
      node: icl.html(
        "div",
        { class: "icl-control" },
        icl.html("label", { for: id }, label),
        input,
        output,
      ),
      input,
      get value() {
        return Number(input.value);
      },
      set(changes) {
        for (const name of ["min", "max", "value"])
          if (name in changes) input[name] = changes[name];
        const words = format(slider.value);
        output.textContent = words;
        input.setAttribute("aria-valuetext", words);
      },
    };
    input.addEventListener("input", () => {
      slider.set({});
      change(slider.value);
    });
    slider.set({});
    return slider;
  };

  /**
   * A field for a number; `text` is what is written in it, `value` its number (NaN if it is none).
   * @param {{label: string, min?: number, step?: number|string, value: number,
   *   change: () => void}} options
   */
  icl.number = ({ label, change, ...attributes }) => {
    const id = unique();
    const input = icl.html("input", { type: "number", id, inputmode: "decimal", ...attributes });
    input.addEventListener("input", () => change());
    return {
      node: icl.html("div", { class: "icl-control" }, icl.html("label", { for: id }, label), input),
      input,
      get text() {
        return input.value;
      },
      get value() {
        return input.value === "" ? NaN : Number(input.value);
      },
      set(value) {
        input.value = value;
      },
    };
  };

  /**
   * A choice between a few things.
   * @param {{label: string, options: [string, string][], value: string,
   *   change: (value: string) => void}} options  pairs of value and text
   */
  icl.choice = ({ label, options, value, change }) => {
    const id = unique();
    const select = icl.html(
      "select",
      { id },
      ...options.map(([name, text]) => icl.html("option", { value: name }, text)),
    );
    select.value = value;
    select.addEventListener("change", () => change(select.value));
    return {
      node: icl.html(
        "div",
        { class: "icl-control" },
        icl.html("label", { for: id }, label),
        select,
      ),
      get value() {
        return select.value;
      },
    };
  };

  /** @param {string} text @param {() => void} press */
  icl.button = (text, press) => {
    const node = icl.html("button", { type: "button" }, text);
    node.addEventListener("click", press);
    return { node };
  };

  /**
   * A button that moves a slider from where it stands to its end, and stops. Whoever asked the
   * system for less motion gets none: the slider does the same by hand.
   * @param {ReturnType<typeof icl.slider>} slider
   * @param {number} seconds for the slider's whole way
   * @returns {{node: HTMLElement, stop: () => void}}  to be stopped before the slider's way changes
   */
  icl.player = (slider, seconds) => {
    const still = matchMedia("(prefers-reduced-motion: reduce)");
    const { input } = slider;
    let frame = 0;
    const stop = () => {
      cancelAnimationFrame(frame);
      frame = 0;
      button.node.textContent = "Play";
    };
    const play = () => {
      const [low, high] = [Number(input.min), Number(input.max)];
      const first = slider.value < high ? slider.value : low;
      let began = null;
      const move = (now) => {
        began ??= now;
        const value = Math.min(first + ((now - began) / 1000 / seconds) * (high - low), high);
        slider.set({ value });
        input.dispatchEvent(new Event("input", { bubbles: true }));
        if (value < high) frame = requestAnimationFrame(move);
        else stop();
      };
      button.node.textContent = "Stop";
      frame = requestAnimationFrame(move);
    };
    const button = icl.button("Play", () => (frame ? stop() : play()));
    const offer = () => {
      if (still.matches) stop();
      button.node.hidden = still.matches;
    };
    still.addEventListener("change", offer);
    input.addEventListener("pointerdown", stop);
    input.addEventListener("keydown", stop);
    offer();
    return { node: button.node, stop };
  };

  /**
   * A line that says in words what is seen. It changes at once; screen readers are asked to wait
   * until it has rested, so that a dragged slider does not talk without end.
   * @returns {{node: HTMLElement, say: (text: string) => void}}
   */
  icl.status = () => {
    const node = icl.html("p", { class: "icl-status", role: "status" });
    let rest = 0;
    return {
      node,
      say(text) {
        node.setAttribute("aria-busy", "true");
        node.textContent = text;
        clearTimeout(rest);
        rest = setTimeout(() => node.setAttribute("aria-busy", "false"), 500);
      },
    };
  };

  // Numbers

  /** A number with a true minus sign. */
  icl.fixed = (value, digits) => (value.toFixed(digits) * 1 || 0).toFixed(digits).replace("-", "−");

  /** Steps as 12,500. */
  icl.whole = (value) => Math.round(value).toLocaleString("en");

  /**
   * Shares that `icl.figures.interactive.pack` made bytes of; NaN where there was no value.
   * @param {string} text
   * @returns {Float64Array}
   */
  icl.unpack = (text) =>
    Float64Array.from(atob(text), (letter) => {
      const level = letter.charCodeAt(0);
      return level === 255 ? NaN : level / 254;
    });

  /**
   * Colour of a share of a scale; shares outside of 0 to 1 get its ends.
   * @param {string[]} colours equally spaced, lowest first
   * @returns {(share: number) => string}
   */
  icl.scale = (colours) => (share) =>
    colours[Math.max(0, Math.min(colours.length - 1, Math.round(share * (colours.length - 1))))];

  /** Round numbers that divide an interval into two to six parts. */
  icl.ticks = ([low, high]) => {
    const rough = (high - low) / 5;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.99);
    const ticks = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
      ticks.push([i * step, String(Number((i * step).toPrecision(6))).replace("-", "−")]);
    }
    return ticks;
  };

  /**
   * Paint numbers into a canvas, one pixel each; NaN is left transparent.
   * @param {HTMLCanvasElement} canvas
   * @param {ArrayLike<number>} shares row by row from the top, 0 to 1
   * @param {number} columns
   * @param {string[]} colours
   */
  icl.paint = (canvas, shares, columns, colours) => {
    const rows = Math.ceil(shares.length / columns);
    [canvas.width, canvas.height] = [columns, rows];
    const context = canvas.getContext("2d");
    const image = context.createImageData(columns, rows);
    const colour = icl.scale(colours);
    for (let i = 0; i < shares.length; i++) {
      if (Number.isNaN(shares[i])) continue;
      const rgb = parseInt(colour(shares[i]).slice(1), 16);
      image.data.set([rgb >> 16, (rgb >> 8) & 255, rgb & 255, 255], 4 * i);
    }
    context.putImageData(image, 0, 0);
  };

  /**
   * What the colours of a map mean: a strip between two values.
   * @param {string} label
   * @param {string[]} colours
   * @returns {{node: HTMLElement, set: (low: string, high: string) => void}}
   */
  icl.key = (label, colours) => {
    const [low, high] = [icl.html("span"), icl.html("span")];
    const strip = icl.html("span", {
      class: "icl-strip",
      style: `background: linear-gradient(to right, ${colours.join(", ")})`,
    });
    return {
      node: icl.html("p", { class: "icl-key" }, label, " ", low, strip, high),
      set(from, to) {
        [low.textContent, high.textContent] = [from, to];
      },
    };
  };

  // Plots

  const LETTER = 12; // height of a line of text, in the units of a plot

  /**
   * A plot: axes, and what is asked of it. Its units are about the pixels of a narrow screen; it
   * grows with its place.
   *
   * @param {object} options
   * @param {string} options.title
   * @param {string} [options.name] for those who do not see it, where the title alone is short of it
   * @param {{label: string, domain: [number, number], ticks?: [number, string][]}} options.x
   *   `ticks` are pairs of place and text, round numbers by default; so for `y`. A domain may fall.
   * @param {{label: string, domain: [number, number], ticks?: [number, string][]}} options.y
   * @param {number} [options.width]
   * @param {number} [options.height]
   * @param {number} [options.right] room for labels beside the lines
   * @param {string} [options.role] "group" if something in it can be focused
   * @returns an object with `node` and the functions below; `x(value)` and `y(value)` are places in
   *   the SVG, and `layer` its group for what else shall be drawn
   */
  icl.plot = (options) => {
    const { title, name = title, x, y, width = 340, height = 240, right = 12, role = "img" } = options;
    const area = { left: 46, top: 24, right: width - right, bottom: height - (x.label ? 40 : 22) };
    const domains = { x: x.domain, y: y.domain };
    const place = (axis, from, to) => (value) => {
      const [low, high] = domains[axis];
      return from + ((value - low) / (high - low)) * (to - from);
    };
    const plot = {
      x: place("x", area.left, area.right),
      y: place("y", area.bottom, area.top),
      layer: icl.svg("g"),
    };
    const axes = icl.svg("g", { class: "icl-axes" });
    const svg = icl.svg(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, role, "aria-label": name },
      icl.svg("text", { x: 0, y: LETTER, class: "icl-title" }, title),
      axes,
      plot.layer,
    );
    plot.node = icl.html("div", { class: "icl-plot" }, svg);

    const text = (words, at) => icl.svg("text", at, words);
    const drawAxes = () => {
      const { left, top, bottom } = area;
      const middle = { x: (left + area.right) / 2, y: (top + bottom) / 2 };
      axes.replaceChildren(
        icl.svg("path", { d: `M${left} ${top}V${bottom}H${area.right}` }),
        ...(x.ticks ?? icl.ticks(domains.x)).map(([value, words]) =>
          text(words, { x: plot.x(value), y: bottom + LETTER + 3, "text-anchor": "middle" }),
        ),
        ...(y.ticks ?? icl.ticks(domains.y)).map(([value, words]) =>
          text(words, { x: left - 6, y: plot.y(value) + 4, "text-anchor": "end" }),
        ),
        text(x.label, { x: middle.x, y: height - 6, "text-anchor": "middle" }),
        text(y.label, {
          x: 0,
          y: 0,
          "text-anchor": "middle",
          transform: `translate(${LETTER - 2} ${middle.y}) rotate(-90)`,
        }),
      );
    };
    drawAxes();

    /** Change the domain of an axis; what was drawn before has to be set again. */
    plot.domain = (axis, domain) => {
      domains[axis] = domain;
      drawAxes();
    };

    /** Say in words what is seen now: the plot's name for those who do not see it. */
    plot.describe = (words) => svg.setAttribute("aria-label", `${name}: ${words}`);

    const lines = [];
    /**
     * A line with a direct label at its right end.
     * @param {{colour: string, dash?: string, label?: string, halo?: boolean}} options  a halo sets
     *   it off from a map of colours
     * @returns {{set: (xs: ArrayLike<number>, ys: ArrayLike<number>) => void}}
     */
    plot.line = ({ colour, dash = "", label = "", halo = false }) => {
      const path = icl.svg("path", { class: "icl-line", stroke: colour, "stroke-dasharray": dash });
      const under = icl.svg("path", { class: "icl-halo" });
      const tag = icl.svg("text", { class: "icl-tag", style: `--colour: ${colour}` }, label);
      plot.layer.append(...(halo ? [under] : []), path, tag);
      const line = {
        tag,
        end: null,
        set(xs, ys) {
          const d = trace(xs, ys);
          path.setAttribute("d", d);
          under.setAttribute("d", d);
          line.end = clamp(plot.y(ys[ys.length - 1]));
          arrange();
        },
      };
      lines.push(line);
      return line;
    };

    const clamp = (at) => Math.max(area.top, Math.min(area.bottom, at));

    /** The path through points, without those that lie on the one before; cut off at the edges. */
    const trace = (xs, ys) => {
      let [d, a, b] = ["", NaN, NaN];
      for (let i = 0; i < xs.length; i++) {
        const [u, v] = [plot.x(xs[i]), plot.y(ys[i])];
        if (i < xs.length - 1 && Math.abs(u - a) < 0.5 && Math.abs(v - b) < 0.5) continue;
        d += `${d ? "L" : "M"}${u.toFixed(1)} ${v.toFixed(1)}`;
        [a, b] = [u, v];
      }
      return d;
    };

    /** Put the labels beside the ends of their lines, one under the other where they would touch. */
    const arrange = () => {
      const tagged = lines.filter((line) => line.tag.textContent && line.end !== null);
      tagged.sort((a, b) => a.end - b.end);
      const places = tagged.map((line) => line.end);
      for (let i = 1; i < places.length; i++) {
        places[i] = Math.max(places[i], places[i - 1] + LETTER + 1);
      }
      let lowest = area.bottom + 4;
      for (let i = places.length - 1; i >= 0; i--) {
        places[i] = Math.min(places[i], lowest);
        lowest = places[i] - LETTER - 1;
      }
      tagged.forEach((line, i) => {
        line.tag.setAttribute("x", area.right + 6);
        line.tag.setAttribute("y", places[i] + 4);
      });
    };

    /** A dashed horizontal line, with its label at the right end. @param {string} label */
    plot.level = (label) => {
      const path = icl.svg("path", { class: "icl-level" });
      const tag = icl.svg("text", {}, label);
      plot.layer.append(path, tag);
      const level = {
        tag,
        end: null,
        set(value) {
          path.setAttribute("d", `M${area.left} ${plot.y(value)}H${area.right}`);
          level.end = plot.y(value);
          arrange();
        },
      };
      lines.push(level);
      return level;
    };

    /** A vertical line at a place of x. */
    plot.cursor = () => {
      const path = icl.svg("path", { class: "icl-cursor" });
      plot.layer.append(path);
      return {
        set(value) {
          path.setAttribute("d", `M${plot.x(value)} ${area.top}V${area.bottom}`);
        },
      };
    };

    /** A dot. @param {string} colour @param {number} [r] its radius */
    plot.dot = (colour, r = 5) => {
      const circle = icl.svg("circle", { class: "icl-dot", r, fill: colour });
      plot.layer.append(circle);
      return {
        set(at, value) {
          circle.setAttribute("cx", plot.x(at));
          circle.setAttribute("cy", plot.y(value));
        },
      };
    };

    /**
     * A map of colours that fills the area, behind all else.
     * @param {{smooth?: boolean}} [options]  blend the colours of neighbours
     * @returns {(shares: ArrayLike<number>, columns: number, colours: string[]) => void}  as
     *   `icl.paint` takes them: the first row is at the top
     */
    plot.map = ({ smooth = false } = {}) => {
      const share = (length, whole) => `${(100 * length) / whole}%`;
      const canvas = icl.html("canvas", {
        "aria-hidden": "true",
        class: smooth ? "icl-smooth" : "icl-cells",
        style:
          `left: ${share(area.left, width)}; width: ${share(area.right - area.left, width)};` +
          `top: ${share(area.top, height)}; height: ${share(area.bottom - area.top, height)}`,
      });
      plot.node.prepend(canvas);
      plot.layer.setAttribute("clip-path", `url(#${clip()})`);
      return (shares, columns, colours) => icl.paint(canvas, shares, columns, colours);
    };

    /** What is drawn over a map ends where the map does. */
    const clip = () => {
      const id = unique();
      const [x, y] = [area.left, area.top];
      const window = { x, y, width: area.right - x, height: area.bottom - y };
      svg.prepend(icl.svg("clipPath", { id }, icl.svg("rect", window)));
      return id;
    };

    return plot;
  };
})();
